"""A cluster of jobs on a fast clock, watched, read and accounted as the collector does, into a real store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from collector.accounting.measured_usage import measure
from collector.accounting.tick_sample import account
from collector.kubernetes.cluster_state import ClusterState, NamespaceLife, NodeLife
from collector.loop import GRACE_SEC
from collector.model import TickSample
from collector.observations import MetricsListing, Node, Pod, UsageReading
from collector.sampling_times import reading_moment
from collector.store.store import Store
from tests.sampling.jobs import Job
from tests.sampling.meters import Key, Meter
from tests.sampling.rules import ASKED_SEC

GIB = 2.0**30
INTERVAL = 300
STEADY = ("shop", "web")
NODE = Node("n1", "uid-n1", 64.0, 63.0, 256 * GIB, 250 * GIB, True, 0.0, schedulable=True, excluded=False)

Change = tuple[float, str, Pod]
"""When the watch hears of it, the pod's UID, and the pod as it is then."""


def everybody(_namespace: str) -> bool:
    """Charge them all."""
    return True


class World:
    """A cluster that runs `jobs`, each in a namespace of its own, and a pod that always runs, from `begin` on.

    The watch hears of what happens `late` seconds later.
    """

    def __init__(
        self,
        uid: str,
        jobs: Sequence[Job],
        meter: Meter,
        begin: int,
        late: float = 0.0,
        moment: Callable[[int, int, str], int] = reading_moment,
    ) -> None:
        self._uid = uid
        self._moment = moment
        self._jobs = jobs
        self._meter = meter
        self._begin = begin
        self._late = late
        self._state = ClusterState()
        self._state.nodes.put("uid-n1", NodeLife(NODE, 0.0), begin)
        for name in ("shop", *(job.name for job in jobs)):
            self._state.namespaces.put(f"uid-{name}", NamespaceLife(name, f"uid-{name}", {}), begin)
        self._state.pods.put("uid-web", _pod(STEADY, 0, None), begin)

    def running(self, time: float) -> Mapping[Key, float]:
        """The pods that run at a time, and since when."""
        found: dict[Key, float] = {STEADY: 0}
        for job in self._jobs:
            begin = job.run_at(time)
            if begin is not None:
                found[(job.name, f"run-{begin}")] = begin
        return found

    def ticks(self, number: int) -> Iterator[TickSample]:
        """The samples of so many intervals."""
        end = self._begin + number * INTERVAL
        changes = merge(*(self._changes(job, end) for job in self._jobs))
        waiting: list[Change] = []
        for time in range(self._begin + INTERVAL, end + 1, INTERVAL):
            moment = self._moment(time, INTERVAL, self._uid) + ASKED_SEC
            self._hear(changes, waiting, moment)
            measured = measure(self._reading(moment), INTERVAL, everybody)
            self._hear(changes, waiting, time + GRACE_SEC)
            cluster = self._state.interval(time - INTERVAL, time)
            yield account(cluster, measured, time=time, interval=INTERVAL, charged=everybody)

    def _reading(self, moment: float) -> UsageReading:
        pods, nodes = self._state.now()
        return UsageReading(moment, pods, nodes, MetricsListing((), self._meter.read(self, moment)), None)

    def _hear(self, changes: Iterator[Change], waiting: list[Change], until: float) -> None:
        """Take what the watch has heard of by then; the change after it waits."""
        while True:
            change = waiting.pop() if waiting else next(changes, None)
            if change is None:
                return
            heard, uid, pod = change
            if heard > until:
                waiting.append(change)
                return
            self._state.pods.put(uid, pod, heard)

    def _changes(self, job: Job, end: int) -> Iterator[Change]:
        for begin in job.begins(self._begin, end):
            key, over = (job.name, f"run-{begin}"), begin + job.length
            uid = "/".join(key)
            yield begin + self._late, uid, _pod(key, begin, None)
            yield over + self._late, uid, _pod(key, begin, over)


def _pod(key: Key, begin: int, over: int | None) -> Pod:
    running = () if over is not None else (("app", float(begin)),)
    requests = {"cpu": 1.0, "memory": 64 * 2.0**20}
    ended = None if over is None else float(over)
    return Pod(*key, "/".join(key), "n1", requests, float(begin), ended, ("app",), running)


Columns = Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""By namespace: cores used and cores requested in each interval."""


def stored(directory: Path, world: World, jobs: Sequence[Job], begin: int, number: int) -> Columns:
    """What a store holds of so many intervals."""
    with Store.open(directory) as store:
        store.append(list(world.ticks(number)))
        found = {}
        for job in jobs:
            rows = store.entry("namespace", job.name, begin, begin + number * INTERVAL, INTERVAL)
            found[job.name] = rows.usage["cpu"], rows.requests["cpu"]
    return found
