"""The series of the collector's /metrics, by number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from collector import __version__
from collector.clock import Disagreement
from collector.disk_use import Disk, DiskUse
from collector.errors import NoSpaceError, PublishError, StoreError
from collector.metrics import PREFIX, TICKS, Meter, tick_failure
from collector.model import STEP, TickSample, UnmeasuredReason
from collector.store.store import Store
from kl_core.calendar import HOUR
from tests.collector.counted import names, value, values
from tests.collector.place import NOON
from tests.support.samples import tick

USE = DiskUse({"rrd": 4096, "journal": 100}, {"store": Disk(1000, 100)})


def sample(kubernetes: bool = True, metrics: bool = True, dcgm: bool | None = None, **changed: Any) -> TickSample:
    observed = {"kubernetes": kubernetes, "metrics": metrics, "dcgm": dcgm}
    return TickSample(NOON, 300, observed, {}, {}, {}, {}, **changed)  # type: ignore[arg-type] # literals in a variable


def full() -> Meter:
    """One that knows everything."""
    meter = Meter(300, lambda: USE)
    meter.know_samples(NOON, {"kubernetes": NOON, "metrics": NOON - 300, "dcgm": None})
    meter.know_tick(sample(dcgm=False, unmeasured={"shop": {"absent": 2}}))
    meter.know_clock(Disagreement(NOON + 700.0, {"api_server": float(NOON)}, vouched=False, time=float(NOON)))
    meter.count_publication(7)
    return meter


def test_what_is_not_known_has_no_series() -> None:
    assert {name.removeprefix(f"{PREFIX}_") for name in names(Meter())} == {
        "build_info",
        "ticks_total",
        "watch_restarts_total",
        "publications_total",
        "metrics_port_failures_total",
    }


def test_counters_begin_at_zero_so_that_a_rate_misses_no_first_one() -> None:
    meter = Meter()
    for outcome, causes in TICKS.items():
        for cause in causes:
            assert value(meter, "ticks_total", outcome=outcome, cause=cause) == 0
    assert value(meter, "watch_restarts_total", resource="pods") == 0
    assert value(meter, "publications_total", outcome="failed") == 0


def test_every_series_says_what_it_is_and_none_is_labelled_by_namespace() -> None:
    text = generate_latest(full().registry).decode()
    families = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert families == set(re.findall(r"^# HELP (\S+) \S.+\.$", text, re.MULTILINE))
    assert len(families) > 20
    assert "namespace=" not in text
    assert "shop" not in text


def test_the_version_is_told() -> None:
    assert [labels[0] for labels in values(Meter(), "build_info")] == [__version__]


def test_newest_samples_are_times_and_a_source_that_never_answered_has_none() -> None:
    meter = full()
    assert value(meter, "polling_interval_seconds") == 300
    assert value(meter, "last_tick_timestamp_seconds") == NOON
    assert values(meter, "last_sample_timestamp_seconds") == {("kubernetes",): NOON, ("metrics",): NOON - 300}


def test_sources_that_told_nothing_are_counted_by_cause_and_those_that_are_not_configured_are_not() -> None:
    meter = Meter()
    meter.know_tick(sample(metrics=False, causes={"metrics": "timeout"}))
    meter.know_tick(sample(metrics=False, causes={"metrics": "timeout"}))
    # Of this one nobody says why.
    meter.know_tick(sample(metrics=False))
    assert values(meter, "source_errors_total") == {("metrics", "timeout"): 2, ("metrics", "error"): 1}
    assert [value(meter, "source_observed", source=source) for source in ("kubernetes", "metrics", "dcgm")] == [
        1,
        0,
        None,
    ]


def test_unmeasured_pods_are_summed_over_namespaces_by_reason_with_zeros() -> None:
    meter = Meter()
    meter.know_tick(sample(unmeasured={"shop": {"absent": 2, "stale": 1}, "web": {"absent": 3}}))
    assert values(meter, "unmeasured_pods") == {("absent",): 5, ("stale",): 1}
    assert value(meter, "unmeasured_pods", reason="negative") == 0
    meter.know_tick(sample())
    assert value(meter, "unmeasured_pods", reason="absent") == 0


NAMESPACES = st.text("abcxyz-", min_size=4, max_size=8).map("zz{}".format)
REASONS = st.dictionaries(st.sampled_from(get_args(UnmeasuredReason)), st.integers(0, 1000))


@given(st.dictionaries(NAMESPACES, REASONS, max_size=8))
def test_unmeasured_pods_are_all_there_and_no_namespace_is_named(
    unmeasured: dict[str, dict[UnmeasuredReason, int]],
) -> None:
    meter = Meter()
    meter.know_tick(sample(unmeasured=unmeasured))
    expected = sum(count for reasons in unmeasured.values() for count in reasons.values())
    assert sum(values(meter, "unmeasured_pods").values()) == expected
    text = generate_latest(meter.registry).decode()
    assert [name for name in unmeasured if name in text] == []


@pytest.mark.parametrize(("kubernetes", "metrics"), [(False, True), (True, False)])
def test_where_a_source_told_nothing_it_is_not_known_which_pods_are_not_measured(
    kubernetes: bool, metrics: bool
) -> None:
    meter = Meter()
    meter.know_tick(sample(kubernetes, metrics))
    assert value(meter, "unmeasured_pods", reason="absent") is None


def test_a_clock_that_is_contradicted_is_ahead_by_seconds_or_behind_by_less_than_none() -> None:
    meter = Meter()
    meter.know_clock(None)
    assert value(meter, "clocks_disagree") == 0
    against = {"boot_clock": NOON + 100.0, "newest_sample": NOON - 100.0}
    meter.know_clock(Disagreement(NOON + 20.0, against, vouched=False, time=NOON + 100.0))  # type: ignore[arg-type] # literals in a variable
    assert value(meter, "clocks_disagree") == 1
    assert values(meter, "clock_disagreement_seconds") == {("boot_clock",): -80, ("newest_sample",): 120}
    meter.know_clock(None)
    assert value(meter, "clocks_disagree") == 0
    assert values(meter, "clock_disagreement_seconds") == {}


def test_a_publication_that_fails_keeps_the_generation_and_says_so_until_one_succeeds() -> None:
    meter = Meter()
    meter.count_publication(None)
    assert value(meter, "publication_generation") is None
    meter.count_publication(7)
    meter.count_publication(None)
    assert value(meter, "publication_generation") == 7
    assert value(meter, "last_publication_succeeded") == 0
    meter.count_publication(8)
    assert value(meter, "last_publication_succeeded") == 1
    assert values(meter, "publications_total") == {("published",): 2, ("failed",): 2}


def test_sizes_of_the_store_and_of_the_disks() -> None:
    meter = full()
    assert values(meter, "store_bytes") == {("rrd",): 4096, ("journal",): 100}
    assert value(meter, "disk_free_bytes", directory="store") == 100
    assert value(meter, "disk_size_bytes", directory="store") == 1000
    assert value(meter, "disk_free_bytes", directory="dataset") is None


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (StoreError("it is damaged"), "store"),
        (NoSpaceError("the disk is full"), "no_space"),
        (PublishError("it is read-only"), "publication"),
        (ZeroDivisionError("a defect"), "defect"),
    ],
)
def test_why_a_tick_raised(error: Exception, cause: str) -> None:
    assert tick_failure(error) == cause
    assert cause in TICKS["failed"]


def of_ledger(store: Store) -> list[str]:
    meter = Meter(300)
    meter.know_ledger(store.ledger)
    lines = generate_latest(meter.registry).decode().splitlines()
    return [line for line in lines if line.startswith("kubeledger_ledger")]


def test_a_ledger_tells_its_length_its_newest_hour_and_its_head(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert of_ledger(store) == []
        store.append([tick(NOON + STEP * step, {}) for step in range(1, 13)])
        lines, hour, head = of_ledger(store)
        assert lines == "kubeledger_ledger_lines 2.0"
        assert float(hour.removeprefix("kubeledger_ledger_last_hour_timestamp_seconds ")) == NOON
        assert head == f'kubeledger_ledger_head_info{{head="{store.ledger.head}"}} 1.0'
        store.append([tick(NOON + HOUR + STEP * step, {}) for step in range(1, 13)])
        assert of_ledger(store)[0] == "kubeledger_ledger_lines 3.0"
