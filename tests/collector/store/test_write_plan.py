from __future__ import annotations

from collector.store.paths import CLUSTER_FILE, ENTRY, RrdFile
from collector.store.registry import EMPTY
from collector.store.rrd.database import Span
from collector.store.write_plan import Plan, accept, plan
from tests.support.samples import DAY, HOUR, NOON, STEP, entry, failed_tick, tick, ticks

WEB = RrdFile("namespace", "web", ENTRY)
UNOBSERVED = (None,) * 8 + (0.0,) * 5
ZERO = (0.0, 0.0, 0.0, 0.0, 1.0)
NOBODY = (None, None, None, None, 0.0)


def continued(before: Plan, samples: list) -> Plan:  # type: ignore[type-arg]
    return plan(before.registry, before.observed, samples)


def test_the_first_tick_fills_the_cluster_from_the_start_of_its_hour() -> None:
    result = plan(EMPTY, (), [tick(NOON + 900, interval=900), tick(NOON + 1800, interval=900)][1:])
    first, second = result.spans[CLUSTER_FILE]
    assert first == Span(NOON, NOON + 900, UNOBSERVED)
    assert (second.start, second.end, second.values[0], second.values[-5:]) == (
        NOON + 900,
        NOON + 1800,
        10.0,
        (1.0, 1.0, 0.0, 1.0, 0.0),
    )
    assert result.observed == ((NOON + 900, NOON + 1800, True),)


def test_a_gap_is_one_span_of_not_observed() -> None:
    before = plan(EMPTY, (), [tick(NOON + HOUR)])
    result = continued(before, [tick(NOON + 5 * HOUR)])
    assert result.spans[CLUSTER_FILE][0] == Span(NOON + HOUR, NOON + 5 * HOUR - STEP, UNOBSERVED)


def test_a_birth_gets_zero_for_the_observed_steps_of_its_hour_only() -> None:
    # Observed; the API failed; observed; metrics-server failed; nobody sampled; born.
    samples = [*ticks(NOON - HOUR, NOON + STEP), failed_tick(NOON + 2 * STEP), *ticks(NOON + 2 * STEP, NOON + 3 * STEP)]
    before = plan(EMPTY, (), [*samples, tick(NOON + 4 * STEP, metrics=False)])
    spans = continued(before, [tick(NOON + 6 * STEP, {"web": entry(1.0)})]).spans[WEB]
    assert spans == [
        Span(NOON, NOON + STEP, ZERO),
        Span(NOON + STEP, NOON + 2 * STEP, NOBODY),
        Span(NOON + 2 * STEP, NOON + 3 * STEP, ZERO),
        Span(NOON + 3 * STEP, NOON + 4 * STEP, (0.0, 0.0, 0.0, 0.0, 0.0)),
        Span(NOON + 4 * STEP, NOON + 5 * STEP, NOBODY),
        Span(NOON + 5 * STEP, NOON + 6 * STEP, (1.0, 0.0, 0.0, 0.0, 1.0)),
    ]


def test_a_pause_is_told_to_the_files_of_the_hours_it_begins_and_ends_in_only() -> None:
    before = plan(EMPTY, (), [tick(NOON + 10 * STEP, {"web": entry(1.0)})])
    spans = continued(before, [tick(NOON + 3 * DAY + 3 * STEP, {"web": entry(2.0)})]).spans[WEB]
    assert spans == [
        Span(NOON + 10 * STEP, NOON + HOUR, NOBODY),
        Span(NOON + 3 * DAY, NOON + 3 * DAY + 2 * STEP, NOBODY),
        Span(NOON + 3 * DAY + 2 * STEP, NOON + 3 * DAY + 3 * STEP, (2.0, 0.0, 0.0, 0.0, 1.0)),
    ]


def test_a_pause_over_whole_hours_needs_no_rows() -> None:
    before = plan(EMPTY, (), [tick(NOON + HOUR, {"web": entry(1.0)})])
    spans = continued(before, [tick(NOON + 3 * HOUR, {"web": entry(2.0)}, interval=HOUR)]).spans[WEB]
    assert spans == [Span(NOON + 2 * HOUR, NOON + 3 * HOUR, (2.0, 0.0, 0.0, 0.0, 1.0))]


def test_a_pause_closes_the_hour_of_one_that_had_ended() -> None:
    before = plan(EMPTY, (), [tick(NOON + STEP, {"web": entry(1.0)}), tick(NOON + 2 * STEP)])
    spans = continued(before, [tick(NOON + DAY + 2 * STEP)]).spans[WEB]
    assert spans == [Span(NOON + 2 * STEP, NOON + HOUR, NOBODY)]


def test_a_namespace_that_is_over_costs_nothing_any_more() -> None:
    before = plan(EMPTY, (), [tick(NOON, {"web": entry()}), tick(NOON + STEP), tick(NOON + 2 * HOUR)])
    assert set(continued(before, [tick(NOON + 3 * HOUR)]).spans) == {CLUSTER_FILE}


def test_accept_takes_times_that_only_grow() -> None:
    times = [5, 3, 5, 6, 9, 9, 7, 12]
    accepted, refused = accept([tick(t * STEP) for t in times], 4 * STEP)
    assert [s.time // STEP for s in accepted] == [5, 6, 9, 12]
    assert [t // STEP for t in refused] == [3, 5, 9, 7]
    assert accept([tick(STEP)], None)[1] == []


def test_a_namespace_whose_hour_is_closed_to_the_last_step_costs_nothing_any_more() -> None:
    before = plan(EMPTY, (), [tick(NOON + STEP, {"web": entry()}), tick(NOON + HOUR)])
    assert set(continued(before, [tick(NOON + HOUR + STEP)]).spans) == {CLUSTER_FILE}
