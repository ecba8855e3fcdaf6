"""The product against the reference model: a year of ticks with faults, every published number compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.accounting.gpu_memory import GpuMemory
from collector.accounting.observation import account_interval, observe
from collector.books.hour_closing import Bookkeeper
from collector.model import TickSample
from collector.publish.scale_document import scale_documents
from collector.store.rates import RateChange
from collector.store.store import Store
from tests.reference.model import Document, Key, Reference
from tests.reference.world import TickFact, World, cluster, reading

METRICS = ("cpu", "memory", "gpu", "gpu_memory")
TOLERANCE = 1e-6
HOUR, DAY = 3600, 86400

# 2027-04-18T10:20Z: more than twelve months, a leap-free February, a year turn, and an hour that is open.
YEAR_END = 1_808_043_600 - 2400
YEAR_START = YEAR_END // HOUR * HOUR - 400 * DAY
FINE_FROM = (YEAR_END - 15 * DAY) // HOUR * HOUR
YEAR_RATES = [
    (YEAR_START + 20 * DAY, 12.5, None),
    (YEAR_START + 200 * DAY, 20.0, {"cpu": 0.5, "memory": 0.25, "gpu": 0.25}),
    (FINE_FROM + 5 * DAY + HOUR, 31.0, None),
]

# 40 days that begin and end at half past: 2028-01-24T12:30Z to 2028-03-04T12:30Z, over a leap day.
START = 1_832_329_800
END = START + 40 * DAY
RATES = [(START - 1800 + 3 * DAY, 12.5, None), (START - 1800 + 25 * DAY, 31.0, {"cpu": 0.7, "memory": 0.2, "gpu": 0.1})]
MIXED = (
    (START, 1800),
    (START + 4 * DAY, 300),
    # From 12:50 an hour at a time: the first such tick repeats steps that are stored.
    (START + 9 * DAY + 1200, 3600),
    (START + 15 * DAY, 900),
    (START + 21 * DAY + 300, 600),
    (START + 33 * DAY, 300),
)


@pytest.mark.parametrize(("seed", "excluded"), [(1, ()), (2, ("kube-system", "flickers"))])
def test_a_year_with_faults_is_booked_as_the_rules_say(tmp_path: Path, seed: int, excluded: Sequence[str]) -> None:
    world = World(seed, [(YEAR_START, 3600), (FINE_FROM, 300)], YEAR_END, FINE_FROM)
    checkpoints = [FINE_FROM + 3 * DAY, FINE_FROM + 9 * DAY + 1500]
    run(tmp_path, world, YEAR_RATES, frozenset(excluded), checkpoints)


@pytest.mark.parametrize("schedule", [((START, 600),), ((START, 900),), ((START, 1200),), ((START, 1800),), MIXED])
def test_weeks_at_other_polling_intervals_are_booked_as_the_rules_say(
    tmp_path: Path, schedule: Sequence[tuple[int, int]]
) -> None:
    world = World(len(schedule) + schedule[0][1], schedule, END, START + 20 * DAY, faults=0.25)
    run(tmp_path, world, RATES, frozenset({"kube-system"}), [START + days * DAY for days in (10, 20, 27)])


def run(
    directory: Path,
    world: World,
    rates: list[tuple[int, float, dict[str, float] | None]],
    excluded: frozenset[str],
    checkpoints: list[int],
) -> None:
    """Tells both sides of the same world, and compares at each checkpoint and at the end."""
    reference, collector = Reference(rates, excluded), Accounts(lambda name: name not in excluded)
    history = [RateChange(at, rate, "$", weights) for at, rate, weights in rates]
    with Store.open(directory / "db") as store:
        keeper = Bookkeeper(store)
        batch: list[TickSample] = []
        for fact in world.ticks():
            reference.feed(fact)
            batch.append(collector.sample(fact))
            if checkpoints and fact.time >= checkpoints[0]:
                checkpoints.pop(0)
                store.append(batch)
                batch.clear()
                compare(keeper, reference, history)
        store.append(batch)
        compare(keeper, reference, history)
    check_that_it_was_told_enough([reference.document(scale) for scale in ("hourly_7d", "daily_14d", "monthly_12m")])


class Accounts:
    """What a collector makes of one fact after the other."""

    def __init__(self, charged: Callable[[str], bool]) -> None:
        self._charged = charged
        self._memory: GpuMemory = {}

    def sample(self, fact: TickFact) -> TickSample:
        sample, self._memory = account_interval(
            cluster(fact),
            observe(reading(fact), fact.interval, self._charged),
            self._memory,
            time=fact.time,
            interval=fact.interval,
            charged=self._charged,
            dcgm_configured=fact.dcgm_configured,
        )
        return sample


def check_that_it_was_told_enough(documents: list[Document]) -> None:
    """A world in which nothing goes wrong would prove nothing: all of these have to occur."""
    columns = [(key, column) for document in documents for key, column in document["rows"].items()]

    def values(*wanted: str) -> list[float | None]:
        return [value for key, column in columns if key[1:] == wanted for value in column]

    assert any((value or 0.0) > 0 for value in values("unattributed", "gpu", "usage"))
    assert any((value or 0.0) > 0 for value in values("unattributed", "gpu_memory", "usage"))
    assert any((value or 0.0) > 0 for value in values("unmeasured", "gpu", "cost"))
    assert any((value or 0.0) < 0 for value in values("idle", "cpu", "usage"))
    assert None in values("idle", "memory", "usage")
    assert None in values("comes-back", "cpu", "usage")
    assert 0.0 in values("comes-back", "cpu", "usage")
    shares = [share for document in documents for column in document["coverage"].values() for share in column]
    assert {None, 0.0, 1.0} <= set(shares)
    assert any(share is not None and 0 < share < 1 for share in shares)


def compare(keeper: Bookkeeper, reference: Reference, history: list[RateChange]) -> None:
    """Every number of every scale, in both directions: nothing differs, is missing or is there in excess."""
    for scale, columns in scale_documents(keeper.books(history)).items():
        document = orjson.loads(orjson.dumps(columns, option=orjson.OPT_SERIALIZE_NUMPY))
        expected = reference.document(scale)
        assert len(document["buckets"]) == len(expected["buckets"])
        for what, column in _hours(document).items():
            want = {**expected["hours"], "expected dcgm": expected["expected_hours"]}[what]
            assert close(column, want), (scale, what, _differences(document["buckets"], column, want))
        for source, column in expected["coverage"].items():
            found = document["coverage"][source]
            assert close(found, column), (scale, source, _differences(document["buckets"], found, column))
        pods = document.get("pods_coverage", document["coverage"]["metrics"])
        assert close(pods, expected["pods_coverage"]), (
            scale,
            _differences(document["buckets"], pods, expected["pods_coverage"]),
        )
        for name, entry in document["namespaces"].items():
            found, column = entry.get("coverage", pods), expected["measured"][name]
            assert close(found, column), (scale, name, _differences(document["buckets"], found, column))
        _compare_rows(scale, document, expected["rows"])


def _hours(document: Document) -> dict[str, list[float | None]]:
    """Hours of the cluster as a reader has them, those filled in that the schema allows to be left out."""
    observed, elapsed = document["observed_hours"], document["elapsed_hours"]
    nothing = [0.0] * len(observed)
    configured = [
        hours if share is not None else 0.0 for hours, share in zip(elapsed, document["coverage"]["dcgm"], strict=True)
    ]
    billed = [hours if bill is not None else 0.0 for hours, bill in zip(observed, document["bill"]["cpu"], strict=True)]
    silent = document.get("silent_hours", {})
    return {
        "observed": observed,
        "priced": document.get("priced_hours", billed),
        "silent metrics": silent.get("metrics", nothing),
        "silent dcgm": silent.get("dcgm", nothing),
        "gpu_memory known": document.get("capacity_hours", {}).get("gpu_memory", observed),
        "expected dcgm": document.get("expected_hours", {}).get("dcgm", configured),
    }


def _compare_rows(scale: str, document: Document, rows: Mapping[Key, list[float | None]]) -> None:
    places = len(document["buckets"])
    published = dict(_flatten(scale, document))
    for key in sorted(published.keys() | rows.keys()):
        want = rows.get(key, [None] * places)
        got = published.get(key)
        if got is None:
            # Rows of zeros, and of what never occurred, are left out of the publication.
            # Special entries are published without the hours in which they were known.
            assert key[3] in ("hours", "cost_hours") or (key[0], key[3]) == ("special", "matched") or not any(want), (
                scale,
                key,
                want,
            )
        else:
            assert close(got, want, key), (scale, key, _differences(document["buckets"], got, want))


def _flatten(scale: str, document: Document) -> Iterator[tuple[Key, list[float | None]]]:
    for field in ("capacity", "allocatable", "bill"):
        for metric, column in document[field].items():
            yield ("cluster", "", metric, field), column
    for kind, rows in (("namespace", document["namespaces"]), ("special", document["special"])):
        for name, entry in rows.items():
            for metric in METRICS:
                if metric in entry:
                    for field, column in _with_defaults(scale, document, kind, metric, entry[metric]).items():
                        yield (kind, name, metric, field), column


def _with_defaults(
    scale: str, document: Document, kind: str, metric: str, row: Mapping[str, list[float | None]]
) -> dict[str, list[float | None]]:
    """The columns of a row as a reader has them, those filled in that the schema allows to be left out."""
    names = {"usage_hours": "hours", "requests_matched": "matched"}
    full = {names.get(field, field): column for field, column in row.items()}
    if kind == "namespace":
        pairs = zip(row["requests"], row["usage"], strict=True)
        full.setdefault("hours", document["observed_hours"])
        if metric in document["bill"]:
            pairs_of_hours = zip(full["hours"], _hours(document)["priced"], strict=True)
            full.setdefault("cost_hours", [min(hours or 0.0, priced or 0.0) for hours, priced in pairs_of_hours])
        full.setdefault("matched", [asked if used is not None else None for asked, used in pairs])
    if scale == "hourly_7d" and metric in document["bill"]:
        columns = zip(row["usage"], document["bill"][metric], document["capacity"][metric], strict=True)
        full["cost"] = [None if u is None or b is None else u * b / c if c else 0.0 for u, b, c in columns]
    return full


def close(got: Sequence[float | None], want: Sequence[float | None], key: Key | None = None) -> bool:
    return len(got) == len(want) and all(_same(a, b, key) for a, b in zip(got, want, strict=True))


def _same(got: float | None, want: float | None, key: Key | None) -> bool:
    if got is None or want is None:
        # No hour known is 0 hours; the reference has no entry for what it never added to.
        return got is want or (key is not None and key[3] in ("hours", "cost_hours") and (got or 0.0) == (want or 0.0))
    return math.isclose(got, want, rel_tol=TOLERANCE, abs_tol=1e-9)


def _differences(buckets: list[str], got: Sequence[Any], want: Sequence[Any]) -> list[tuple[str, Any, Any]]:
    return [(b, g, w) for b, g, w in zip(buckets, got, want, strict=True) if not _same(g, w, None)][:8]
