"""What is known of lives against what they truly were, however they were watched and listed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.kubernetes.cluster_state import ClusterState
from collector.observations import Pod
from tests.collector.kubernetes.versions import a_pod


@dataclass(frozen=True)
class Life:
    """What truly happened to a pod."""

    uid: str
    bound: int
    resized: int
    ended: int
    deleted: int
    """Not before its end."""
    last: float | None = None
    """What it asks for once it has ended; None for what it did before."""

    def at(self, time: float) -> Pod | None:
        """What the API shows of it."""
        if not self.bound <= time < self.deleted:
            return None
        cpu = 2.0 if self.resized <= min(time, self.ended) and self.resized < self.ended else 1.0
        cpu = self.last if self.last is not None and self.ended <= time else cpu
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
        deleted = ended + draw(st.sampled_from([0, 0, 1, 60, 900]))
        made.append(Life(f"u{number}", bound, resized, ended, deleted, draw(st.sampled_from([None, 0.5]))))
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
    ends = {span.pod.uid: span.pod.ended for span in state.interval(0, 1800).pods}
    seconds, amounts = sums(state)
    for life in truth:
        assert seconds.get(life.uid, 0.0) == life.seconds(0, 1800)
        assert amounts.get(life.uid, 0.0) == life.core_seconds(0, 1800)
        assert ends.get(life.uid, life.ended) == (life.ended if life.ended <= 1800 else None)


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
