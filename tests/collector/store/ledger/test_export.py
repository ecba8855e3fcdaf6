"""Rows of the ledger, reckoned by hand; and each form of a file, read by others."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from collector.errors import DamagedDayError, StoreError
from collector.hour import ClosedHour, HourRate
from collector.store.ledger.export import appearing, export
from collector.store.ledger.export_files import write_csv
from collector.store.ledger.export_rows import BASES, ExportRow, Step, rows
from collector.store.ledger.ledger import Ledger
from kl_core.calendar import DAY, HOUR
from tests.collector.store.ledger.hours import CLUSTER, MIDNIGHT, day, hour, row, unobserved


def exported(directory: Path, hours: Iterable[ClosedHour], step: Step = "hour") -> list[ExportRow]:
    ledger = Ledger.open(directory)
    ledger.append(list(hours), CLUSTER)
    return [each for of_day in ledger.days(0, 2**35) for each in rows(of_day, step)]


def named(table: Iterable[ExportRow], namespace: str, metric: str = "cpu") -> ExportRow:
    (each,) = (each for each in table if (each.namespace, each.metric) == (namespace, metric))
    return each


def test_amounts_and_costs_of_an_hour(tmp_path: Path) -> None:
    # shop used one core of four for an hour and requested two; the 4 core-hours cost 2.00 EUR.
    table = exported(tmp_path, [hour(MIDNIGHT, {"shop": row(3_600_000, 7_200_000), "web": row()})])
    shop = named(table, "shop")
    assert (shop.time, shop.kind, shop.hours, shop.usage_hours, shop.currency) == (MIDNIGHT, "namespace", 1, 1, "EUR")
    assert [shop.usage, shop.requests, shop.charged] == [1, 2, 2]
    assert [shop.usage_cost, shop.requests_cost, shop.charged_cost] == [Decimal("0.5"), 1, 1]
    assert [shop.usage_matched, shop.requests_matched, shop.measured_share] == [1, 2, 1]
    idle, rest = named(table, "idle"), named(table, "non-allocatable")
    # 3.9 of 4 cores are allocatable: 0.1 is 0.05 EUR, and idle has what shop leaves.
    assert [idle.usage, idle.requests, idle.charged] == [Decimal("2.9"), Decimal("1.9"), Decimal("1.9")]
    assert [idle.usage_cost, idle.requests_cost] == [Decimal("1.45"), Decimal("0.95")]
    assert [rest.usage, rest.usage_cost, rest.kind] == [Decimal("0.1"), Decimal("0.05"), "special"]
    assert "web" not in {each.namespace for each in table}


def test_memory_is_in_gib_hours_rounded_half_to_even_at_the_ninth_decimal(tmp_path: Path) -> None:
    table = exported(tmp_path, [hour(MIDNIGHT, {"shop": row(3_686_400 * 2 + 1)})])
    assert named(table, "shop", "memory").usage == Decimal("2.000000271")


def test_what_is_unknown_is_empty_and_the_rest_unmeasured(tmp_path: Path) -> None:
    unknown = replace(row(requests=1_800_000), usage={"cpu": None, "memory": 0, "gpu": 0, "gpu_memory": 0}, measured=0)
    table = exported(tmp_path, [hour(MIDNIGHT, {"shop": row(3_600_000), "web": unknown})])
    web, unmeasured, idle = (named(table, name) for name in ("web", "unmeasured", "idle"))
    assert [web.usage, web.usage_cost, web.requests] == [None, None, Decimal("0.5")]
    assert [web.usage_hours, web.measured_share] == [0, 0]
    assert (unmeasured.usage, unmeasured.requests, unmeasured.usage_cost) == (Decimal("2.9"), None, Decimal("1.45"))
    assert (idle.usage, idle.requests) == (None, Decimal("3.4"))


def test_a_day_is_the_sum_of_its_hours_converted_once(tmp_path: Path) -> None:
    # A third of a thousand-millionth each hour would be lost if hours were rounded.
    hours = [hour(MIDNIGHT + at * HOUR, {"shop": row(1_200_001)}) for at in range(3)]
    table = exported(tmp_path, [*hours, unobserved(MIDNIGHT + 3 * HOUR)], "day")
    (shop,) = (each for each in table if (each.namespace, each.metric, each.currency) == ("shop", "cpu", "EUR"))
    assert (shop.time, shop.hours, shop.usage_hours, shop.usage) == (MIDNIGHT, 3, 3, Decimal("1.000000833"))
    (other,) = (each for each in table if (each.namespace, each.metric, each.currency) == ("shop", "cpu", None))
    assert (other.hours, other.usage_hours, other.usage, other.usage_cost) == (1, 0, None, None)


def test_currencies_are_not_added(tmp_path: Path) -> None:
    dollars = hour(MIDNIGHT + HOUR, rate=HourRate(2.5, "USD", None))
    table = exported(tmp_path, [hour(MIDNIGHT), dollars], "day")
    costs = [(each.currency, each.usage_cost) for each in table if (each.namespace, each.metric) == ("shop", "cpu")]
    assert costs == [("EUR", Decimal("0.5")), ("USD", Decimal("0.5"))]


def test_storage_has_a_row_a_class_with_requests_alone(tmp_path: Path) -> None:
    claims = replace(row(1), storage={"fast": 3_686_400, "slow": 0})
    table = exported(tmp_path, [hour(MIDNIGHT, {"shop": claims}, storage_observed=HOUR)])
    storage = named(table, "shop", "storage")
    assert [storage.storage_class, storage.requests, storage.usage, storage.usage_hours] == ["fast", 1, None, None]


def test_a_special_entry_and_a_namespace_of_its_name_are_two_rows(tmp_path: Path) -> None:
    excluded = replace(row(1_800_000), labels={})
    table = exported(tmp_path, [hour(MIDNIGHT, {"excluded": row(3_600_000)}, special={"excluded": excluded})])
    rows_so_called = {each.kind: each.usage for each in table if (each.namespace, each.metric) == ("excluded", "cpu")}
    assert rows_so_called == {"namespace": 1, "special": Decimal("0.5")}
    assert named(table, "idle").usage == Decimal("2.4")


@given(st.lists(st.tuples(st.none() | st.integers(0, 2 * 10**7), st.integers(0, 10**7)), min_size=1, max_size=4))
def test_each_column_adds_up_to_the_capacity_and_its_cost_to_the_bill(
    tmp_path_factory: pytest.TempPathFactory, amounts: list[tuple[int | None, int]]
) -> None:
    # HourAmounts are multiples of what has nine decimals in the end: 36 milli-core-seconds are 10⁻⁵ core-hours.
    namespaces = {
        f"n{index}": replace(
            row(requests=requests * 36, charged=requests * 36),
            usage={"cpu": None if usage is None else usage * 36, "memory": 0, "gpu": 0, "gpu_memory": 0},
        )
        for index, (usage, requests) in enumerate(amounts)
    }
    table = exported(tmp_path_factory.mktemp("sums"), [hour(MIDNIGHT, namespaces)])
    cpu = [each for each in table if each.metric == "cpu"]
    for basis in BASES:
        assert sum(getattr(each, basis) or 0 for each in cpu) == 4
        assert sum(getattr(each, f"{basis}_cost") or 0 for each in cpu) == 2


def written(
    directory: Path, form: str, step: Step = "hour", first: str | None = None, last: str | None = None
) -> bytes:
    file = io.BytesIO()
    export(directory, file, form, step, first=first, last=last)
    return file.getvalue()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    ledger = Ledger.open(tmp_path)
    ledger.append([*day(), *day(MIDNIGHT + DAY, 1), unobserved(MIDNIGHT + DAY + HOUR)], CLUSTER)
    return tmp_path


def test_csv_has_plain_decimals_and_leaves_empty_what_is_unknown(directory: Path) -> None:
    table = list(csv.DictReader(io.StringIO(written(directory, "csv").decode())))
    assert tuple(table[0]) == ExportRow._fields
    shop = [each for each in table if (each["namespace"], each["metric"]) == ("shop", "cpu")]
    assert (shop[0]["time"], shop[0]["usage"]) == ("2026-10-03T00:00:00Z", "0.000277778")
    assert (shop[-1]["time"], shop[-1]["usage"], shop[-1]["currency"]) == ("2026-10-04T01:00:00Z", "", "")


def test_json_lines_say_the_same(directory: Path) -> None:
    table = list(csv.DictReader(io.StringIO(written(directory, "csv", "day").decode())))
    lines = [
        json.loads(line, parse_float=str, parse_int=str) for line in written(directory, "jsonl", "day").splitlines()
    ]
    assert [{name: cell or "" for name, cell in line.items()} for line in lines] == table
    assert lines[0]["time"] == "2026-10-03"


@pytest.mark.parametrize("step", ["hour", "day"])
def test_parquet_says_the_same_with_types(directory: Path, step: Step) -> None:
    content = parquet.read_table(io.BytesIO(written(directory, "parquet", step)))
    table = list(csv.DictReader(io.StringIO(written(directory, "csv", step).decode())))
    assert content.num_rows == len(table)
    for column in ("usage", "charged_cost"):
        assert [None if not each[column] else Decimal(each[column]) for each in table] == content[column].to_pylist()
    first = content["time"][0].as_py()
    assert first == (date(2026, 10, 3) if step == "day" else datetime(2026, 10, 3, tzinfo=UTC))


def test_a_range_of_days_and_no_other_is_exported(directory: Path) -> None:
    lines = written(directory, "jsonl", first="2026-10-04", last="2026-10-04").splitlines()
    assert {json.loads(line)["time"] for line in lines} == {"2026-10-04T00:00:00Z", "2026-10-04T01:00:00Z"}
    with pytest.raises(StoreError, match="no day of a ledger from 2026-10-05"):
        written(directory, "jsonl", first="2026-10-05")


@pytest.mark.parametrize("currency", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_no_cell_of_a_spreadsheet_becomes_a_formula(tmp_path: Path, currency: str) -> None:
    table = exported(tmp_path, [hour(MIDNIGHT, rate=HourRate(2.5, currency, None))])
    file = io.BytesIO()
    write_csv(file, table, "hour")
    assert {each["currency"] for each in csv.DictReader(io.StringIO(file.getvalue().decode()))} == {f"'{currency}"}


def test_a_file_appears_when_it_is_complete_and_not_otherwise(directory: Path, tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    next(directory.rglob("*.xz")).write_bytes(b"")
    with pytest.raises(DamagedDayError), appearing(target) as file:
        export(directory, file, "csv", "hour")
    assert not list(tmp_path.glob("rows.csv*"))
    with appearing(target) as file:
        export(directory, file, "csv", "hour", first="2026-10-04")
    assert target.read_bytes().startswith(b"time,namespace,")
    with pytest.raises(StoreError, match="Choose another file with --output"), appearing(tmp_path / "no" / "rows"):
        pass
