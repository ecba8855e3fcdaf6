"""A clock that jumps by years, in either direction: the store stays as it is, everybody is told, and it goes on."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from threading import Event
from typing import Any

import anyio
import numpy as np
import orjson
import pytest

from collector import cli, heartbeat
from collector.clock import ClockReading
from collector.loop import Loop
from collector.model import UnobservedCause
from collector.observations import Cluster, ClusterIdentity, UsageReading
from collector.settings import Settings
from collector.store.store import Store
from collector.tick import Collector
from kl_core.vocabulary import Source
from kl_mcp.counts import Counts
from kl_mcp.tools import TABLE
from kl_mcp.transport import probes
from kl_query.dataset import Dataset
from kl_query.dataset.watcher import Holder
from tests.rules.telling import DAY, HOUR, Told, at, machine, ticks, work
from tests.support.at_once import at_once
from tests.support.datasets import validate

YEAR = 365 * DAY
START = at("2026-11-21T12:02")
BEGUN = at("2026-11-18T00:00")
ENDED = at("2026-11-19T00:00")
CLUSTER = Told([work("web", cores=3.0, asked="2")], [machine()])
WITH_ANOTHER = Told([work("web", cores=3.0, asked="2"), work("gone", cores=1.0)], [machine()])


class Machine:
    """A machine with a collector and its volume. Only waiting makes time pass, and its clock may be wrong."""

    def __init__(self, root: Path, interval: int, *, dated: bool) -> None:
        self.identity = ClusterIdentity("uid-kube-system")
        self.causes: Mapping[Source, UnobservedCause] = {}
        self.settings = Settings(db_location=root / "db", data_dir=root / "data", polling_interval_sec=interval)
        self.true = float(START)
        self.wrong_by = 0
        self.dated = dated
        self.cluster_answers = True
        self._events: list[tuple[float, Callable[[], None]]] = []
        self._stop = Event()

    def clock(self) -> float:
        return self.true + self.wrong_by

    def boot(self) -> float:
        return self.true - at("2026-11-01T00:00")

    @property
    def date(self) -> ClockReading | None:
        return ClockReading(float(int(self.true)), self.boot()) if self.dated and self.cluster_answers else None

    def read_usage(self) -> UsageReading | None:
        return CLUSTER.reading(self.true) if self.cluster_answers else None

    def cluster(self, start: int, end: int) -> Cluster | None:
        return CLUSTER.cluster(end - start) if self.cluster_answers else None

    def collect(self, until: float, *events: tuple[float, Callable[[], None]]) -> None:
        """Runs one process of the collector; what happens at which time meanwhile."""
        self._stop = Event()
        self._events = [*events, (until, self._stop.set)]
        with Store.open(self.settings.db_location) as store:
            collector = Collector(self.settings, self, store, self.clock, self.boot)
            file = self.settings.db_location / heartbeat.FILE
            interval = self.settings.polling_interval_sec
            loop = Loop(
                collector,
                interval,
                self._stop,
                heartbeat=file,
                clock=self.clock,
                boot=self.boot,
                wait=self._wait,
                aside=at_once,
            )
            loop.run()

    def _wait(self, seconds: float) -> None:
        self.true += max(seconds, 1.0)
        while self._events and self._events[0][0] <= self.true:
            self._events.pop(0)[1]()

    def health(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of `kl-collector health`, which looks at the same clock."""
        place = self.settings
        environ = {
            "KL_DB_LOCATION": str(place.db_location),
            "KL_POLLING_INTERVAL_SEC": str(place.polling_interval_sec),
        }
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            return cli.main(["health", *arguments], environ, self.clock, self.boot), said.getvalue()

    def manifest(self) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads((self.settings.data_dir / "dataset.json").read_bytes())
        validate(document, "manifest")
        return document

    def holder(self) -> Holder:
        """The server's, which has loaded what is published."""

        async def look() -> Holder:
            holder = Holder(self.settings.data_dir, Counts())
            async with holder.watching():
                await holder.dataset()
            return holder

        return anyio.run(look)

    def kept(self) -> dict[str, Any]:
        """What the store holds of everything closed before the jump, and its databases."""
        closed = int(START) // HOUR * HOUR
        with Store.open(self.settings.db_location) as store:
            cluster = store.cluster(BEGUN, closed, HOUR)
            rows = [store.entry("namespace", name, BEGUN, closed, HOUR) for name in ("web", "gone")]
            names = {name: record.first_seen for name, record in store.registry.namespaces.items()}
        databases = sorted(str(path) for path in self.settings.db_location.rglob("*.rrd"))
        return {"rows": _plain([cluster, *rows]), "names": names, "databases": databases}


def _plain(rows: Any) -> Any:
    """Arrays as lists in which unknown is equal to itself."""
    if isinstance(rows, np.ndarray):
        return [None if np.isnan(value) else float(value) for value in rows.ravel().tolist()]
    if isinstance(rows, dict):
        return {key: _plain(value) for key, value in rows.items()}
    if isinstance(rows, (list, tuple)):
        return [_plain(value) for value in rows]
    fields = getattr(type(rows), "__dataclass_fields__", None)
    return rows if fields is None else {name: _plain(getattr(rows, name)) for name in fields}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of hours; the namespace `gone` was there for the first."""
    root = tmp_path_factory.mktemp("history")
    with Store.open(root / "db") as store:
        store.append(ticks(WITH_ANOTHER, BEGUN, ENDED, HOUR))
        store.append(ticks(CLUSTER, ENDED, START - START % HOUR, HOUR))
    return root


def at_work(store: Path, root: Path, interval: int, *, dated: bool = True) -> Machine:
    shutil.copytree(store / "db", root / "db")
    return Machine(root, interval, dated=dated)


def answers(dataset: Dataset, now: float) -> list[list[str]]:
    """The warnings of a series, a ranking and a description."""
    found = [TABLE[name].run({}, dataset, now) for name in ("get_usage", "get_top_consumers", "describe_dataset")]
    return [answer["metadata"]["warnings"] for answer in found]


def everybody_says_so(world: Machine) -> None:
    """Health, /readyz and answers, whether the server looks at a right clock or at the same wrong one."""
    assert world.health()[0] == 1
    assert "no tick is taken" in world.health()[1]
    assert world.health("--live")[0] == 0
    holder = world.holder()
    for now in (world.true, world.clock()):
        status, body = probes.readiness(holder, Counts(), now)
        assert (status, body["clocks_agree"]) == (200, False)
        assert any("the collector's clock is" in warning for warning in body["warnings"])
        for warnings in answers(holder.held.dataset, now):
            assert any("the collector's clock is" in warning for warning in warnings)
    # What is published is dated by a clock that is right.
    assert START <= at(world.manifest()["generated_at"][:-1]) <= world.true


def nobody_says_so(world: Machine) -> None:
    assert world.health()[0] == 0
    assert "clock_disagrees" not in world.manifest()
    holder = world.holder()
    assert probes.readiness(holder, Counts(), world.true)[1]["clocks_agree"] is True
    for warnings in answers(holder.held.dataset, world.true):
        assert not any("lock" in warning for warning in warnings)


def newest(world: Machine) -> int:
    with Store.open(world.settings.db_location) as store:
        assert store.last_tick is not None
        return store.last_tick


@dataclass(frozen=True)
class Story:
    """A jump after `after` seconds, another one five intervals later, and three more until the clock is right."""

    jump: int
    then: int
    interval: int = 300
    after: int = 600
    dated: bool = True
    """The API server tells the time."""
    down: bool = False
    """It does not answer while the clock is wrong."""
    restarted: bool = False
    """The collector is restarted when the clock jumps."""


def drawn(seed: int) -> Story:
    """A story of jumps of up to five years, and of more than clocks may differ.

    A process that began with the wrong clock knows it by the API server alone, so that one answers then. It asks for no
    tick that is stored already: a clock that is behind shows by the newest one, which is an interval old at most.
    """
    chance = random.Random(seed)
    interval, restarted = chance.choice((300, 300, 900)), chance.random() < 0.4
    least = (3 if restarted else 2) * interval + 2

    def jump() -> int:
        longest = chance.choice((2 * least, DAY, YEAR, 5 * YEAR))
        return chance.choice((-1, 1)) * chance.randint(least, longest)

    first, second = jump(), jump()
    dated, down = restarted or chance.random() < 0.5, not restarted and chance.random() < 0.4
    return Story(first, second, interval, chance.randint(1, 7200), dated, down, restarted)


AHEAD = 401 * DAY
STORIES = [
    Story(AHEAD, AHEAD),
    Story(AHEAD, AHEAD, dated=False, down=True),
    Story(AHEAD, AHEAD, interval=3600, restarted=True),
    Story(-2 * YEAR, 3 * YEAR, after=400, restarted=True),
    *map(drawn, range(8)),
]


@pytest.mark.requirement("KL-D-12")
@pytest.mark.parametrize("story", STORIES, ids=map(str, range(len(STORIES))))
def test_a_jump_changes_nothing_that_is_stored_is_told_everywhere_and_ends(
    store: Path, tmp_path: Path, story: Story
) -> None:
    interval = story.interval
    world = at_work(store, tmp_path, interval, dated=story.dated)
    before = world.kept()
    jumped = START + 2 * interval + story.after
    again = jumped + 5 * interval
    right = again + 3 * interval

    def jump() -> None:
        world.wrong_by = story.jump
        world.cluster_answers = not story.down

    def jump_again() -> None:
        world.wrong_by = story.then

    def put_right() -> None:
        world.wrong_by = 0
        world.cluster_answers = True

    def look() -> None:
        everybody_says_so(world)

    events = [
        (jumped, jump),
        (jumped + 2 * interval + 1, look),
        (again, jump_again),
        (again + 2 * interval + 1, look),
        (right, put_right),
    ]
    if story.restarted:
        world.collect(jumped, events.pop(0))
    world.collect(right + 2 * interval + 30, *events)
    nobody_says_so(world)
    assert world.true - newest(world) <= interval
    assert world.kept() == before
    with Store.open(world.settings.db_location) as reopened:
        gap = reopened.cluster(jumped // interval * interval, right // interval * interval - interval, 300)
    assert not np.nansum(gap.observed["kubernetes"])


def test_a_cluster_that_does_not_answer_for_twelve_hours_makes_its_collector_unhealthy_but_not_dead(
    store: Path, tmp_path: Path
) -> None:
    """The newest sample is that of 12:05, and three intervals are allowed."""
    world = at_work(store, tmp_path, 300)
    said: dict[str, tuple[int, int]] = {}

    def look(when: str) -> Callable[[], None]:
        def note() -> None:
            said[when] = world.health()[0], world.health("--live")[0]

        return note

    def answer(answers: bool) -> Callable[[], None]:
        return lambda: setattr(world, "cluster_answers", answers)

    world.collect(
        at("2026-11-22T00:31"),
        (at("2026-11-21T12:06"), answer(False)),
        (at("2026-11-21T12:19:30"), look("14 minutes")),
        (at("2026-11-21T12:20:01"), look("15 minutes")),
        (at("2026-11-22T00:20"), look("12 hours")),
        (at("2026-11-22T00:24"), answer(True)),
        (at("2026-11-22T00:29"), look("again")),
    )
    assert said == {"14 minutes": (0, 0), "15 minutes": (1, 0), "12 hours": (1, 0), "again": (0, 0)}
