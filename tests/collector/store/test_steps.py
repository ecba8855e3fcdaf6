from __future__ import annotations

from collector.store.layout import CLUSTER_FILE, ENTRY, GPU, RrdFile
from collector.store.registry import Registry
from collector.store.rrd import Span
from collector.store.steps import Plan, accept, plan
from tests.support.samples import HOUR, NOON, STEP, entry, failed_tick, gpu_entry, tick, ticks

WEB = RrdFile("namespace", "web", ENTRY)
WEB_GPU = RrdFile("namespace", "web", GPU)
UNOBSERVED = (None,) * 8 + (0.0,) * 5


def continued(before: Plan, samples: list) -> Plan:  # type: ignore[type-arg]
    return plan(before.registry, before.observed, samples)


def test_the_first_tick_fills_the_cluster_from_the_start_of_its_hour() -> None:
    result = plan(Registry(), (), [tick(NOON + 900, interval=900), tick(NOON + 1800, interval=900)][1:])
    first, second = result.spans[CLUSTER_FILE]
    assert first == Span(NOON, NOON + 900, UNOBSERVED)
    assert (second.start, second.end, second.values[0], second.values[-5:]) == (
        NOON + 900,
        NOON + 1800,
        100.0,
        (1.0, 1.0, 0.0, 1.0, 0.0),
    )
    assert result.observed == ((NOON + 900, NOON + 1800),)


def test_a_gap_is_one_span_of_not_observed() -> None:
    before = plan(Registry(), (), [tick(NOON + HOUR)])
    result = continued(before, [tick(NOON + 5 * HOUR)])
    assert result.spans[CLUSTER_FILE][0] == Span(NOON + HOUR, NOON + 5 * HOUR - STEP, UNOBSERVED)


def test_a_birth_gets_zero_for_the_observed_steps_of_its_hour_only() -> None:
    samples = [*ticks(NOON - HOUR, NOON + STEP), failed_tick(NOON + 2 * STEP), *ticks(NOON + 2 * STEP, NOON + 4 * STEP)]
    before = plan(Registry(), (), samples)
    spans = continued(before, [tick(NOON + 5 * STEP, {"web": entry(1.0)})]).spans[WEB]
    zero = (0.0, 0.0, 0.0, 0.0, 1.0)
    assert spans == [
        Span(NOON, NOON + STEP, zero),
        Span(NOON + 2 * STEP, NOON + 3 * STEP, zero),
        Span(NOON + 3 * STEP, NOON + 4 * STEP, zero),
        Span(NOON + 4 * STEP, NOON + 5 * STEP, (1.0, 0.0, 0.0, 0.0, 1.0)),
    ]


def test_a_special_entry_without_cpu_uses_zero_of_it() -> None:
    special = RrdFile("special", "unattributed", ENTRY)
    lost = gpu_entry(0.5, 0.0, 1.0)
    result = plan(Registry(), (), [tick(NOON, special={"unattributed": type(lost)({"gpu": 0.5, "gpu_memory": 1.0})})])
    assert result.spans[special][0].values == (0.0, 0.0, 0.0, 0.0, None)


def test_gpu_usage_that_an_entry_with_gpu_requests_does_not_tell_is_unknown() -> None:
    holding = type(entry())({"cpu": 1.0, "memory": 1.0}, {"gpu": 2.0}, 1.0)
    assert plan(Registry(), (), [tick(NOON, {"web": holding})]).spans[WEB_GPU][0].values == (None, 2.0, None)


def test_a_namespace_that_is_over_costs_nothing_any_more() -> None:
    before = plan(Registry(), (), [tick(NOON, {"web": entry()}), tick(NOON + STEP), tick(NOON + 2 * HOUR)])
    assert set(continued(before, [tick(NOON + 3 * HOUR)]).spans) == {CLUSTER_FILE}


def test_accept_takes_times_that_only_grow() -> None:
    times = [5, 3, 5, 6, 9, 9, 7, 12]
    accepted, refused = accept([tick(t * STEP) for t in times], 4 * STEP)
    assert [s.time // STEP for s in accepted] == [5, 6, 9, 12]
    assert [t // STEP for t in refused] == [3, 5, 9, 7]
    assert accept([tick(STEP)], None)[1] == []


def test_a_namespace_whose_hour_is_closed_to_the_last_step_costs_nothing_any_more() -> None:
    before = plan(Registry(), (), [tick(NOON + STEP, {"web": entry()}), tick(NOON + HOUR)])
    assert set(continued(before, [tick(NOON + HOUR + STEP)]).spans) == {CLUSTER_FILE}
