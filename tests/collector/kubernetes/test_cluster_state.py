"""For how long what was there was as it was, to the second, from listings and events in any order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.accounting.gpu_units import GpuUnits
from collector.accounting.pod_totals import Held, total_pods
from collector.kubernetes.cluster_state import ClusterState, NamespaceLife
from collector.observations import BlindSpot, ClusterIdentity, Pod
from tests.collector.kubernetes.versions import END, START, a_node, a_pod


def held(state: ClusterState, start: float = START, end: float = END) -> list[tuple[str, float, float]]:
    """(uid, cores, seconds) of the spans of pods."""
    return [(span.pod.uid, span.pod.requests["cpu"], span.seconds) for span in state.interval(start, end).pods]


def nodes_of(state: ClusterState, start: float = START, end: float = END) -> list[tuple[str, float, float]]:
    return [(span.node.name, span.node.cpu_capacity, span.seconds) for span in state.interval(start, end).nodes]


def knowing(*pods: Pod, at: float = START) -> ClusterState:
    state = ClusterState()
    state.pods.replace({pod.uid: pod for pod in pods}, at)
    return state


def test_what_was_there_before_and_still_is_was_there_all_the_time() -> None:
    assert held(knowing(a_pod(bound=10.0))) == [("u", 1.0, 300.0)]
    assert held(knowing(a_pod())) == [("u", 1.0, 300.0)]


def test_a_pod_held_what_it_asks_for_from_when_it_was_bound_to_when_it_ended() -> None:
    # 3300 − 3270, then 3030 − 3000, then 3050 − 3020
    assert held(knowing(a_pod(bound=3270.0))) == [("u", 1.0, 30.0)]
    assert held(knowing(a_pod(bound=100.0, ended=3030.0))) == [("u", 1.0, 30.0)]
    assert held(knowing(a_pod(bound=3020.0, ended=3050.0))) == [("u", 1.0, 30.0)]


def test_what_ends_with_the_start_or_begins_with_the_end_held_nothing() -> None:
    assert held(knowing(a_pod(bound=100.0, ended=START))) == []
    assert held(knowing(a_pod(bound=100.0, ended=START + 1))) == [("u", 1.0, 1.0)]
    assert held(knowing(a_pod(bound=END))) == []
    assert held(knowing(a_pod(bound=END - 1))) == [("u", 1.0, 1.0)]
    assert held(knowing(a_pod(bound=3100.0, ended=3100.0))) == []


def test_what_happens_after_the_end_is_of_the_next_interval() -> None:
    state = knowing(a_pod(bound=100.0))
    state.pods.put("u", a_pod(bound=100.0, cpu=2.0), END + 3)
    state.pods.put("v", a_pod("v", bound=END + 4), END + 5)
    assert held(state) == [("u", 1.0, 300.0)]
    assert held(state, END, END + 300) == [("u", 1.0, 3.0), ("u", 2.0, 297.0), ("v", 1.0, 296.0)]


def test_a_deleted_pod_held_until_its_end_or_until_it_was_deleted() -> None:
    state = knowing(a_pod("u"), a_pod("v"), a_pod("w", bound=3100.0))
    state.pods.remove("u", 3200.0, a_pod("u"))
    state.pods.remove("v", 3200.0, a_pod("v", ended=3150.0))
    state.pods.remove("w", 3200.0)
    assert held(state) == [("u", 1.0, 200.0), ("v", 1.0, 150.0), ("w", 1.0, 100.0)]
    assert not state.now()[0]
    assert held(state, END, END + 300) == []


def test_an_unknown_pod_that_is_deleted_was_there_too() -> None:
    state = ClusterState()
    state.pods.remove("u", 3200.0, a_pod(bound=3150.0))
    assert held(state) == [("u", 1.0, 50.0)]


def test_a_resized_pod_has_two_spans() -> None:
    state = knowing(a_pod(bound=3010.0, cpu=1.0))
    state.pods.put("u", a_pod(bound=3010.0, cpu=3.0), 3100.0)
    assert held(state) == [("u", 1.0, 90.0), ("u", 3.0, 200.0)]
    assert held(state, END, END + 300) == [("u", 3.0, 300.0)]


def test_a_pod_resized_twice_and_finished_has_three_spans() -> None:
    state = knowing(a_pod(cpu=1.0))
    state.pods.put("u", a_pod(cpu=2.0), 3100.0)
    state.pods.put("u", a_pod(cpu=4.0), 3150.0)
    state.pods.put("u", a_pod(cpu=4.0, ended=3250.0), 3252.0)
    assert held(state) == [("u", 1.0, 100.0), ("u", 2.0, 50.0), ("u", 4.0, 100.0)]


def test_requests_that_change_as_the_pod_is_bound_are_all_it_ever_held() -> None:
    # Bound at 3100 with 1 core, and made 2 in the same second: 2 for 200 s.
    state = knowing()
    state.pods.put("u", a_pod(bound=3100.0), 3100.0)
    state.pods.put("u", a_pod(bound=3100.0, cpu=2.0), 3100.0)
    assert held(state) == [("u", 2.0, 200.0)]


def test_requests_that_change_with_the_end_change_nothing() -> None:
    state = knowing(a_pod("u", cpu=2.0), a_pod("v", cpu=2.0), a_pod("w", cpu=2.0))
    state.pods.put("u", a_pod("u", cpu=1.0, ended=3250.0), 3252.0)
    state.pods.remove("v", 3260.0, a_pod("v", cpu=1.0))
    state.pods.remove("w", 3260.0, a_pod("w", cpu=1.0, ended=3255.0))
    assert held(state) == [("u", 2.0, 250.0), ("v", 2.0, 260.0), ("w", 2.0, 255.0)]
    # A version that begins with the end would leave the one before it without an end.
    assert [span.pod.ended for span in state.interval(START, END).pods] == [3250.0, 3260.0, 3255.0]


def test_a_pod_whose_requests_change_with_its_end_is_no_pod_of_its_node_any_more() -> None:
    # 2 cores for 150 of 300 s.
    state = knowing(a_pod(cpu=2.0))
    state.nodes.replace({"n1": a_node()}, START)
    state.pods.put("u", a_pod(cpu=1.0, ended=3150.0), 3152.0)
    found = state.interval(START, END)
    totals = total_pods(found.pods, {"n1": 300.0}, 300.0, GpuUnits({}, {}), lambda _name: True)
    assert totals.nodes == {"n1": Held(cpu=1.0, pods=0)}
    assert totals.entries == {"shop": Held(cpu=1.0, pods=0)}


def test_a_pod_that_ended_before_it_was_seen_resized_was_not_resized() -> None:
    # The kubelet's word of the end comes after that of the resize, and is of before.
    state = knowing(a_pod(cpu=1.0))
    state.pods.put("u", a_pod(cpu=2.0), 3100.0)
    state.pods.put("u", a_pod(cpu=2.0), 3101.0)
    state.pods.put("u", a_pod(cpu=4.0, ended=3090.0), 3102.0)
    assert held(state) == [("u", 1.0, 90.0)]
    assert [span.pod.ended for span in state.interval(START, END).pods] == [3090.0]


def test_a_pod_that_changes_otherwise_has_one_span() -> None:
    state = knowing(a_pod(bound=3010.0))
    state.pods.put("u", a_pod(bound=3010.0, running=(("app", 3020.0),)), 3100.0)
    assert held(state) == [("u", 1.0, 290.0)]
    assert state.now()[0][0].running == (("app", 3020.0),)


def test_a_pod_seen_running_did_not_end_before_that_whatever_it_says() -> None:
    # Evicted without a word of when: what is left of it says that it ended at its start.
    state = knowing(a_pod(bound=100.0, running=(("app", 110.0),)))
    state.pods.put("u", a_pod(bound=100.0, ended=100.0), 3200.0)
    assert held(state) == [("u", 1.0, 200.0)]
    # One that ran for less than a second ended when it says.
    state = knowing(a_pod(bound=3100.0, running=(("app", 3110.0),)))
    state.pods.put("u", a_pod(bound=3100.0, ended=3110.0), 3112.0)
    assert held(state) == [("u", 1.0, 10.0)]


def test_the_first_end_counts() -> None:
    state = knowing(a_pod())
    state.pods.put("u", a_pod(ended=3100.0), 3101.0)
    state.pods.put("u", a_pod(ended=3105.0), 3106.0)
    state.pods.remove("u", 3200.0, a_pod(ended=3105.0))
    assert held(state) == [("u", 1.0, 100.0)]


def test_what_vanished_unseen_is_held_to_the_middle_of_the_gap() -> None:
    state = knowing(a_pod("u"), a_pod("v"), at=2990.0)
    state.pods.seen(3020.0)
    state.pods.replace({"v": a_pod("v")}, 3220.0)
    # (3020 + 3220) / 2 = 3120
    assert sorted(held(state)) == [("u", 1.0, 120.0), ("v", 1.0, 300.0)]


def test_what_was_resized_unseen_was_so_in_the_middle_of_the_gap() -> None:
    state = knowing(a_pod(cpu=1.0), at=3000.0)
    state.pods.replace({"u": a_pod(cpu=2.0)}, 3200.0)
    assert held(state) == [("u", 1.0, 100.0), ("u", 2.0, 200.0)]


def test_what_finished_unseen_ended_when_it_says() -> None:
    state = knowing(a_pod(), at=3000.0)
    state.pods.replace({"u": a_pod(ended=3020.0)}, 3200.0)
    assert held(state) == [("u", 1.0, 20.0)]


def test_what_came_unseen_was_there_since_it_was_bound() -> None:
    state = knowing(at=3000.0)
    state.pods.replace({"u": a_pod(bound=3050.0)}, 3200.0)
    assert held(state) == [("u", 1.0, 250.0)]


def test_what_came_and_vanished_in_one_gap_never_ends_before_its_beginning() -> None:
    state = knowing(a_pod(bound=3150.0), at=3000.0)
    state.pods.replace({}, 3200.0)
    assert held(state) == []


def test_a_recreated_pod_is_another() -> None:
    state = knowing(a_pod("u", name="db-0"))
    state.pods.remove("u", 3100.0, a_pod("u", name="db-0"))
    state.pods.put("v", a_pod("v", name="db-0", bound=3110.0), 3110.0)
    assert held(state) == [("u", 1.0, 100.0), ("v", 1.0, 190.0)]


def test_what_ended_before_is_forgotten() -> None:
    state = knowing(a_pod("u", ended=2900.0), a_pod("v"))
    assert len(state.pods) == 2
    state.interval(START, END)
    assert len(state.pods) == 1
    # Nor is it taken again: listings go on to show finished pods.
    state.pods.put("u", a_pod("u", ended=2900.0), 3310.0)
    assert len(state.pods) == 1
    assert len(ClusterState(horizon=2900.0).pods) == 0


def test_what_ended_is_forgotten_also_where_no_interval_is_asked_for() -> None:
    state = knowing(a_pod("u", ended=2900.0), a_pod("v", ended=2901.0), a_pod("w"))
    state.pods.forget(2900.0)
    assert len(state.pods) == 2


def test_pods_that_ended_before_the_horizon_are_not_kept() -> None:
    state = ClusterState(horizon=2900.0)
    state.pods.replace({"u": a_pod("u", ended=2900.0), "v": a_pod("v", ended=2901.0)}, 3000.0)
    assert len(state.pods) == 1


def test_nodes_are_there_from_their_creation_and_change_when_it_is_seen() -> None:
    state = ClusterState()
    state.nodes.replace({"n1": a_node("n1"), "n2": a_node("n2", created=3200.0)}, 3250.0)
    state.nodes.put("n1", a_node("n1", cpu=8.0), 3260.0)
    assert nodes_of(state) == [("n1", 4.0, 260.0), ("n1", 8.0, 40.0), ("n2", 4.0, 100.0)]
    state.nodes.remove("n1", 3400.0)
    assert nodes_of(state, END, END + 300) == [("n1", 8.0, 100.0), ("n2", 4.0, 300.0)]
    assert [node.name for node in state.interval(END, END + 300).present] == ["n2"]


def test_a_replaced_node_is_another() -> None:
    state = ClusterState()
    state.nodes.replace({"old": a_node("n1")}, 3000.0)
    state.nodes.remove("old", 3100.0)
    state.nodes.put("new", a_node("n1", created=3200.0), 3200.0)
    assert nodes_of(state) == [("n1", 4.0, 100.0), ("n1", 4.0, 100.0)]


def on_node_that_was_there(*times: tuple[float, float], excluded: tuple[float, float] | None = None) -> ClusterState:
    """A cluster whose only node was there from when to when, more than once under its name."""
    state = ClusterState()
    for number, (since, until) in enumerate(times):
        state.nodes.put(f"uid{number}", a_node("n1", created=since), since)
        if excluded and since <= excluded[0] < until:
            no_machine = replace(a_node("n1", created=since).node, excluded=True)
            state.nodes.put(f"uid{number}", replace(a_node("n1", created=since), node=no_machine), excluded[0])
            state.nodes.put(f"uid{number}", a_node("n1", created=since), excluded[1])
        state.nodes.remove(f"uid{number}", until)
    return state


@pytest.mark.parametrize(
    ("there", "seconds"),
    [
        ([(1000.0, 4000.0)], 100.0),
        # to 3220 of 3300: the pod was bound at 3200, and was not deleted after its node had gone
        ([(1000.0, 3220.0)], 20.0),
        ([(1000.0, 3200.0)], None),
        ([(1000.0, 3201.0)], 1.0),
        # replaced under its name: 3200 to 3210 and 3240 to 3300
        ([(1000.0, 3210.0), (3240.0, 4000.0)], 70.0),
        ([(1000.0, 3250.0), (3250.0, 4000.0)], 100.0),
        # both at once, for the end of the old one was told late
        ([(1000.0, 3260.0), (3250.0, 4000.0)], 100.0),
    ],
)
def test_a_pod_holds_something_of_its_node_while_both_are_there(
    there: list[tuple[float, float]], seconds: float | None
) -> None:
    state = on_node_that_was_there(*there)
    state.pods.put("u", a_pod(bound=3200.0), 3200.0)
    assert held(state) == ([] if seconds is None else [("u", 1.0, seconds)])


def test_each_size_of_a_resized_pod_is_held_while_its_node_is_there() -> None:
    # 1 core from 3000 and 4 from 3100 on; the node was there from 3050 to 3250
    state = on_node_that_was_there((3050.0, 3250.0))
    state.pods.replace({"u": a_pod(cpu=1.0)}, 3000.0)
    state.pods.put("u", a_pod(cpu=4.0), 3100.0)
    assert held(state) == [("u", 1.0, 50.0), ("u", 4.0, 150.0)]


def test_what_is_no_machine_for_a_while_is_not_there_meanwhile() -> None:
    # 3210 to 3240 of 3200 to 3300
    state = on_node_that_was_there((1000.0, 4000.0), excluded=(3210.0, 3240.0))
    state.pods.put("u", a_pod(bound=3200.0), 3200.0)
    assert held(state) == [("u", 1.0, 70.0)]


def test_a_node_that_turned_unready_has_a_span_of_each() -> None:
    state = ClusterState()
    state.nodes.replace({"n1": a_node()}, 3000.0)
    state.nodes.put("n1", a_node(ready=False), 3200.0)
    assert [(span.node.ready, span.seconds) for span in state.interval(START, END).nodes] == [
        (True, 200.0),
        (False, 100.0),
    ]


def test_a_node_whose_labels_change_has_one_span_and_its_newest_labels() -> None:
    state = ClusterState()
    state.nodes.replace({"n1": a_node(labels={"pool": "a"})}, 3000.0)
    state.nodes.put("n1", a_node(labels={"pool": "b"}), 3100.0)
    state.nodes.replace({"n1": a_node(labels={"pool": "c"})}, 3200.0)
    assert nodes_of(state) == [("n1", 4.0, 300.0)]
    assert [node.labels for node in state.interval(START, END).present] == [{"pool": "c"}]
    # What counts is told apart all the same.
    state.nodes.put("n1", a_node(cpu=8.0, labels={"pool": "d"}), 3400.0)
    assert nodes_of(state, END, END + 300) == [("n1", 4.0, 100.0), ("n1", 8.0, 200.0)]


def test_namespaces_have_their_newest_labels_and_the_cluster_its_identity() -> None:
    state = ClusterState()
    first = {"a": NamespaceLife("a", "a", {"team": "x"}), "k": NamespaceLife("kube-system", "cluster-uid", {}, 7.0)}
    state.namespaces.replace({**first, "b": NamespaceLife("b", "b", {})}, 3000.0)
    state.namespaces.put("a", NamespaceLife("a", "a", {"team": "y"}), 3100.0)
    state.namespaces.remove("b", 3100.0)
    spot = BlindSpot("odd_objects", "One pod cannot be read.")
    found = state.interval(START, END, (spot,))
    assert found.namespaces == {"a": {"team": "y"}, "kube-system": {}}
    assert (found.uid, found.created, found.blind_spots) == ("cluster-uid", 7.0, (spot,))
    assert state.identity == ClusterIdentity("cluster-uid", 7.0)


def test_without_its_namespace_a_cluster_has_no_identity_and_one_made_anew_has_another() -> None:
    state = ClusterState()
    assert state.identity == ClusterIdentity(None, None)
    assert (state.interval(START, END).uid, state.interval(START, END).created) == (None, None)
    state.namespaces.put("k", NamespaceLife("kube-system", "k", {}, 7.0), 3000.0)
    state.namespaces.remove("k", 3100.0)
    assert state.identity == ClusterIdentity(None, None)
    state.namespaces.put("l", NamespaceLife("kube-system", "l", {}), 3200.0)
    assert state.identity == ClusterIdentity("l", None)
