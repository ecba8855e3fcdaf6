"""What holds for any cluster, from the API's objects to the books: additivity, units, polling, non-negativity."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.store.rates import RateChange
from tests.rules.telling import Told, Work, at, column, machine, published, special, ticks, work
from tests.support import kubernetes_objects as api
from tests.support.examples import examples

START = at("2026-11-30T22:00")
"""Two hours before a month ends."""
RATE = RateChange(START, 7.0, "$", None)
NAMES = ("a", "b", "c")

few = settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class PodLine:
    """A pod; usage in steps of 1/8 core and 1/8 GiB, None when nobody measured it."""

    namespace: str
    eighths: int | None
    asked: int
    runs: bool


@dataclass(frozen=True)
class Quarter:
    """Fifteen minutes in which nothing changes; `outcome` tells which sources answer, or that nobody asked them."""

    pods: tuple[PodLine, ...]
    nodes: int
    outcome: str


pod_lines = st.builds(
    PodLine,
    namespace=st.sampled_from(NAMES),
    eighths=st.none() | st.integers(0, 40),
    asked=st.integers(0, 4),
    runs=st.booleans(),
)
quarters = st.builds(
    Quarter,
    pods=st.lists(pod_lines, max_size=6).map(tuple),
    nodes=st.integers(1, 3),
    outcome=st.sampled_from(["seen", "seen", "seen", "no metrics", "no cluster", "down"]),
)
stories = st.lists(quarters, min_size=4, max_size=20)


def told(quarter: Quarter, *, merged: bool = False, written: str = "nanocores") -> Told:
    """The quarter as the APIs tell it. `merged` puts a and b into one namespace; `written` is how quantities are."""
    works = []
    for number, line in enumerate(quarter.pods):
        namespace = "ab" if merged and line.namespace in ("a", "b") else line.namespace
        works.append(_work(line, namespace, f"p{number}", written))
    if not works:
        works = [work("c", "anchor", cores=0.0)]
    nodes = [machine(f"n{number}", reserved_cores=1, reserved_gib=2) for number in range(1, quarter.nodes + 1)]
    return Told(works, nodes, metrics=quarter.outcome == "seen", kubernetes=quarter.outcome != "no cluster")


def _work(line: PodLine, namespace: str, name: str, written: str) -> Work:
    container = api.container(cpu=str(line.asked), memory=f"{line.asked}Gi")
    if written == "millicores":
        container = api.container(cpu=f"{line.asked}000m", memory=str(line.asked * 2**30))
    pod = api.pod(container, namespace=namespace, name=name, phase="Running" if line.runs else "Pending")
    if line.eighths is None:
        return Work(pod, None)
    # Nothing runs in 0 bytes.
    memory = max(1, line.eighths)
    usage = (f"{line.eighths * 125}000000n", f"{memory * 128}Mi")
    if written == "millicores":
        usage = (f"{line.eighths * 125}m", f"{memory * 2**27}")
    return Work(pod, api.pod_metrics(namespace, name, usage))


def books(story: list[Quarter], *, interval: int = 300, rate: RateChange = RATE, **changes: Any) -> dict[str, Any]:
    """The published scales; each is checked against its schema and for balance."""
    samples = []
    for number, quarter in enumerate(story):
        begin = START + 900 * number
        if quarter.outcome != "down":
            samples += ticks(told(quarter, **changes), begin, begin + 900, interval)
    with tempfile.TemporaryDirectory() as directory:
        return published(Path(directory), samples, rate)


def summed(document: dict[str, Any], names: tuple[str, ...], field: str, metric: str) -> list[float | None]:
    """Per bucket over the namespaces that are listed; None where one of them is unknown."""
    columns = [column(document, name, field, metric) for name in names if name in document["namespaces"]]
    return [None if None in cells else math.fsum(cell or 0.0 for cell in cells) for cells in zip(*columns, strict=True)]


def close(found: list[float | None], expected: list[float | None]) -> None:
    assert [value is None for value in found] == [value is None for value in expected]
    assert [value or 0.0 for value in found] == pytest.approx([value or 0.0 for value in expected], rel=1e-8, abs=1e-9)


@few
@given(stories)
def test_any_story_balances_and_no_namespace_is_negative(story: list[Quarter]) -> None:
    # `published` checks that namespaces and special entries add up to capacity and to the bill.
    for document in books(story).values():
        for row in document["namespaces"].values():
            columns = [each for metric in ("cpu", "memory") for each in row[metric].values()]
            assert all(value >= 0 for each in columns for value in each if value is not None)
        # A story in which the API never answered has no columns.
        for metric in document["special"]["non-allocatable"]:
            assert all((value or 0.0) >= 0 for value in special(document, "non-allocatable", metric))


@few
@given(stories)
def test_two_namespaces_are_together_what_one_with_all_their_pods_is(story: list[Quarter]) -> None:
    """Where every running pod is measured: a mean over the known part of an hour is a namespace's own."""
    known = [
        replace(
            quarter,
            outcome="seen" if quarter.outcome == "no metrics" else quarter.outcome,
            pods=tuple(replace(line, eighths=line.eighths or 0) if line.runs else line for line in quarter.pods),
        )
        for quarter in story
    ]
    apart, together = books(known), books(known, merged=True)
    for scale, document in apart.items():
        if not {"a", "b"} & document["namespaces"].keys():
            continue
        fields = ["usage", "requests"] + ([] if scale == "hourly_7d" else ["cost", "requests_matched"])
        for metric in ("cpu", "memory"):
            for field in fields:
                close(summed(document, ("a", "b"), field, metric), column(together[scale], "ab", field, metric))
            close(special(document, "idle", metric), special(together[scale], "idle", metric))


@few
@given(stories)
def test_how_quantities_are_written_changes_nothing(story: list[Quarter]) -> None:
    assert books(story) == books(story, written="millicores")


@few
@given(stories)
def test_how_often_a_steady_cluster_is_polled_changes_nothing(story: list[Quarter]) -> None:
    often, seldom = books(story), books(story, interval=900)
    for scale, document in often.items():
        assert document["buckets"] == seldom[scale]["buckets"]
        for source in ("kubernetes", "metrics"):
            close(document["coverage"][source], seldom[scale]["coverage"][source])
        for name in document["namespaces"]:
            for metric in ("cpu", "memory"):
                for field in ("usage", "requests"):
                    close(column(document, name, field, metric), column(seldom[scale], name, field, metric))


@few
@given(stories, st.floats(0.01, 1000.0))
def test_cost_grows_with_the_rate_for_everybody_alike(story: list[Quarter], factor: float) -> None:
    once = books(story)["monthly_12m"]
    more = books(story, rate=replace(RATE, rate=RATE.rate * factor))["monthly_12m"]
    for name in once["namespaces"]:
        costs = [None if cost is None else cost * factor for cost in column(once, name, "cost")]
        close(column(more, name, "cost"), costs)
