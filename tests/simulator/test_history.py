"""History through the collector's own accounting, store and books."""

import logging
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pytest

from collector.accounting.observation import account_interval, observe
from collector.accounting.who_is_charged import charged_by
from collector.dcgm.exposition import parse_exposition
from collector.kubernetes.metrics_server import read_node_metrics, read_pod_metrics
from collector.kubernetes.nodes import parse_node
from collector.kubernetes.objects import Decoder, NodeObject, PodObject
from collector.kubernetes.pods import Shared, parse_pod
from collector.kubernetes.volume_claims import VolumeClaimObject, parse_volume_claim
from collector.observations import (
    Cluster,
    ContainerMetrics,
    MetricsListing,
    NodeMetrics,
    NodeSpan,
    PodSpan,
    UsageReading,
    VolumeClaimSpan,
)
from collector.settings import Settings
from collector.store.store import Store
from simulator.cluster import View
from simulator.dcgm import exposition
from simulator.faults import parse_time
from simulator.history import Past, Seen, Tick, fill, first_history, missing_ticks
from simulator.objects import (
    namespace_object,
    node_metrics_objects,
    node_object,
    pod_metrics_object,
    running_pods,
)
from simulator.pod_objects import pod_object
from simulator.shapes import DAY, GIB, HOUR, Container, Curve, Moment, NamespaceSpec, NodeSpec, PodGroup
from simulator.truth import ScaleName, Truth
from simulator.workload import METRICS, Metric, Workload

NOW = parse_time("2026-11-21T14:07:40Z")
WORKLOAD = Workload(parse_time("2025-10-01T00:00:00Z"))


def test_history_starts_twelve_whole_months_before_this_one() -> None:
    assert first_history(NOW) == parse_time("2025-11-01T00:00:00Z")


def test_ticks_are_hourly_until_fourteen_days_and_an_hour_before_the_end() -> None:
    # The last tick is 14:05; less 14 days and an hour: 7 November 13:05, so 5-minute ticks begin after 13:00.
    # 1 to 7 November 13:00: 6 x 24 + 13 = 157 hours; from there to the end 14 days and 1 h 05: 4032 + 13 steps.
    ticks = missing_ticks(parse_time("2026-11-01T00:00:00Z"), NOW)
    hourly = [tick for tick in ticks if tick.interval == HOUR]
    assert len(hourly) == 157
    assert hourly[-1].time == parse_time("2026-11-07T13:00:00Z")
    assert len(ticks) == 157 + 4045
    assert ticks[-1].time == parse_time("2026-11-21T14:05:00Z")
    assert all(later.time - earlier.time == later.interval for earlier, later in pairwise(ticks))


def test_history_that_broke_off_within_an_hour_goes_on_in_steps_to_the_full_hour() -> None:
    ticks = missing_ticks(parse_time("2026-11-01T10:40:00Z"), NOW)
    assert [tick.interval for tick in ticks[:5]] == [300, 300, 300, 300, 3600]
    assert missing_ticks(parse_time("2026-11-21T14:05:00Z"), NOW) == []


def page(kind: str, items: Iterable[object]) -> bytes:
    return orjson.dumps({"kind": kind, "items": list(items)})


def from_the_api(end: int, interval: int) -> Seen:
    """What is read wholly from API objects, as the collector's live sources do."""
    pod_page = page("PodList", (pod_object(WORKLOAD, pod, end) for pod in WORKLOAD.pods(end)))
    node_page = page("NodeList", (node_object(WORKLOAD, node, end) for node in WORKLOAD.nodes_at(end)))
    parsed = (parse_pod(each, end, Shared()) for each in Decoder(PodObject).page(pod_page).items)
    pods = tuple(pod for pod in parsed if pod is not None and pod.ended is None)
    nodes = tuple(parse_node(each, end, lambda _: False)[0] for each in Decoder(NodeObject).page(node_page).items)
    namespaces = (namespace_object(WORKLOAD, spec, end)["metadata"] for spec in WORKLOAD.living(end))
    view = View(WORKLOAD, end, interval).volume_claims(None)
    claim_page = page("PersistentVolumeClaimList", map(view.build, range(len(view.keys))))
    items = Decoder(VolumeClaimObject).page(claim_page).items
    claims = (parse_volume_claim(each, end, Shared()).claim for each in items)
    running = running_pods(WORKLOAD, end, interval)
    metrics = MetricsListing(
        read_node_metrics(page("NodeMetricsList", node_metrics_objects(WORKLOAD, running, end, end))),
        list(read_pod_metrics(page("PodMetricsList", (pod_metrics_object(pod, units, end) for pod, units in running)))),
    )
    return Seen(
        Cluster(
            None,
            {metadata["name"]: metadata["labels"] for metadata in namespaces},
            tuple(NodeSpan(node, interval) for node in nodes),
            nodes,
            tuple(PodSpan(pod, interval) for pod in pods),
            volume_claims=tuple(VolumeClaimSpan(claim, interval) for claim in claims),
        ),
        UsageReading(end, pods, nodes, metrics, parse_exposition(exposition(WORKLOAD, end, interval))),
    )


def listed(metrics: MetricsListing) -> list[tuple[str, float, float]]:
    """Name, cores and bytes of nodes and pods."""
    parts: dict[str, Sequence[NodeMetrics | ContainerMetrics]] = {node.name: [node] for node in metrics.nodes}
    parts |= {f"{pod.namespace}/{pod.name}": pod.containers or () for pod in metrics.pods}
    return [
        (name, sum(part.cpu or 0 for part in of), sum(part.memory or 0 for part in of)) for name, of in parts.items()
    ]


@pytest.mark.parametrize(
    "tick",
    [
        Tick(NOW // 300 * 300, 300),
        Tick(parse_time("2026-11-20T23:00:00Z"), 3600),
        Tick(parse_time("2025-11-03T09:00:00Z"), 3600),
        Tick(parse_time("2026-06-01T01:00:00Z"), 3600),
    ],
    ids=lambda tick: f"{tick.time}/{tick.interval}",
)
def test_what_history_sees_is_what_is_read_from_the_api(tick: Tick) -> None:
    (seen,) = Past(WORKLOAD).seen([tick])
    expected = from_the_api(tick.time, tick.interval)
    assert seen.cluster == expected.cluster
    assert (seen.reading.pods, seen.reading.nodes) == (expected.reading.pods, expected.reading.nodes)
    assert seen.reading.metrics is not None
    assert expected.reading.metrics is not None
    for mine, parsed in zip(listed(seen.reading.metrics), listed(expected.reading.metrics), strict=True):
        assert (mine[0], mine[2]) == (parsed[0], parsed[2])
        assert mine[1] == pytest.approx(parsed[1], rel=1e-9)
    assert seen.reading.devices is not None
    assert expected.reading.devices is not None
    for device, other in zip(seen.reading.devices, expected.reading.devices, strict=True):
        assert (device.uuid, device.holders) == (other.uuid, other.holders)
        assert device.utilisation == pytest.approx(other.utilisation, abs=1e-8)
        assert (device.memory_used, device.memory_free) == (other.memory_used, other.memory_free)


def test_what_is_seen_at_consecutive_ticks_is_that_of_their_times() -> None:
    # Across the node that was added and a namespace that was created: each tick as if it were alone.
    for start in (parse_time("2026-03-31T22:00:00Z"), parse_time("2026-04-30T22:00:00Z")):
        ticks = [Tick(start + hour * HOUR, HOUR) for hour in range(1, 5)]
        together = list(Past(WORKLOAD).seen(ticks))
        alone = [next(Past(WORKLOAD).seen([tick])) for tick in ticks]
        assert together == alone


@pytest.mark.parametrize("hour", [3, 14])
def test_accounting_finds_what_the_formula_says(hour: int) -> None:
    tick = Tick(parse_time(f"2026-11-20T{hour:02d}:00:00Z"), 300)
    (seen,) = Past(WORKLOAD).seen([tick])
    sample, _ = account_interval(
        seen.cluster,
        observe(seen.reading, 300, charged_by((), ())),
        {},
        time=tick.time,
        interval=300,
        charged=charged_by((), ()),
        dcgm_configured=True,
    )
    end = np.array([tick.time])
    assert set(sample.namespaces) == {spec.name for spec in WORKLOAD.living(tick.time)}
    for name, entry in sample.namespaces.items():
        for metric, value in entry.usage.items():
            assert value == pytest.approx(WORKLOAD.usage(name, metric, tick.time), rel=1e-4)
        for metric, value in entry.requests.items():
            assert value == pytest.approx(WORKLOAD.requests(name, metric, end)[0])
    assert sample.capacity == pytest.approx({metric: WORKLOAD.capacity(metric, end)[0] for metric in METRICS})
    assert sample.allocatable == pytest.approx({metric: WORKLOAD.allocatable(metric, end)[0] for metric in METRICS})
    assert sample.special == {}


def small() -> Workload:
    """Two namespaces, one of them born on 2 March at 01:00, on one node of 8 cores."""

    def pods(millicores: int) -> tuple[PodGroup, ...]:
        return (PodGroup("app", "Deployment", (Container("app", "app:1", millicores, 1024),)),)

    old = NamespaceSpec("old", Curve(3.0, ripple=0.2), Curve(4.0 * GIB, ripple=0.1), pods(2000))
    new = NamespaceSpec("new", Curve(1.5, ripple=0.1), Curve(2.0 * GIB), pods(500), since=Moment(2, 25 * HOUR))
    node = NodeSpec("n", "worker", 8, 32, 500, 1024)
    return Workload(parse_time("2026-01-01T00:00:00Z"), (old, new), (node,), ())


def published(directory: Path, scale: ScaleName) -> dict[str, object]:
    manifest = orjson.loads((directory / "dataset.json").read_bytes())
    document: dict[str, object] = orjson.loads((directory / manifest["files"][scale]["name"]).read_bytes())
    return document


def check(directory: Path, truth: Truth) -> None:
    scales: tuple[ScaleName, ...] = ("hourly_7d", "daily_14d", "monthly_12m")
    metrics: tuple[Metric, ...] = ("cpu", "memory")
    for scale in scales:
        document = published(directory, scale)
        assert document["buckets"] == [bucket.date for bucket in truth.buckets(scale)]
        for name in truth.namespaces:
            for metric in metrics:
                column = document["namespaces"][name][metric]  # type: ignore[index]
                assert column["usage"] == pytest.approx(truth.series(name, metric, scale), rel=1e-5)
                assert column["requests"] == pytest.approx(truth.series(name, metric, scale, "requests"), rel=1e-9)


def test_the_published_books_are_those_of_the_formula_and_a_second_run_adds_what_is_missing(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "db", tmp_path / "data", billing_hourly_rate=2.0)
    start, first, second = (
        parse_time(f"2026-{day}Z") for day in ("02-14T00:00:00", "03-02T02:20:10", "03-02T03:00:00")
    )
    told: list[tuple[int, int]] = []
    stored = fill(small(), settings, start=start, now=first, progress=lambda done, due: told.append((done, due)))
    # 02-14T00:00 to 16 days and 2:20 later: 14 days and an hour before 03-02T02:20 is 02-16T01:20, so 49 hourly ticks
    # to 02-16T01:00 and 14 days, 1 hour and 20 minutes of steps: 4032 + 16.
    assert stored == 49 + 4048
    assert (sum(done for done, _ in told), {due for _, due in told}) == (stored, {stored})
    check(tmp_path / "data", Truth(small(), start, first // 300 * 300))
    assert fill(small(), settings, start=start, now=second) == 8
    check(tmp_path / "data", Truth(small(), start, second))
    assert fill(small(), settings, start=start, now=second) == 0


def test_the_rate_holds_from_the_first_hour_of_history(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "db", tmp_path / "data", billing_hourly_rate=2.0)
    start = parse_time("2026-02-27T00:00:00Z")
    fill(small(), settings, start=start, now=start + 3 * DAY)
    bill = published(tmp_path / "data", "monthly_12m")["bill"]
    assert isinstance(bill, dict)
    # 27 and 28 February: 48 h at 2.
    assert sum(column[0] for column in bill.values()) == pytest.approx(96.0)


def test_excluded_namespaces_are_summed_apart(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "db", tmp_path / "data", excluded_namespaces=("new",))
    start = parse_time("2026-03-02T00:00:00Z")
    fill(small(), settings, start=start, now=start + 4 * HOUR)
    with Store.open(settings.db_location) as store:
        assert list(store.registry.namespaces) == ["old"]
        assert list(store.registry.special) == ["excluded"]


def test_history_is_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    start = parse_time("2026-11-21T10:00:00Z")
    with caplog.at_level(logging.WARNING):
        fill(WORKLOAD, Settings(tmp_path / "db", tmp_path / "data"), start=start, now=NOW)
    assert caplog.messages == []
