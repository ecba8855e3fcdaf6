"""What the ticks of an hour come to: capacity, money, nodes, storage, and the hour that is still open.

Each answer computed by hand.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.accounting.hour_fold import hour_so_far
from collector.hour import HourNode, HourRate, NodeIs
from collector.model import Entry, NodeFacts, NodeState, TickSample
from tests.collector.accounting.hours import CORE_HOUR, GIB_HOUR, GPU_HOUR, at, hour_of
from tests.support.samples import GIB, HOUR, NOON, entry, failed_tick, gpu_entry, tick, ticks

RATE = HourRate(2.0, "EUR", None)


def test_capacity_is_the_mean_of_what_was_observed() -> None:
    # 10 cores for 8 steps, 40 for the other 2 that were observed: 16; a core and 2 GiB of 40 are not allocatable
    samples = [
        *(tick(at(n), reserved_cpu=1.0, reserved_gib=2.0) for n in range(1, 9)),
        *(tick(at(n), cpu=40.0, reserved_cpu=1.0, reserved_gib=2.0) for n in (9, 10)),
        failed_tick(at(11)),
        failed_tick(at(12)),
    ]
    hour = hour_of(samples)
    assert hour.capacity == {"cpu": 16 * CORE_HOUR, "memory": 40 * GIB_HOUR, "gpu": 0, "gpu_memory": 0}
    assert hour.allocatable == {"cpu": 15 * CORE_HOUR, "memory": 38 * GIB_HOUR, "gpu": 0, "gpu_memory": 0}
    assert (hour.start, hour.origin, hour.is_observed) == (NOON, "collector", True)


@pytest.mark.parametrize(("known", "is_observed"), [(5, False), (6, True)])
def test_an_hour_of_which_less_than_half_is_known_is_unknown(known: int, is_observed: bool) -> None:
    web = {"web": entry(1.0, cpu_requests=2.0, labels={"team": "a"})}
    there = (NodeState("n1", {}, {}, {}, {}, 0, ready=True, schedulable=True),)
    samples = [
        *(tick(at(n), web, nodes=there) for n in range(1, known + 1)),
        *(failed_tick(at(n)) for n in range(known + 1, 13)),
    ]
    hour = hour_of(samples, RATE)
    row = hour.namespaces["web"]
    assert hour.is_observed is is_observed
    assert hour.observed["kubernetes"] == row.measured == known * 300
    assert hour.rate == RATE
    if is_observed:
        assert (hour.capacity["cpu"], row.usage["cpu"]) == (10 * CORE_HOUR, CORE_HOUR)
        assert sum(amount or 0 for amount in hour.bill.values()) == 2_000_000
        assert set(hour.nodes) == {"n1"}
    else:
        assert {*hour.capacity.values(), *hour.allocatable.values()} == {None}
        for amounts in (row.usage, row.requests, row.charged, row.usage_matched, row.requests_matched):
            assert amounts == {"cpu": None, "memory": None}
        assert (hour.bill, hour.nodes) == ({}, {})
    assert row.labels == {"team": "a"}


def test_gpus_are_none_while_nobody_advertises_any_and_their_memory_is_known_from_exporters_alone() -> None:
    # 4 GPUs from the second half on: 2; their memory known in 5 of these 6 steps: (6 x 0 + 5 x 64) ÷ 11 GiB
    samples = [
        *(tick(at(n)) for n in range(1, 7)),
        *(tick(at(n), gpu=4.0, gpu_gib=64.0, dcgm=True) for n in range(7, 12)),
        tick(at(12), gpu=4.0, dcgm=False),
    ]
    hour = hour_of(samples)
    assert hour.capacity["gpu"] == hour.allocatable["gpu"] == 2 * GPU_HOUR
    assert hour.capacity["gpu_memory"] == round(5 * 64 / 11 * GIB_HOUR)


@pytest.mark.parametrize(("told", "known"), [(5, False), (6, True)])
def test_gpu_memory_in_use_of_an_unknown_capacity_is_unknown_and_none_in_use_is_zero(told: int, known: bool) -> None:
    both = {"ml": gpu_entry(0.5, 1.0, 20.0), "idle": gpu_entry(0.0, 1.0, 0.0)}
    samples = [tick(at(n), both, gpu=4.0, gpu_gib=64.0 if n <= told else None, dcgm=True) for n in range(1, 13)]
    hour = hour_of(samples)
    assert hour.capacity["gpu_memory"] == (64 * GIB_HOUR if known else None)
    assert hour.namespaces["ml"].usage["gpu_memory"] == (20 * GIB_HOUR if known else None)
    assert hour.namespaces["idle"].usage["gpu_memory"] == 0
    assert hour.namespaces["ml"].usage["gpu"] == GPU_HOUR / 2


def test_the_bill_goes_by_the_capacity_of_the_hour() -> None:
    # 0.31611 and 0.16948 of 0.48559
    hour = hour_of(ticks(NOON, NOON + HOUR), HourRate(4.8559, "EUR", None))
    assert hour.bill == {"cpu": 3_161_100, "memory": 1_694_800, "gpu": 0}
    assert hour_of(ticks(NOON, NOON + HOUR)).bill == {}


def test_an_amount_is_rounded_once_half_to_even() -> None:
    def usage(millicore_seconds: float) -> int | None:
        # As cores of the only step in which they were used, of twelve.
        samples = ticks(NOON, NOON + HOUR - 300)
        return (
            hour_of([*samples, tick(at(12), {"web": entry(millicore_seconds / 300 / 1000)})])
            .namespaces["web"]
            .usage["cpu"]
        )

    assert [usage(each) for each in (0.25, 0.75, 1.5, 2.25, 37.5, 112.5)] == [0, 1, 2, 2, 38, 112]


def node(
    name: str = "n1",
    *,
    cpu: float | None = 2.0,
    held: float | None = 3.0,
    pods: int = 5,
    present: float = 1.0,
    size: float = 8.0,
) -> NodeState:
    facts = NodeFacts(instance_type=f"m.{size:g}")
    return NodeState(
        name,
        {"cpu": size, "memory": 32 * GIB, "gpu": 1.0, "gpu_memory": None},
        {"cpu": size - 0.5, "memory": 31 * GIB, "gpu": 1.0, "gpu_memory": None},
        {"cpu": cpu, "memory": None},
        {"cpu": held, "memory": GIB, "gpu": 0.5},
        pods,
        ready=True,
        schedulable=True,
        present=present,
        facts=facts,
    )


def with_nodes(step: int, *nodes: NodeState) -> TickSample:
    return tick(at(step), nodes=nodes)


def test_a_node_used_its_rate_for_as_long_as_it_was_there_and_its_pods_held_a_mean() -> None:
    # There for 60 of 300 s, then for two steps: 660 s. It used 2 cores, so 1320 core-seconds; pods held 0.5 on average
    # over the first step and 3 over the others, 150 + 1800; 5 pods at the end of each, 4500 pod-seconds.
    samples = [
        *(with_nodes(n) for n in range(1, 10)),
        with_nodes(10, node(held=0.5, present=0.2)),
        with_nodes(11, node()),
        with_nodes(12, node(size=16.0)),
    ]
    assert hour_of(samples).nodes == {
        "n1": HourNode(
            usage={"cpu": 1_320_000, "memory": None},
            requests={"cpu": 1_950_000, "memory": 1024 * 900, "gpu": 450_000},
            present=660,
            pods=4500,
            what=NodeIs(
                NodeFacts(instance_type="m.16"),
                {"cpu": 16_000, "memory": 32 * 1024, "gpu": 1000, "gpu_memory": None},
                {"cpu": 15_500, "memory": 31 * 1024, "gpu": 1000, "gpu_memory": None},
            ),
        )
    }


def test_seconds_of_nodes_add_up_to_the_capacity_though_one_left_within_an_interval() -> None:
    # n1 throughout, n2 for an hour's first 5 steps and 120 of 300 s: 1620 s, in which pods held 3 cores
    left = replace(node("n2", held=3.0 * 0.4, present=0.4, pods=0), has_left=True)
    samples = [
        *(with_nodes(n, node("n1"), node("n2")) for n in range(1, 6)),
        with_nodes(6, node("n1"), left),
        *(with_nodes(n, node("n1")) for n in range(7, 13)),
    ]
    nodes = hour_of(samples).nodes
    assert [nodes[name].present for name in ("n1", "n2")] == [3600, 1620]
    assert (nodes["n2"].usage["cpu"], nodes["n2"].requests["cpu"]) == (2 * 1_620_000, 3 * 1_620_000)
    assert nodes["n2"].pods == 5 * 1500


@pytest.mark.parametrize(("unknown", "usage"), [(0, 2 * CORE_HOUR), (6, 2 * CORE_HOUR), (7, None), (12, None)])
def test_use_of_a_node_that_is_known_for_half_of_its_time_stands_for_all_of_it(unknown: int, usage: int | None) -> None:
    hour = hour_of([with_nodes(n, node(cpu=None if n <= unknown else 2.0)) for n in range(1, 13)])
    assert hour.nodes["n1"].usage["cpu"] == usage
    assert hour.nodes["n1"].requests["cpu"] == 3 * CORE_HOUR


@pytest.mark.parametrize("steps", [1, 5, 6, 11])
def test_a_node_has_no_gpu_before_it_advertises_one(steps: int) -> None:
    # half a GPU held and a quarter used in so many steps of 300 s, none in those before
    bare = replace(node(), capacity={}, usage={"cpu": 2.0}, requests={"cpu": 3.0})
    with_gpu = replace(node(), usage={"cpu": 2.0, "gpu": 0.25, "gpu_memory": None})
    hour = hour_of([with_nodes(n, bare if n <= 12 - steps else with_gpu) for n in range(1, 13)])
    assert (hour.nodes["n1"].usage["gpu"], hour.nodes["n1"].requests["gpu"]) == (75_000 * steps, 150_000 * steps)
    # unknown in those steps alone, and none before them
    assert hour.nodes["n1"].usage["gpu_memory"] == (0 if steps <= 6 else None)


def test_requests_of_a_node_are_unknown_for_as_long_as_its_claims_are() -> None:
    hour = hour_of([with_nodes(n, node(held=None if n <= 7 else 3.0)) for n in range(1, 13)])
    assert hour.nodes["n1"].requests["cpu"] is None


def test_what_was_observed_of_nodes_stands_for_the_rest_of_the_hour() -> None:
    # a in all of the 8 observed steps, b in 4 of them
    samples = [
        *(with_nodes(n, node("a"), node("b")) for n in range(1, 5)),
        *(with_nodes(n, node("a")) for n in range(5, 9)),
    ]
    nodes = hour_of(samples).nodes
    assert [nodes[name].present for name in "ab"] == [3600, 1800]
    assert [nodes[name].pods for name in "ab"] == [18_000, 9_000]
    assert [nodes[name].usage["cpu"] for name in "ab"] == [2 * CORE_HOUR, CORE_HOUR]


def claiming(step: int, gib: float | None = None, *, listed: bool | None = True, names: str = "web") -> TickSample:
    storage = {} if gib is None else {"fast": gib * GIB}
    there: dict[str, Entry] = {name: replace(entry(), storage=storage) for name in names.split()}
    return replace(tick(at(step), there), storage_observed=listed)


def test_storage_is_a_mean_by_class_over_the_steps_in_which_claims_were_listed() -> None:
    # 100 GiB in 4 steps, none in 4, not listed in 4: 50 GiB
    samples = [
        *(claiming(n, 100.0) for n in range(1, 5)),
        *(claiming(n) for n in range(5, 9)),
        *(claiming(n, listed=False) for n in range(9, 13)),
    ]
    hour = hour_of(samples)
    assert hour.namespaces["web"].storage == {"fast": 50 * GIB_HOUR}
    assert hour.storage_observed == 2400


@pytest.mark.parametrize(("listed", "gib"), [(6, 100), (5, None)])
def test_storage_is_unknown_where_claims_were_listed_for_less_than_half_of_the_hour(
    listed: int, gib: int | None
) -> None:
    hour = hour_of([claiming(n, 100.0 if n <= listed else None, listed=n <= listed) for n in range(1, 13)])
    assert hour.namespaces["web"].storage == {"fast": None if gib is None else gib * GIB_HOUR}
    assert hour.storage_observed == listed * 300


def test_a_namespace_that_is_not_listed_claims_nothing_and_where_nobody_asked_nothing_is_told() -> None:
    # 100 GiB for a quarter of the hour
    samples = [claiming(n, 100.0, names="web" if n > 9 else "") for n in range(1, 13)]
    assert hour_of(samples).namespaces["web"].storage == {"fast": 25 * GIB_HOUR}
    unasked = hour_of([claiming(n, listed=None) for n in range(1, 13)])
    assert (unasked.storage_observed, unasked.namespaces["web"].storage) == (None, {})


def test_an_hour_that_is_still_open_comes_to_the_sum_of_what_is_known() -> None:
    # 1 core for 2 of 4 steps, unknown in 1, not there in 1: 600 core-seconds; 10 cores of capacity for 1200 s
    samples = [
        tick(at(1)),
        tick(at(2), {"web": entry(1.0, cpu_requests=2.0)}),
        tick(at(3), {"web": entry(None, None, cpu_requests=2.0, measured=None)}, metrics=False),
        tick(at(4), {"web": entry(1.0, cpu_requests=2.0)}, nodes=(node(),)),
    ]
    hour = hour_so_far(NOON, samples, rate=HourRate(3.6, "EUR", {"cpu": 1.0}), origin="collector")
    row = hour.namespaces["web"]
    assert hour.capacity["cpu"] == 12_000_000
    assert (row.usage["cpu"], row.requests["cpu"], row.measured) == (600_000, 1_800_000, 900)
    assert (row.usage_matched["cpu"], row.requests_matched["cpu"]) == (600_000, 1_200_000)
    assert hour.bill == {"cpu": 1_200_000, "memory": 0, "gpu": 0}
    assert hour.observed == {"kubernetes": 1200, "metrics": 900, "dcgm": None}
    assert hour.unobserved == {"metrics": {"error": 300}}
    assert (hour.nodes["n1"].present, hour.nodes["n1"].usage["cpu"]) == (300, 600_000)


def test_an_open_hour_is_unknown_only_where_nothing_of_it_is_known() -> None:
    failed = hour_so_far(NOON, [failed_tick(at(1))], rate=RATE, origin="collector")
    assert not failed.is_observed
    assert failed.bill == {}
    one = hour_so_far(NOON, [failed_tick(at(1)), tick(at(2))], rate=RATE, origin="collector")
    assert one.capacity["cpu"] == 3_000_000
    # A twelfth of the rate.
    assert sum(one.bill.values()) == 166_667  # type: ignore[arg-type]
    assert one.unobserved["kubernetes"] == {"error": 300}
    nothing = hour_so_far(NOON, [], rate=RATE, origin="collector")
    assert (nothing.is_observed, nothing.observed["kubernetes"], nothing.unobserved) == (False, 0, {})
