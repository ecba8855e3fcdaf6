"""spec/ledger describes the files that are written: by its schemas, and so that a stranger can reckon by its README."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import orjson
import pytest
from hypothesis import given
from msgspec.structs import fields

from collector.hour import ClosedHour, HourAmount, HourAmounts
from collector.store.ledger import chain, writing
from collector.store.ledger.day import UNKNOWN
from collector.store.ledger.day_file import day_files
from collector.store.ledger.form import AmountField, Header, HourLine, encode
from collector.store.ledger.formulas import Split, cost, split_amounts, split_bill
from collector.store.ledger.ledger import Ledger
from kl_core.calendar import DAY
from kl_core.vocabulary import METRICS, Metric
from tests.collector.store.ledger.hours import CLUSTER, MIDNIGHT, day, days_of_hours, hour, row

SPEC = Path(__file__).resolve().parents[2] / "spec" / "ledger"
README = (SPEC / "README.md").read_text(encoding="utf-8")
STRANGER = Path(__file__).resolve().parents[1] / "collector" / "store" / "ledger" / "stranger.mjs"


def schema(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SPEC / f"{name}.schema.json").read_text(encoding="utf-8"))
    return document


HEADER, HOUR_LINE = (jsonschema.Draft202012Validator(schema(name)) for name in ("header", "hour"))


@pytest.mark.parametrize("name", ["header", "hour"])
def test_the_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize(("name", "form"), [("header", Header), ("hour", HourLine)])
def test_the_schemas_have_the_members_in_the_order_in_which_they_are_written(
    name: str, form: type[Header | HourLine]
) -> None:
    assert list(schema(name)["properties"]) == [*(field.name for field in fields(form)), "chain"]


@given(days_of_hours())
def test_whatever_is_written_is_valid(hours: list[ClosedHour]) -> None:
    header, order = writing.header(hours[0], CLUSTER, chain.BEGINNING, MIDNIGHT - 3 * DAY)
    HEADER.validate(orjson.loads(chain.chained(chain.BEGINNING, encode(header))[0]))
    for each in hours:
        line = encode(writing.hour_line(each, order))
        HOUR_LINE.validate({**_within_the_hour(orjson.loads(line)), "chain": chain.link(chain.BEGINNING, line)})


def _within_the_hour(line: dict[str, Any]) -> dict[str, Any]:
    """The line with seconds that an hour has: the strategy gives sources any number of them."""
    line["observed"] = {source: seconds and seconds % 3600 for source, seconds in line["observed"].items()}
    return line


def test_the_schemas_refuse_what_is_no_line() -> None:
    line = orjson.loads(
        chain.chained(chain.BEGINNING, encode(writing.hour_line(hour(MIDNIGHT), writing.DayOrder())))[0]
    )
    HOUR_LINE.validate(line)
    wrong: list[dict[str, object]] = [
        {"hour": "2026-10-03T00:30:00Z"},
        {"origin": "somebody"},
        {"pods_observed": 3601},
        {"measured": [0.5]},
        {"measured": [-1]},
        {"idle": 1},
        {"gpu_memory": {"requests": [1]}},
        {"chain": "0"},
        {"names": [{"name": "=1+1", "labels": {}}]},
    ]
    assert [HOUR_LINE.is_valid({**line, **members}) for members in wrong] == [False] * len(wrong)


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node here")
    return found


def strangers(directory: Path, name: str) -> subprocess.CompletedProcess[str]:
    """What the stranger makes of a day, who knows the description and nothing of our code."""
    (file,) = (each for each in day_files(directory) if each.date == name)
    plain = directory / "plain.jsonl"
    if file.compressed.exists():
        command = [shutil.which("xz") or pytest.skip("there is no xz here"), "-dc", str(file.compressed)]
        plain.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    else:
        plain.write_bytes(file.plain.read_bytes())
    return subprocess.run([node(), str(STRANGER), str(plain)], capture_output=True, text=True, check=False)


def test_a_stranger_checks_a_day(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append(day(), CLUSTER)
    done = strangers(tmp_path, "2026-10-03")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["head"] == ledger.head
    plain = day_files(tmp_path)[0].compressed.with_suffix("")
    lines = [line + b"\n" for line in day_files(tmp_path)[0].lines()[0]]
    plain.write_bytes(b"".join([*lines[:3], lines[3].replace(b"1002", b"1003", 1), *lines[4:]]))
    day_files(tmp_path)[0].compressed.unlink()
    changed = strangers(tmp_path, "2026-10-03")
    assert (changed.returncode, json.loads(changed.stdout)) == (1, {"bad": 4})


def test_a_stranger_reckons_the_example_of_the_page(tmp_path: Path) -> None:
    example = README[README.index("### An example") : README.index("Two namespaces on 4 cores")]
    line = "".join(re.findall(r"^    \s*(.*)$", example, re.MULTILINE)).replace(',"chain":"…"', "")
    both = hour(MIDNIGHT, {"a": row(), "b": row()}, nodes={})
    header, _ = writing.header(both, CLUSTER, chain.BEGINNING, None)
    first, head = chain.chained(chain.BEGINNING, encode(header))
    Ledger.open(tmp_path).append([both], CLUSTER)
    day_files(tmp_path)[0].plain.write_bytes(b"%b\n%b\n" % (first, chain.chained(head, line.encode())[0]))
    done = strangers(tmp_path, "2026-10-03")
    assert done.returncode == 0, done.stderr
    cpu = json.loads(done.stdout)["hours"][0]["metrics"]["cpu"]
    assert cpu["charged"]["amounts"]["namespace a"] == 3_600_000
    assert cpu["usage"]["costs"] == {
        "namespace a": "500000000",
        "namespace b": "0",
        "non-allocatable": "50000000",
        "rest idle": "1450000000",
    }
    assert cpu["requests"]["costs"]["namespace b"] == "125000000"
    memory = json.loads(done.stdout)["hours"][0]["metrics"]["memory"]["usage"]
    assert (memory["amounts"]["rest idle"], memory["costs"]["rest idle"]) == ("14400000", "488281250")


@given(days_of_hours())
def test_a_stranger_reckons_whatever_hour_as_we_do(
    tmp_path_factory: pytest.TempPathFactory, hours: list[ClosedHour]
) -> None:
    directory = tmp_path_factory.mktemp("stranger")
    ledger = Ledger.open(directory)
    ledger.append([replace(each, allocatable=_at_most(each.allocatable, each.capacity)) for each in hours], CLUSTER)
    read = [closed for closed in ledger.hours(0, 2**35) if closed.start < MIDNIGHT + DAY]
    reckoned = json.loads(strangers(directory, "2026-10-03").stdout)["hours"]
    for closed, theirs in zip(read, reckoned, strict=True):
        for metric in METRICS:
            for basis, by_basis in theirs["metrics"][metric].items():
                assert _as_integers(by_basis["amounts"]) == ours(closed, metric, basis)[0]
                assert _as_integers(by_basis["costs"]) == ours(closed, metric, basis)[1]


def _at_most(allocatable: HourAmounts, capacity: HourAmounts) -> HourAmounts:
    pairs = ((metric, allocatable[metric], capacity[metric]) for metric in METRICS)
    return {metric: None if one is None or other is None else min(one, other) for metric, one, other in pairs}


def _as_integers(column: Mapping[str, Any]) -> dict[str, int | None]:
    return {name: None if amount is None else int(amount) for name, amount in column.items()}


def ours(closed: ClosedHour, metric: Metric, basis: AmountField) -> tuple[dict[str, HourAmount], dict[str, HourAmount]]:
    """HourAmounts and costs of all rows and of the rest, by our own code."""
    capacity, allocatable, bill = (each.get(metric) for each in (closed.capacity, closed.allocatable, closed.bill))
    entries = {f"namespace {name}": each for name, each in closed.namespaces.items()}
    entries |= {f"special {name}": each for name, each in closed.special.items()}
    amounts: dict[str, HourAmount] = {name: getattr(each, basis).get(metric) for name, each in entries.items()}
    column = np.array([UNKNOWN if each is None else each for each in amounts.values()], np.int64)
    money: list[HourAmount] = [None] * len(amounts)
    if bill is not None and capacity is not None:
        money = [None if each is None else cost(bill, each, capacity) for each in amounts.values()]
    left = split_amounts(column, capacity, allocatable, measured=basis == "usage")
    left_of_bill = split_bill(bill, column, capacity, allocatable, measured=basis == "usage")
    return amounts | _rest(left), dict(zip(amounts, money, strict=True)) | _rest(left_of_bill)


def _rest(split: Split) -> dict[str, HourAmount]:
    parts = {
        "rest idle": split.idle,
        "rest unmeasured": split.unmeasured,
        "non-allocatable": split.non_allocatable,
    }
    return {name: part for name, part in parts.items() if part is not None}
