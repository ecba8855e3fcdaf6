"""Rule 3 from API objects to published books: what is believed of metrics-server, and whom it costs what.

A cluster of two nodes of 10 cores, so that 20 core-hours are allocatable in an hour.
"""

from __future__ import annotations

import copy
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.observations import UsageReading
from tests.rules.telling import Object, Told, Work, column, machine, published, special, ticks, work
from tests.support import kubernetes_objects as api
from tests.support.examples import examples

HOUR_OF = ("2026-11-21T13:00", "2026-11-21T14:00")
TWO = (machine("n1"), machine("n2"))


def hour(directory: Path, *works: Work, nodes: Any = TWO) -> dict[str, Any]:
    """The hourly books of an hour in which nothing changes; they balance."""
    hourly: dict[str, Any] = published(directory, ticks(Told(works, nodes), *HOUR_OF))["hourly_7d"]
    return hourly


def idle(hourly: dict[str, Any], metric: str = "cpu") -> float | None:
    return special(hourly, "idle", metric)[0]


def used(hourly: dict[str, Any], namespace: str, metric: str = "cpu") -> float | None:
    return column(hourly, namespace, metric=metric)[0]


def listed(namespace: str, *containers: Any, pod: Object | None = None) -> Work:
    """A pod with one container `app`, of which metrics-server lists these."""
    of_pod = api.pod(api.container(cpu="1"), namespace=namespace) if pod is None else pod
    item = {**api.pod_metrics(namespace, of_pod["metadata"]["name"]), "containers": list(containers)}
    return Work(of_pod, item)


def app(cpu: Any = "500m", memory: Any = "1Gi", name: Any = "app") -> Object:
    return {"name": name, "usage": {"cpu": cpu, "memory": memory}}


SHOP = work("shop", cores=1.0, gib=1.0)


@pytest.mark.parametrize(
    "odd",
    [
        [app("-2")],
        [app("1", "-1Gi")],
        [app("18446744074")],
        [app("10001m")],
        [app("1", "41Gi")],
        [{"name": "app", "usage": None}],
        [{"name": "app", "usage": {"cpu": "1"}}],
        [{"name": "app", "usage": {"memory": "1Gi"}}],
        [app("NaN")],
        [app("1", name="")],
        [app("1", name="other")],
        [app("1"), app("2")],
        ["app"],
        [],
    ],
    ids=lambda containers: repr(containers)[:60],
)
def test_what_cannot_be_believed_of_a_pod_leaves_its_namespace_unknown_and_no_other(
    tmp_path: Path, odd: list[Any]
) -> None:
    hourly = hour(tmp_path, SHOP, listed("web", *odd))
    assert (used(hourly, "web"), used(hourly, "web", "memory")) == (None, None)
    assert (used(hourly, "shop"), used(hourly, "shop", "memory")) == (1.0, 1.0)
    assert column(hourly, "web", "requests") == [1.0]
    assert idle(hourly) is None
    assert special(hourly, "unmeasured") == [19.0]


@pytest.mark.parametrize(
    ("containers", "cores"),
    [
        ([app("10"), app("0", "0", name="")], 10.0),
        ([app(), app("500m", name="")], 0.5),
        ([app(), app()], 0.5),
        ([{**app(), "usage": {"cpu": "500m", "memory": "1Gi", "swap": "9Gi"}}], 0.5),
    ],
    ids=["all that the node has", "a nameless sum", "the container twice", "with swap"],
)
def test_what_can_be_believed_of_a_pod_counts_once(tmp_path: Path, containers: list[Any], cores: float) -> None:
    hourly = hour(tmp_path, SHOP, listed("web", *containers))
    assert used(hourly, "web") == cores
    assert used(hourly, "web", "memory") == 1.0
    assert idle(hourly) == pytest.approx(20 - 1 - cores)


def test_a_pod_that_is_listed_twice_counts_once(tmp_path: Path) -> None:
    web = work("web", cores=0.5)
    again = Work(web.pod, copy.deepcopy(web.usage))
    told = Told([SHOP, web])
    twice = Told([SHOP, web, Work(api.pod(api.container(), namespace="x", node=None), again.usage)])
    assert [each.namespaces["web"] for each in ticks(twice, *HOUR_OF)] == [
        each.namespaces["web"] for each in ticks(told, *HOUR_OF)
    ]
    assert used(hour(tmp_path, *twice.works), "web") == 0.5


def test_one_impossible_sample_of_twelve_is_left_out_of_the_hour(tmp_path: Path) -> None:
    # 11 samples of 0.5 cores; the twelfth says 2^64 nanocores
    good, bad = Told([listed("web", app())], TWO), Told([listed("web", app("18446744074"))], TWO)
    samples = ticks(good, HOUR_OF[0], "2026-11-21T13:55") + ticks(bad, "2026-11-21T13:55", HOUR_OF[1])
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert used(hourly, "web") == 0.5
    assert idle(hourly) == pytest.approx(19.5)


def crashing(phase: str = "Running") -> Work:
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    return work("dev", asked="100m", phase=phase, status={"containerStatuses": [{"name": "app", "state": state}]})


@pytest.mark.parametrize("phase", ["Running", "Pending"], ids=["crash loop", "image pull"])
def test_a_pod_of_which_nothing_runs_uses_nothing_and_hides_nothing(tmp_path: Path, phase: str) -> None:
    # 4 of 20 cores are used; the pod of dev holds 0.1
    hourly = hour(tmp_path, work("web", cores=4.0), crashing(phase))
    assert (used(hourly, "web"), used(hourly, "dev"), idle(hourly)) == (4.0, 0.0, 16.0)
    assert column(hourly, "dev", "requests") == pytest.approx([0.1])
    assert "unmeasured" not in hourly["special"]


def test_pods_on_a_dead_node_use_nothing_and_hold_what_they_request(tmp_path: Path) -> None:
    # two pods terminate on a node that is not ready, their replacement uses 2 cores
    dead = [machine("n1"), api.node("n2", cpu="10", memory="40Gi", ready="Unknown")]
    old = [work("web", name, asked="2", node="n2") for name in ("old1", "old2")]
    hourly = hour(tmp_path, work("web", "new", cores=2.0, asked="2"), *old, SHOP, nodes=dead)
    assert (used(hourly, "web"), used(hourly, "shop"), idle(hourly)) == (2.0, 1.0, 17.0)
    assert column(hourly, "web", "requests") == [6.0]
    assert "coverage" not in hourly["namespaces"]["web"]


def test_pods_of_unknown_phase_and_of_a_node_that_is_gone_use_nothing(tmp_path: Path) -> None:
    lost, ghost = work("lost", asked="1", phase="Unknown"), work("ghost", asked="3", node="gone", cores=3.0)
    hourly = hour(tmp_path, work("web", cores=1.0), lost, ghost)
    assert [used(hourly, name) for name in ("web", "lost", "ghost")] == [1.0, 0.0, 0.0]
    assert [column(hourly, name, "requests")[0] for name in ("lost", "ghost")] == [1.0, 0.0]
    assert idle(hourly) == 19.0


def test_virtual_nodes_and_the_pods_on_them_are_in_no_sum(tmp_path: Path) -> None:
    virtual = machine("aci", cores=10_000, gib=4096, labels={"type": "virtual-kubelet"})
    pods = [work("web", cores=5.0, asked="5"), work("burst", cores=7.0, asked="9", node="aci")]
    hourly = hour(tmp_path, *pods, nodes=[machine("n1"), virtual])
    assert hourly["capacity"]["cpu"] == [10.0]
    assert (used(hourly, "web"), used(hourly, "burst"), idle(hourly)) == (5.0, 0.0, 5.0)
    assert column(hourly, "burst", "requests") == [0.0]


def test_a_working_init_container_uses_what_is_measured_of_it(tmp_path: Path) -> None:
    # it requests 3 cores, the app after it 1
    init = api.pod(
        api.container(cpu="1"),
        namespace="mig",
        phase="Pending",
        spec={"initContainers": [api.container("load", cpu="3")]},
    )
    hourly = hour(tmp_path, listed("mig", app("2", name="load"), pod=init))
    assert (used(hourly, "mig"), column(hourly, "mig", "requests")) == (2.0, [3.0])


def test_huge_pages_are_requested_used_and_allocatable(tmp_path: Path) -> None:
    # 8 of 40 GiB are huge pages, 32 are ordinary memory; the pod requests 6 GiB of them, and uses 1 GiB besides
    node = api.node("n1", cpu="10", memory="40Gi", capacity={"hugepages-2Mi": "8Gi"}, allocatable={"memory": "32Gi"})
    pages = api.resources(memory="2Gi", **{"hugepages-2Mi": "6Gi"})
    pod = api.pod({"name": "app", "resources": {"requests": pages}}, namespace="db")
    hourly = hour(tmp_path, listed("db", app(), pod=pod), nodes=[node])
    assert hourly["allocatable"]["memory"] == [40.0]
    assert column(hourly, "db", "requests", "memory") == [8.0]
    assert used(hourly, "db", "memory") == 7.0
    assert idle(hourly, "memory") == 33.0


def test_half_measured_pods_count_with_their_share(tmp_path: Path) -> None:
    # ten pods of 4 cores use all of it, six are measured: 24 cores of 40 requested at a share of 0.6
    pods = [work("web", f"p{i}", asked="4", cores=4.0 if i < 6 else None, node=f"n{i % 5}") for i in range(10)]
    hourly = hour(tmp_path, *pods, nodes=[machine(f"n{i}") for i in range(5)])
    assert used(hourly, "web") == 24.0
    assert hourly["namespaces"]["web"]["coverage"] == pytest.approx([0.6])


def test_a_frozen_metrics_server_is_not_observed(tmp_path: Path) -> None:
    class Frozen(Told):
        def reading(self, moment: float) -> UsageReading:
            return replace(super().reading(moment - 36 * 3600), moment=moment)

    hourly = published(tmp_path, ticks(Frozen([SHOP], TWO), *HOUR_OF))["hourly_7d"]
    assert hourly["coverage"]["metrics"] == [0.0]
    assert used(hourly, "shop") is None


few = settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.sampled_from(["", "app", "1", "-1", "1Ki"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["cpu", "name", "usage"]), inner),
    max_leaves=4,
)
members = st.sampled_from(["metadata", "timestamp", "window", "containers"])


@st.composite
def odd_items(draw: st.DrawFn) -> Any:
    """An item about the pod of `odd`, or about nobody, that is not as it should be."""
    if draw(st.booleans()):
        return draw(anything)
    item = api.pod_metrics("odd", "web", ("1", "1Gi"))
    if draw(st.booleans()):
        item[draw(members)] = draw(anything)
    else:
        item["containers"][0][draw(st.sampled_from(["name", "usage"]))] = draw(anything)
    return item


@few
@given(st.lists(odd_items(), max_size=4), st.randoms(use_true_random=False))
def test_odd_items_cost_nobody_but_their_own_pod_wherever_they_stand(items: list[Any], random: Any) -> None:
    pods = [work("shop", cores=1.0, gib=2.0), work("web", cores=0.5), work("odd", asked="1")]
    nobody = api.pod(api.container(), namespace="x", node=None)
    works = [*pods, *(Work(nobody, item) for item in items if item is not None)]
    first = Told(works).sample(300, 300)
    random.shuffle(works)
    assert Told(works).sample(300, 300) == first
    assert first.observed["metrics"] is True
    assert first.namespaces["shop"].usage == {"cpu": 1.0, "memory": 2.0 * 2**30}
    assert first.namespaces["web"].usage["cpu"] == 0.5
    odd = first.namespaces["odd"]
    assert (odd.usage["cpu"] is None) is (odd.usage["memory"] is None) is (odd.measured == 0.0)
    assert all(0 <= (value or 0.0) <= 40 * 2**30 for value in odd.usage.values())
    assert ("odd" in first.unmeasured) is (odd.measured == 0.0)


values = st.sampled_from(["0", "250m", "3", "9999999999n", "10", "11", "-1m", "", None, "1e30"])


@few
@given(st.lists(st.tuples(st.sampled_from("abc"), values, values, st.booleans()), max_size=8))
def test_whatever_is_told_the_books_balance_and_nothing_is_negative_or_zero_for_unknown(
    told: list[tuple[str, Any, Any, bool]],
) -> None:
    works = []
    for number, (namespace, cpu, memory, runs) in enumerate(told):
        pod = api.pod(
            api.container(cpu="1"), namespace=namespace, name=f"p{number}", phase="Running" if runs else "Pending"
        )
        works.append(listed(namespace, app(cpu, memory), pod=pod))
    with tempfile.TemporaryDirectory() as directory:
        hourly = hour(Path(directory), *works)
    for name in {namespace for namespace, *_ in told}:
        of = [(cpu, memory) for namespace, cpu, memory, runs in told if namespace == name and runs]
        good = [
            each
            for each in of
            if set(each) <= {"0", "250m", "3", "9999999999n", "10", "11"} and each[0] != "11" and each[1] != "0"
        ]
        assert (used(hourly, name) is None) is (2 * len(good) < len(of))
        assert (used(hourly, name) or 0.0) >= 0
