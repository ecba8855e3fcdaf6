"""What is charged of an interval: the larger of what a pod requests and what it used, for as long as it held it.

Each answer computed by hand.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.observations import HUGE_PAGES, NodeSpan, Pod, PodMetrics, PodSpan
from tests.collector.accounting.measuring import measured
from tests.collector.accounting.sampling import sample_of
from tests.support.examples import examples
from tests.support.observed import GIB, MOMENT, item, node, pod


def charged(
    pods: list[Pod | PodSpan], items: list[PodMetrics] | None, *, of: str = "shop", **more: object
) -> tuple[float | None, float | None]:
    entry = sample_of(pods, items, namespaces=["shop"], **more).namespaces[of]  # type: ignore[arg-type]
    return entry.charged["cpu"], entry.charged["memory"]


@pytest.mark.parametrize(("used", "cores"), [(0.0, 2.0), (1.5, 2.0), (2.0, 2.0), (2.5, 2.5), (8.0, 8.0)])
def test_the_larger_of_use_and_requests_is_charged(used: float, cores: float) -> None:
    # 2 cores and 2 GiB are requested; as many GiB as cores are used, 1 GiB where no core is
    assert charged([pod(cpu=2.0)], [item(cpu=used)]) == (cores, cores * GIB)


def test_each_pod_is_charged_by_itself_and_each_metric() -> None:
    # a uses 3 of 1 core and b 0 of 4: 3 + 4; memory 0.5 of 1 GiB and 6 of 4: 1 + 6. The sums used are 3 and 6.5.
    pods = [pod(name="a"), pod(name="b", cpu=4.0)]
    items = [of_pod("a", 3.0, 0.5), of_pod("b", 0.0, 6.0)]
    assert charged([*pods], items) == (7.0, 7 * GIB)


def of_pod(name: str, cpu: float, gib: float) -> PodMetrics:
    (one,) = item(name=name).containers or ()
    return item(name=name, containers=[replace(one, cpu=cpu, memory=gib * GIB)])


@pytest.mark.parametrize("seconds", [300.0, 150.0, 30.0])
def test_use_is_charged_for_as_long_as_the_pod_held_something(seconds: float) -> None:
    # 3 cores used of 1: 900, 450 and 90 core-seconds of 300, a mean of 3, 1.5 and 0.3
    assert charged([PodSpan(pod(), seconds)], [item(cpu=3.0)]) == pytest.approx((seconds / 100, seconds / 100 * GIB))


def test_a_resized_pod_is_charged_span_by_span_with_the_same_use() -> None:
    # uses 2 cores: 100 s at 1 core are charged 200, 200 s at 4 cores 800: 1000 ÷ 300
    spans: list[Pod | PodSpan] = [PodSpan(pod(cpu=1.0), 100.0), PodSpan(pod(cpu=4.0), 200.0)]
    assert charged(spans, [item(cpu=2.0)])[0] == pytest.approx(10 / 3)


@pytest.mark.parametrize(("present", "core_seconds"), [(300.0, 1000), (200.0, 600), (100.0, 200), (0.0, 0)])
def test_nothing_is_charged_after_the_node_has_gone(present: float, core_seconds: float) -> None:
    # uses 2 cores: 100 s at 1 core are 200, then 4 for what is left of the node
    spans: list[Pod | PodSpan] = [PodSpan(pod(cpu=1.0), 100.0), PodSpan(pod(cpu=4.0), 200.0)]
    found = charged(spans, [item(cpu=2.0)], nodes=[NodeSpan(node(), present)])
    assert found[0] == pytest.approx(core_seconds / 300)


def test_a_pod_that_was_read_and_held_nothing_in_the_interval_is_charged_nothing() -> None:
    assert charged([PodSpan(pod(cpu=2.0), 0.0)], [item(cpu=5.0)]) == (0.0, 0.0)


def test_a_pod_that_is_gone_before_the_end_is_charged_its_use_while_it_held_something() -> None:
    # 60 s of 5 cores are 300 core-seconds
    ended = replace(pod(cpu=2.0), ended=MOMENT - 240)
    assert charged([PodSpan(ended, 60.0)], [item(cpu=5.0)])[0] == 1.0


def test_pods_that_were_not_measured_are_charged_what_they_requested() -> None:
    # a is measured at 3 of 1 core; b, c are not, so that the whole is unknown: 3 + 1 + 2
    pods: list[Pod | PodSpan] = [pod(name="a"), pod(name="b"), pod(name="c", cpu=2.0)]
    sample = sample_of(pods, [item(name="a", cpu=3.0)])
    entry = sample.namespaces["shop"]
    assert entry.usage["cpu"] is None
    assert entry.charged == {"cpu": 6.0, "memory": 6 * GIB}
    assert (entry.usage_matched["cpu"], entry.requests_matched["cpu"]) == (None, None)


def test_without_metrics_everybody_is_charged_what_was_requested() -> None:
    assert charged([pod(cpu=2.0)], None) == (2.0, 2 * GIB)


def test_a_pod_of_the_same_name_that_came_later_is_another() -> None:
    # the first used 5 of 1 core for 100 s; of the second, 200 s at 1 core, nothing was read: 700 ÷ 300
    first, second = pod(), replace(pod(), uid="later")
    found = sample_of(
        [PodSpan(first, 100.0), PodSpan(second, 200.0)],
        measured=measured([first], [item(cpu=5.0)]),
    ).namespaces["shop"]
    assert found.charged["cpu"] == pytest.approx(7 / 3)


def test_huge_pages_are_requested_and_used() -> None:
    # 1 GiB requested, 0.5 of it huge pages; 0.25 GiB measured beside them
    huge = pod(more={HUGE_PAGES: 0.5 * GIB})
    assert charged([huge], [of_pod("web", 0.0, 0.25)]) == (1.0, GIB)
    assert charged([huge], [of_pod("web", 0.0, 0.75)]) == (1.0, 1.25 * GIB)


def test_what_is_not_charged_to_its_namespace_is_charged_to_excluded() -> None:
    # 3 of 1 core, 0.5 of 2: 5
    pods = [pod("kube-a", "a"), pod("kube-b", "b", cpu=2.0)]
    sample = sample_of(pods, [item("kube-a", "a", 3.0), item("kube-b", "b")], charged=lambda _: False)
    assert sample.special["excluded"].charged == {"cpu": 5.0, "memory": 5 * GIB}
    assert sample.special["excluded"].usage_matched == {"cpu": 3.5, "memory": 3.5 * GIB}
    assert sample.special["excluded"].requests_matched == {"cpu": 3.0, "memory": 3 * GIB}


def test_a_namespace_without_pods_is_charged_nothing() -> None:
    entry = sample_of(items=[], namespaces=["shop"]).namespaces["shop"]
    assert entry.charged == entry.usage_matched == entry.requests_matched == {"cpu": 0.0, "memory": 0.0}
    assert entry.gpu_measured is None


def test_use_is_matched_with_the_requests_at_the_same_moment() -> None:
    # when it was read it requested 4 cores, and 0.5 were used; over the interval it requested 3 on average
    spans = [PodSpan(pod(cpu=1.0), 100.0), PodSpan(pod(cpu=4.0), 200.0)]
    entry = sample_of(spans, measured=measured([pod(cpu=4.0)], [item(cpu=0.5)])).namespaces["shop"]
    assert entry.requests["cpu"] == pytest.approx(3.0)
    assert (entry.usage_matched["cpu"], entry.requests_matched["cpu"]) == (0.5, 4.0)


def test_pods_that_wait_are_matched_by_nothing() -> None:
    # Neither running nor measured: 3 cores are requested, and no use can be set against them.
    entry = sample_of([pod(cpu=3.0, running=())], []).namespaces["shop"]
    assert entry.usage["cpu"] == 0.0
    assert entry.requests["cpu"] == entry.charged["cpu"] == 3.0
    assert (entry.usage_matched["cpu"], entry.requests_matched["cpu"]) == (0.0, 0.0)


@st.composite
def lives(draw: st.DrawFn) -> tuple[Pod, list[PodSpan], float | None]:
    """A pod with its spans, and the cores that were measured of it."""
    name = draw(st.sampled_from(["a", "b", "c", "d"]))
    namespace = draw(st.sampled_from(["shop", "blog"]))
    sizes = draw(st.lists(st.sampled_from([0.0, 0.1, 1.0, 3.3]), min_size=1, max_size=3))
    seconds = draw(st.lists(st.sampled_from([0.0, 7.0, 100.0]), min_size=len(sizes), max_size=len(sizes)))
    spans = [PodSpan(pod(namespace, name, cpu=size), for_so) for size, for_so in zip(sizes, seconds, strict=True)]
    return spans[-1].pod, spans, draw(st.sampled_from([None, 0.0, 0.1, 2.0, 8.0]))


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(lives(), max_size=6, unique_by=lambda each: each[0].key), st.sampled_from([0.0, 50.0, 300.0]))
def test_what_is_charged_is_at_least_what_is_requested_and_what_each_pod_used(
    pods: list[tuple[Pod, list[PodSpan], float | None]], present: float
) -> None:
    spans = [span for _, its, _ in pods for span in its]
    items = [item(its.namespace, its.name, used) for its, _, used in pods if used is not None]
    sample = sample_of(spans, items, nodes=[NodeSpan(node(), present)])
    for name, entry in sample.namespaces.items():
        charge = entry.charged["cpu"]
        assert charge is not None
        assert charge >= (entry.requests["cpu"] or 0.0)
        held = {
            its.name: min(present, sum(span.seconds for span in its_spans))
            for its, its_spans, _ in pods
            if its.namespace == name
        }
        # A pod of this many items may be unexpected or unknown, and is charged its use all the same.
        used = sum(held[its.name] * cores for its, _, cores in pods if its.namespace == name and cores is not None)
        assert charge >= used / 300 - 1e-9
        assert charge <= (entry.requests["cpu"] or 0.0) + used / 300 + 1e-9
