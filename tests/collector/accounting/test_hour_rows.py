"""What a namespace came to in an hour; each answer computed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.hour import HourAmount, HourRow
from collector.model import Entry, MetricValues, TickSample, UnmeasuredReason
from kl_core.vocabulary import Metric
from tests.collector.accounting.hours import CORE_HOUR, GIB_HOUR, GPU_HOUR, at, hour_of
from tests.support.examples import examples
from tests.support.samples import GIB, NOON, entry, failed_tick, gpu_entry, tick

WEB = entry(1.0, 2.0, cpu_requests=4.0, gib_requests=8.0)


def row_of(by_step: Mapping[int, Entry | None], *, failed: tuple[int, ...] = (), **more: bool | None) -> HourRow:
    """The row of `web`, which is `by_step` as long as the next one is not given; None where it is not listed."""
    samples: list[TickSample] = []
    web: Entry | None = None
    for step in range(1, 13):
        web = by_step.get(step, web)
        if step in failed:
            samples.append(failed_tick(at(step), dcgm=more.get("dcgm")))
        else:
            samples.append(tick(at(step), {} if web is None else {"web": web}, gpu=8.0, gpu_gib=8.0, **more))  # type: ignore[arg-type]
    return hour_of(samples).namespaces["web"]


def told(
    charged: MetricValues | None = None,
    used: MetricValues | None = None,
    requested: MetricValues | None = None,
    its: Entry = WEB,
) -> Entry:
    return replace(its, charged=charged or {}, usage_matched=used or {}, requests_matched=requested or {})


def test_use_and_requests_are_the_mean_of_the_hour() -> None:
    row = row_of({1: WEB})
    assert row.usage == {"cpu": CORE_HOUR, "memory": 2 * GIB_HOUR}
    assert row.requests == {"cpu": 4 * CORE_HOUR, "memory": 8 * GIB_HOUR}
    assert (row.measured, row.gpu_measured, row.present) == (3600, None, True)


def test_a_namespace_that_a_listing_does_not_name_is_zero_in_it_and_measured() -> None:
    # There for 3 of the 9 steps that were observed.
    row = row_of({1: WEB, 4: None}, failed=(10, 11, 12))
    assert row.usage["cpu"] == round(CORE_HOUR / 3)
    assert row.requests["cpu"] == round(4 * CORE_HOUR / 3)
    assert row.measured == 2700


def test_a_namespace_in_no_tick_is_in_no_row_and_one_in_a_single_tick_is() -> None:
    assert row_of({1: None, 12: WEB}).usage["cpu"] == CORE_HOUR / 12
    with pytest.raises(KeyError):
        row_of({1: None})


@pytest.mark.parametrize(("unknown", "usage"), [(6, CORE_HOUR), (7, None)])
def test_use_that_is_known_for_half_of_the_hour_stands_for_all_of_it(unknown: int, usage: HourAmount) -> None:
    row = row_of({1: entry(None, None, cpu_requests=4.0, measured=0.25), unknown + 1: WEB})
    assert row.usage["cpu"] == row.usage_matched["cpu"] == usage
    assert row.requests["cpu"] == 4 * CORE_HOUR
    assert row.requests_matched["cpu"] == (None if usage is None else 4 * CORE_HOUR)
    # A quarter of the pods was measured while use was unknown.
    assert row.measured == 3600 - unknown * 225


def test_measured_counts_seconds_by_share_and_none_in_which_pods_and_use_were_not_both_known() -> None:
    half = entry(1.0, measured=0.5)
    samples = [
        *(tick(at(n), {"web": half}) for n in range(1, 5)),
        *(tick(at(n), {"web": entry(None, None, measured=None)}, metrics=False) for n in range(5, 7)),
        *(failed_tick(at(n), metrics=True) for n in range(7, 9)),
        *(tick(at(n)) for n in range(9, 11)),
        # Imported history tells no share: measured where the use is known.
        tick(at(11), {"web": entry(1.0, measured=None)}),
        tick(at(12), {"web": entry(None, None, measured=None)}),
    ]
    # 4 x 150, nothing of the 4 in the middle, 2 x 300 in which it was not there, 300 and 0
    assert hour_of(samples).namespaces["web"].measured == 600 + 600 + 300


def test_what_is_charged_and_matched_is_as_the_ticks_tell_it() -> None:
    # Charged 6 cores for half of the hour, then 4; 3 of 3 cores matched, then nothing
    first = told({"cpu": 6.0, "memory": 8 * GIB}, {"cpu": 3.0, "memory": GIB}, {"cpu": 3.0, "memory": 2 * GIB})
    second = told({"cpu": 4.0, "memory": 8 * GIB}, {"cpu": None, "memory": None}, {"cpu": None, "memory": None})
    row = row_of({1: first, 7: second})
    assert row.charged == {"cpu": 5 * CORE_HOUR, "memory": 8 * GIB_HOUR}
    assert row.usage_matched == {"cpu": 3 * CORE_HOUR, "memory": GIB_HOUR}
    assert row.requests_matched == {"cpu": 3 * CORE_HOUR, "memory": 2 * GIB_HOUR}
    # In seven steps unknown, it is for less than half of the hour.
    assert row_of({1: first, 6: second}).usage_matched["cpu"] is None


def test_what_nobody_told_is_charged_is_unknown() -> None:
    charged = told({"cpu": 4.0, "memory": 8 * GIB})
    assert row_of({1: WEB}).charged == {"cpu": None, "memory": None}
    # Told for eleven steps of twelve it could be below the requests of the hour. Who is not there is charged nothing.
    assert row_of({1: WEB, 2: charged}).charged == {"cpu": None, "memory": None}
    assert row_of({1: None, 7: charged}).charged == {"cpu": 2 * CORE_HOUR, "memory": 4 * GIB_HOUR}


def test_use_of_which_nobody_told_whose_it_is_is_set_against_requests_by_the_share_that_was_measured() -> None:
    # 4 cores x 0.75 for 6 steps, 4 for 6; imported history knows no share, and counts as measured
    part = entry(1.0, 2.0, cpu_requests=4.0, gib_requests=8.0, measured=0.75)
    row = row_of({1: part, 7: replace(part, measured=None)})
    assert row.usage_matched == {"cpu": CORE_HOUR, "memory": 2 * GIB_HOUR}
    assert row.requests_matched == {"cpu": 3.5 * CORE_HOUR, "memory": 7 * GIB_HOUR}


def test_without_known_requests_there_is_nothing_to_match() -> None:
    unread = Entry({"cpu": 1.0, "memory": 1.0}, {"cpu": None, "memory": 1.0}, None)
    row = row_of({1: unread})
    assert (row.usage["cpu"], row.requests["cpu"]) == (CORE_HOUR, None)
    assert (row.usage_matched["cpu"], row.requests_matched["cpu"]) == (None, None)


def test_gpus_are_zero_in_ticks_in_which_none_is_held() -> None:
    # Holds 2 GPUs and uses 1 and 3 GiB for 4 steps of 12, then none, then is gone.
    row = row_of({1: WEB, 3: gpu_entry(1.0, 2.0, 3.0), 7: WEB, 10: None}, dcgm=True)
    assert row.usage["gpu"] == round(GPU_HOUR / 3)
    assert row.requests["gpu"] == round(2 * GPU_HOUR / 3)
    assert row.usage["gpu_memory"] == GIB_HOUR
    assert row.usage_matched["gpu"] == round(GPU_HOUR / 3)
    assert "gpu_memory" not in {**row.requests, **row.usage_matched}


def test_gpu_use_that_is_not_told_is_unknown_and_so_are_requests_while_claims_are_unread() -> None:
    metrics: dict[Metric, float | None] = {"cpu": 1.0, "memory": 1.0}
    row = row_of({1: Entry(metrics, {**metrics, "gpu": None}, 1.0, charged={**metrics, "gpu": None})}, dcgm=False)
    for amounts in (row.usage, row.requests, row.charged, row.usage_matched, row.requests_matched):
        assert amounts["gpu"] is None
    assert row.usage["gpu_memory"] is None


def test_gpus_that_were_shown_are_counted_by_share_in_what_exporters_answered() -> None:
    def holding(share: float | None) -> dict[str, Entry]:
        return {"web": replace(gpu_entry(1.0, 2.0, 3.0), gpu_measured=share)}

    samples = [
        *(tick(at(n), holding(0.5), dcgm=True) for n in range(1, 5)),
        *(tick(at(n), holding(0.0), dcgm=False) for n in range(5, 7)),
        tick(at(7), {"web": WEB}, dcgm=True),
        tick(at(8), dcgm=True),
        failed_tick(at(9), dcgm=True),
        *(tick(at(n), holding(1.0), dcgm=True) for n in range(10, 13)),
    ]
    # 4 x 150, nothing while exporters failed, 2 x 300 without a GPU, nothing without the API, 3 x 300
    assert hour_of(samples).namespaces["web"].gpu_measured == 600 + 600 + 900
    assert row_of({1: gpu_entry(None, 1.0, None)}).gpu_measured is None


def test_labels_are_those_at_the_end_as_far_as_they_were_told() -> None:
    first, second = (replace(WEB, labels={"team": team}) for team in "ab")
    assert row_of({1: first, 7: second}).labels == {"team": "b"}
    assert row_of({1: first, 7: second, 9: replace(WEB, labels=None)}).labels == {"team": "b"}
    assert row_of({1: first, 7: replace(WEB, labels={}), 9: None}).labels == {}
    # deleted within the first interval, so that no listing at the end of one told them
    assert row_of({1: replace(WEB, labels=None), 2: None}).labels is None


def test_unmeasured_pods_are_counted_by_reason_and_those_of_who_is_not_charged_in_excluded() -> None:
    def unmeasured(step: int, reasons: Mapping[str, Mapping[UnmeasuredReason, int]]) -> TickSample:
        return replace(tick(at(step), {"web": WEB}, special={"excluded": WEB}), unmeasured=reasons)

    hour = hour_of(
        [
            *(tick(at(n), {"web": WEB}) for n in range(1, 9)),
            unmeasured(9, {"web": {"stale": 2, "gpu_not_seen": 1}, "kube-system": {"absent": 1}}),
            unmeasured(10, {"web": {"stale": 1}, "kube-public": {"absent": 2, "odd": 1}}),
            unmeasured(11, {}),
        ]
    )
    assert hour.namespaces["web"].unmeasured == {"stale": 3, "gpu_not_seen": 1}
    assert hour.special["excluded"].unmeasured == {"absent": 3, "odd": 1}


def test_special_entries_have_rows_of_their_own() -> None:
    nobody = Entry({"cpu": 0.0, "memory": 0.0, "gpu": 0.5, "gpu_memory": GIB}, {"gpu": 0.0}, 1.0, charged={"gpu": 0.5})
    samples = [
        *(tick(at(n), {"excluded": entry(3.0)}, special={"excluded": entry(1.0)}) for n in range(1, 7)),
        *(tick(at(n), special={"unattributed": nobody}, gpu=1.0, gpu_gib=8.0, dcgm=True) for n in range(7, 13)),
    ]
    hour = hour_of(samples)
    assert hour.namespaces["excluded"].usage["cpu"] == 1.5 * CORE_HOUR
    assert hour.special["excluded"].usage["cpu"] == 0.5 * CORE_HOUR
    unattributed = hour.special["unattributed"]
    assert (unattributed.usage["gpu"], unattributed.charged["gpu"]) == (GPU_HOUR / 4, GPU_HOUR / 4)
    assert unattributed.requests == {"cpu": 0, "memory": 0, "gpu": 0}


cores = st.sampled_from([0.0, 0.1, 1 / 3, 2.0, 17.77])
lives = st.lists(
    st.none() | st.tuples(st.sampled_from([300, 900, 3600]), st.none() | st.tuples(cores, cores, cores, cores)),
    min_size=12,
    max_size=12,
)


@settings(max_examples=examples(100), deadline=None)
@given(lives)
def test_what_is_charged_is_at_least_what_is_requested_and_what_is_matched_at_most_what_is_used(
    plan: list[tuple[int, tuple[float, float, float, float] | None] | None],
) -> None:
    samples = []
    for step, each in enumerate(plan, 1):
        if each is None:
            samples.append(failed_tick(at(step)))
            continue
        interval, values = each
        there = {}
        if values is not None:
            requested, more, used, unmatched = values
            charged: MetricValues = {"cpu": requested + more}
            used += unmatched
            its = entry(used, cpu_requests=requested)
            there["web"] = told(charged, {"cpu": used - unmatched}, {"cpu": requested}, its)
        samples.append(tick(at(step) // interval * interval, there, interval=interval))
    hour = hour_of([sample for sample in samples if sample.time > NOON])
    for row in hour.namespaces.values():
        if hour.is_observed:
            charged_amount, used_amount, matched = row.charged["cpu"], row.usage["cpu"], row.usage_matched["cpu"]
            assert charged_amount is not None
            assert used_amount is not None
            assert charged_amount >= (row.requests["cpu"] or 0)
            assert (matched or 0) <= used_amount
            assert row.measured is not None
            assert 0 <= row.measured <= hour.pods_observed
