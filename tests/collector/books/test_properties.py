"""What holds for the books of any cluster: balance, additivity over time, and no difference after a restart."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.books.hour_closing import Bookkeeper
from collector.model import Entry, TickSample
from collector.store.rates import RateChange
from collector.store.store import Store
from tests.support.books import documents, total_of
from tests.support.examples import examples
from tests.support.samples import entry, failed_tick, tick

START = int(datetime(2026, 10, 29, 21, 0, tzinfo=UTC).timestamp())
"""Two days and three hours before a month ends, so that hours, days and months all turn."""
MAX_AGE_SECONDS = 6 * 86400
"""Within the window of the hourly scale, so that hours can be added up to days and months."""

RATES = (
    RateChange(START + 5 * 3600, 4.0, "$", None),
    RateChange(START + 30 * 3600, 9.0, "$", {"cpu": 0.5, "memory": 0.3, "gpu": 0.2}),
)


@dataclass(frozen=True)
class Stretch:
    """A run of equal ticks; `blind` has no metrics and no exporter, `skipped` was never taken."""

    outcome: str
    interval: int
    ticks: int
    names: frozenset[str]
    cores: int
    gpus: int
    hidden: bool
    measured: float
    """Share of the pods that metrics-server knows; usage of less than half of them is unknown."""


stretches = st.lists(
    st.builds(
        Stretch,
        outcome=st.sampled_from(["seen", "seen", "seen", "failed", "blind", "skipped"]),
        interval=st.sampled_from([300, 300, 900, 3600]),
        ticks=st.integers(1, 14),
        names=st.frozensets(st.sampled_from(["a", "b", "idle"])),
        cores=st.integers(1, 9),
        gpus=st.integers(0, 2),
        hidden=st.booleans(),
        measured=st.sampled_from([1.0, 1.0, 0.9, 0.5, 0.25, 0.0]),
    ),
    min_size=1,
    max_size=12,
)

few = settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def ticks_of(plan: list[Stretch]) -> list[TickSample]:
    samples: list[TickSample] = []
    time = START
    for stretch in plan:
        for _ in range(stretch.ticks):
            time = (time // stretch.interval + 1) * stretch.interval
            if stretch.outcome != "skipped" and time - START <= MAX_AGE_SECONDS:
                samples.append(_tick(stretch, time))
    return samples


def _tick(stretch: Stretch, time: int) -> TickSample:
    if stretch.outcome == "failed":
        return failed_tick(time, interval=stretch.interval, dcgm=False)
    blind = stretch.outcome == "blind"
    return tick(
        time,
        {name: _entry(stretch, name, blind=blind) for name in stretch.names},
        interval=stretch.interval,
        cpu=4.0 * stretch.cores,
        gib=16.0 * stretch.cores,
        reserved_cpu=1.0,
        reserved_gib=2.0,
        gpu=float(stretch.gpus) if stretch.gpus else None,
        gpu_gib=None if blind or not stretch.gpus else 80.0 * stretch.gpus,
        metrics=not blind,
        dcgm=not blind,
        special={"excluded": _entry(stretch, "x", blind=blind)} if stretch.hidden else None,
    )


def _entry(stretch: Stretch, name: str, *, blind: bool) -> Entry:
    cores = None if blind or stretch.measured < 0.5 else 0.37 * stretch.cores + len(name)
    gpu: tuple[float | None, float] | None = None
    if stretch.gpus and name == "b":
        gpu = (None if blind else 0.3 * stretch.gpus, float(stretch.gpus))
    return entry(
        cores,
        None if cores is None else 2 * cores,
        cpu_requests=1.5,
        gib_requests=2.5,
        gpu=gpu,
        gpu_gib=None if blind else 11.0 * stretch.gpus,
        measured=None if blind else stretch.measured,
    )


def kept(plan: list[Stretch]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory, Store.open(Path(directory)) as store:
        store.append(ticks_of(plan))
        return documents(Bookkeeper(store).books(RATES))


@pytest.mark.requirement("KL-D-6")
@few
@given(stretches)
def test_any_books_are_valid_and_balanced_and_no_namespace_is_negative(plan: list[Stretch]) -> None:
    # `documents` validates each scale and checks that namespaces and special entries add up to capacity and bill.
    for document in kept(plan).values():
        for row in document["namespaces"].values():
            amounts = [values for metric, values in row.items() if metric != "coverage"]
            assert all(
                value >= 0
                for columns in amounts
                for column in columns.values()
                for value in column
                if value is not None
            )


@few
@given(stretches)
def test_hours_add_up_to_days_and_days_to_months(plan: list[Stretch]) -> None:
    published = kept(plan)
    hourly, daily, monthly = (published[scale] for scale in ("hourly_7d", "daily_14d", "monthly_12m"))
    _add_up(hourly, daily, len("2026-11-21"))
    _add_up(daily, monthly, len("2026-11"))


def _add_up(fine: dict[str, Any], coarse: dict[str, Any], prefix: int) -> None:
    """Each coarse bucket is the sum of the fine ones in it, unknown if none of them is known."""
    for place, bucket in enumerate(coarse["buckets"]):
        inside = [index for index, start in enumerate(fine["buckets"]) if start[:prefix] == bucket[:prefix]]

        def check(
            sums: list[float | None], parts: list[float | None], inside: list[int] = inside, place: int = place
        ) -> None:
            known = [part for index in inside if (part := parts[index]) is not None]
            assert sums[place] == (pytest.approx(sum(known), rel=1e-8, abs=1e-8) if known else None)

        check(coarse["observed_hours"], fine["observed_hours"])
        for what, sums in _hours(coarse).items():
            check(sums, _hours(fine)[what])
        for name in coarse["namespaces"]:
            check(_measured_hours(coarse, name), _measured_hours(fine, name))
        for metric in coarse["capacity"]:
            for field in ("capacity", "allocatable", "bill"):
                if metric in coarse[field]:
                    check(coarse[field][metric], fine[field][metric])
            for name, row in coarse["namespaces"].items():
                for field, sums in row.get(metric, {}).items():
                    check(sums, _column(fine, name, metric, field))
            for name, row in coarse["special"].items():
                if name in fine["special"] and metric in row and metric in fine["special"][name]:
                    check(row[metric]["usage"], fine["special"][name][metric]["usage"])


def _hours(document: dict[str, Any]) -> dict[str, list[float | None]]:
    """Hours of the cluster as a reader of the schema has to take them."""
    observed = document["observed_hours"]
    billed = [0.0 if bill is None else hours for bill, hours in zip(_bill(document), observed, strict=True)]
    silent = document.get("silent_hours", {})
    return {
        "priced": document.get("priced_hours", billed),
        "silent metrics": silent.get("metrics", [0.0] * len(observed)),
        "silent dcgm": silent.get("dcgm", [0.0] * len(observed)),
        "capacity of gpu_memory": document.get("capacity_hours", {}).get("gpu_memory", observed),
    }


def _bill(document: dict[str, Any]) -> list[float | None]:
    column: list[float | None] = document["bill"].get("cpu", [None] * len(document["buckets"]))
    return column


def _measured_hours(document: dict[str, Any], name: str) -> list[float | None]:
    """A namespace's own coverage, as hours."""
    pods = document.get("pods_coverage", document["coverage"]["metrics"])
    shares = document["namespaces"][name].get("coverage", pods) if name in document["namespaces"] else pods
    return [share * hours for share, hours in zip(shares, document["elapsed_hours"], strict=True)]


def _column(document: dict[str, Any], name: str, metric: str, field: str) -> list[float | None]:
    """A column as a reader of the schema has to take it: what is left out is zero, derived, or as the other one."""
    amounts = document["namespaces"][name][metric]
    if field in amounts:
        column: list[float | None] = amounts[field]
        return column
    if field == "usage_hours":
        hours: list[float | None] = document["observed_hours"]
        return hours
    if field == "requests_matched":
        return [
            None if used is None else asked for used, asked in zip(amounts["usage"], amounts["requests"], strict=True)
        ]
    if field == "cost_hours":
        hours = _column(document, name, metric, "usage_hours")
        return [
            min(known or 0.0, priced or 0.0) for known, priced in zip(hours, _hours(document)["priced"], strict=True)
        ]
    assert field == "cost"
    bill, capacity = document["bill"][metric], document["capacity"][metric]
    triples = zip(amounts["usage"], bill, capacity, strict=True)
    return [
        None if used is None or money is None else used * money / total if total else 0.0
        for used, money, total in triples
    ]


@settings(few, max_examples=examples(20))
@given(stretches)
def test_keeping_books_from_tick_to_tick_is_like_starting_anew(plan: list[Stretch]) -> None:
    samples = ticks_of(plan)
    batch = max(1, len(samples) // 5)
    with tempfile.TemporaryDirectory() as directory, Store.open(Path(directory)) as store:
        keeper = Bookkeeper(store)
        for start in range(0, len(samples), batch):
            store.append(samples[start : start + batch])
            found, anew = documents(keeper.books(RATES)), documents(Bookkeeper(store).books(RATES))
            assert found == _close_to(anew)


def _close_to(value: Any) -> Any:
    """The same document, equal to rounding."""
    if isinstance(value, dict):
        return {name: _close_to(item) for name, item in value.items()}
    if isinstance(value, list) and any(isinstance(item, float) for item in value):
        return [item if item is None else pytest.approx(item, rel=1e-9, abs=1e-12) for item in value]
    return value


def test_the_sum_over_entries_that_the_balance_rests_on_counts_unknown_as_nothing() -> None:
    entries: list[dict[str, Any]] = [
        {"cpu": {"usage": [1.0, None]}},
        {"cpu": {"usage": [2.0, 4.0]}},
        {"memory": {"usage": [9.0, 9.0]}},
    ]
    assert [total_of(entries, "cpu", "usage", place) for place in (0, 1)] == [3.0, 4.0]
