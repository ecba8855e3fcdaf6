"""For how long what was there was as it was, to the second, from listings and events in any order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from collector.kubernetes.cluster_state import ClusterState, NamespaceLife, NodeLife
from collector.observations import BlindSpot, Node, Pod

START, END = 3000.0, 3300.0


def a_pod(uid: str = "u", *, cpu: float = 1.0, bound: float = 0.0, ended: float | None = None, **rest: Any) -> Pod:
    return Pod(
        "shop", rest.pop("name", "web-0"), uid, "n1", {"cpu": cpu}, bound, ended, ("app",), rest.pop("running", ())
    )


def a_node(name: str = "n1", *, cpu: float = 4.0, ready: bool = True, created: float = 0.0) -> NodeLife:
    return NodeLife(Node(name, name, cpu, cpu, 0.0, 0.0, ready, 0.0, True, False), created)


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
    state = knowing(a_pod(cpu=2.0))
    state.pods.put("u", a_pod(cpu=1.0, ended=3250.0), 3252.0)
    assert held(state) == [("u", 2.0, 250.0)]


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


def test_a_node_that_turned_unready_has_a_span_of_each() -> None:
    state = ClusterState()
    state.nodes.replace({"n1": a_node()}, 3000.0)
    state.nodes.put("n1", a_node(ready=False), 3200.0)
    assert [(span.node.ready, span.seconds) for span in state.interval(START, END).nodes] == [
        (True, 200.0),
        (False, 100.0),
    ]


def test_namespaces_have_their_newest_labels_and_the_cluster_its_identity() -> None:
    state = ClusterState()
    first = {"a": NamespaceLife("a", "a", {"team": "x"}), "k": NamespaceLife("kube-system", "cluster-uid", {})}
    state.namespaces.replace({**first, "b": NamespaceLife("b", "b", {})}, 3000.0)
    state.namespaces.put("a", NamespaceLife("a", "a", {"team": "y"}), 3100.0)
    state.namespaces.remove("b", 3100.0)
    spot = BlindSpot("odd_objects", "One pod cannot be read.")
    found = state.interval(START, END, (spot,))
    assert found.namespaces == {"a": {"team": "y"}, "kube-system": {}}
    assert (found.uid, found.blind_spots) == ("cluster-uid", (spot,))
    assert ClusterState().interval(START, END).uid is None


@dataclass(frozen=True)
class Life:
    """What truly happened to a pod."""

    uid: str
    bound: int
    resized: int
    ended: int
    deleted: int
    """Not before its end."""

    def at(self, time: float) -> Pod | None:
        """What the API shows of it."""
        if not self.bound <= time < self.deleted:
            return None
        cpu = 2.0 if self.resized <= min(time, self.ended) and self.resized < self.ended else 1.0
        return a_pod(self.uid, cpu=cpu, bound=self.bound, ended=self.ended if self.ended <= time else None)

    def core_seconds(self, start: float, end: float) -> float:
        def within(since: float, until: float) -> float:
            return max(0.0, min(until, end) - max(since, start))

        resized = min(max(self.resized, self.bound), self.ended)
        return within(self.bound, resized) + 2 * within(resized, self.ended)

    def seconds(self, start: float, end: float) -> float:
        return max(0.0, min(self.ended, end) - max(self.bound, start))


@st.composite
def lives(draw: st.DrawFn) -> list[Life]:
    made = []
    for number in range(draw(st.integers(1, 5))):
        bound = draw(st.integers(0, 900))
        ended = bound + draw(st.integers(0, 900))
        resized = draw(st.integers(bound, ended + 1))
        made.append(Life(f"u{number}", bound, resized, ended, ended + draw(st.sampled_from([0, 0, 1, 60, 900]))))
    return made


def changes(life: Life) -> list[int]:
    return sorted({life.bound, life.resized, life.ended, life.deleted})


def watched(state: ClusterState, truth: list[Life], since: float, until: float) -> None:
    """Feed what a watch tells of (since, until]."""
    events = sorted((time, life.uid, life) for life in truth for time in changes(life) if since < time <= until)
    for time, uid, life in events:
        pod = life.at(time)
        if pod is not None:
            state.pods.put(uid, pod, time)
        elif time == life.deleted:
            last = life.at(time - 1)
            ended = None if last is None else replace(last, ended=last.ended if life.ended < time else None)
            state.pods.remove(uid, time, ended)
    state.pods.seen(until)


def listed(state: ClusterState, truth: list[Life], time: float) -> None:
    state.pods.replace({life.uid: pod for life in truth if (pod := life.at(time)) is not None}, time)


def sums(state: ClusterState) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds and core-seconds by uid, over six intervals from 0 to 1800."""
    seconds: dict[str, float] = defaultdict(float)
    amounts: dict[str, float] = defaultdict(float)
    for span in state.interval(0, 1800).pods:
        seconds[span.pod.uid] += span.seconds
        amounts[span.pod.uid] += span.seconds * span.pod.requests["cpu"]
    return seconds, amounts


@given(lives())
def test_watched_from_the_beginning_every_pod_is_known_to_the_second(truth: list[Life]) -> None:
    state = ClusterState()
    listed(state, truth, -1)
    watched(state, truth, -1, 1800)
    seconds, amounts = sums(state)
    for life in truth:
        assert seconds.get(life.uid, 0.0) == life.seconds(0, 1800)
        assert amounts.get(life.uid, 0.0) == life.core_seconds(0, 1800)


@given(lives(), st.lists(st.integers(0, 1800), max_size=6))
def test_relisting_while_the_watch_goes_on_changes_nothing(truth: list[Life], relists: list[int]) -> None:
    state = ClusterState()
    listed(state, truth, -1)
    before = -1
    for time in sorted(relists):
        watched(state, truth, before, time)
        listed(state, truth, time)
        before = time
    watched(state, truth, before, 1800)
    amounts = sums(state)[1]
    assert all(amounts.get(life.uid, 0.0) == life.core_seconds(0, 1800) for life in truth)


@given(lives(), st.integers(0, 1700), st.integers(1, 400))
def test_after_a_gap_no_pod_held_for_longer_than_the_gap_leaves_open(truth: list[Life], gap: int, length: int) -> None:
    state = ClusterState()
    listed(state, truth, -1)
    watched(state, truth, -1, gap)
    listed(state, truth, gap + length)
    watched(state, truth, gap + length, 1800)
    seconds = sums(state)[0]
    for life in truth:
        # What was deleted within the gap is held to its middle; everything else tells its times itself.
        lost = gap < life.deleted <= gap + length
        allowed = length / 2 if lost and life.ended > gap else 0.0
        unseen = lost and life.bound > gap
        least = 0.0 if unseen else life.seconds(0, 1800) - allowed
        assert least <= seconds.get(life.uid, 0.0) <= life.seconds(0, 1800) + allowed


@given(lives(), st.lists(st.integers(1, 1799), max_size=5))
def test_intervals_add_up_to_the_whole_however_it_is_cut(truth: list[Life], cuts: list[int]) -> None:
    def known() -> ClusterState:
        state = ClusterState()
        listed(state, truth, -1)
        watched(state, truth, -1, 1800)
        return state

    whole = sums(known())[1]
    parts: dict[str, float] = defaultdict(float)
    state, edges = known(), [0, *sorted(set(cuts)), 1800]
    for start, end in pairwise(edges):
        for span in state.interval(start, end).pods:
            parts[span.pod.uid] += span.seconds * span.pod.requests["cpu"]
            assert 0 < span.seconds <= end - start
    assert parts == whole
