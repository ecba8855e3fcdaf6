"""A collector that is killed or loses its power, and again while it recovers, goes on as if nothing had happened.

`make faults` takes a share of the second kills, another one for each first kill, in databases with short rings. With
KL_TEST_EVERY_CRASH set (`make crashes`) it takes all of them, in databases of the real size.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.store import journal
from collector.store.rrd import database
from kl_core.errors import KubeLedgerError
from tests.collector.store import stories
from tests.collector.store.stories import Story, books
from tests.support.crashes import Content, Moment, Watch, content_of, identity, kills, put

EVERY = "KL_TEST_EVERY_CRASH" in os.environ
SHARE = 1 if EVERY else 24
"""Every how manyth second kill is tried."""
LOSSES = 500 if EVERY else 24

pytestmark = [pytest.mark.faults, pytest.mark.timeout(7200 if EVERY else 1800)]

STORES = ("one tick", "three ticks", "import")


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # What is synced and what is not, `Watch` notes.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    if not EVERY:
        monkeypatch.setattr(database, "FINE_ROWS", 300)
        monkeypatch.setattr(database, "HOURLY_ROWS", 240)
        monkeypatch.setattr(database, "_ARCHIVES", ("RRA:AVERAGE:0.5:1:300", "RRA:AVERAGE:0.5:12:240"))
        database._expected.cache_clear()
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    database._expected.cache_clear()


@pytest.fixture
def story(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    store, _, kept = request.param.partition(", a journal ")
    if kept:
        monkeypatch.setattr(journal, "MIN_KEPT_BATCHES", 2)
    if kept == "that is pruned":
        monkeypatch.setattr(journal, "MIN_KEPT_SECONDS", 0)
    if kept == "that is full":
        monkeypatch.setattr(journal, "MAX_KEPT_BYTES", 0)
    root, source = tmp_path / "root", tmp_path / "source"
    root.mkdir()
    source.mkdir()
    if store == "import":
        return stories.of_import(root, source)
    return stories.of_ticks(root, {"one tick": 1, "two ticks": 2, "three ticks": 3}[store])


class Trial:
    """One story, and how it ends after interruptions. Stores that are equal are looked at once."""

    def __init__(self, story: Story) -> None:
        self._story = story
        story.go_on()
        self._uninterrupted = books(story.root)
        self._ends: dict[object, str] = {}

    def moments(self, state: Content, act: Callable[[], None], *, journal_age: float = 0) -> list[Moment]:
        """What the directory goes through while something is done to it in a given state."""
        self._begin_with(state, journal_age)
        with Watch(self._story.root) as watch:
            act()
        return watch.moments

    def end(self, state: Content, *, journal_age: float = 0) -> str:
        """`""` if a store in this state goes on to the numbers of a run that was never interrupted, else what not."""
        key = identity(state)
        if key not in self._ends:
            self._begin_with(state, journal_age)
            self._ends[key] = self._end()
        return self._ends[key]

    def recovered(self, state: Content) -> str:
        """The same after a recovery that was not interrupted."""
        self._begin_with(state, 0)
        try:
            self._story.recover()
        except KubeLedgerError as error:
            return str(error)
        return self.end(content_of(self._story.root))

    def _begin_with(self, state: Content, journal_age: float) -> None:
        put(self._story.root, state)
        for path in (self._story.root / "db" / "journal").glob("*"):
            written = path.stat().st_mtime - journal_age
            os.utime(path, (written, written))

    def _end(self) -> str:
        try:
            self._story.go_on()
        except KubeLedgerError as error:
            return str(error)
        found, expected = books(self._story.root), self._uninterrupted
        return ", ".join(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


@pytest.mark.parametrize("story", [*STORES, "two ticks, a journal that is pruned"], indirect=True)
def test_two_kills_leave_no_trace(story: Story, request: pytest.FixtureRequest) -> None:
    trial, chance = Trial(story), random.Random(1)
    # A journal is pruned by the ticks that follow a recovery, not by the recovery itself.
    until_second = story.go_on if "pruned" in request.node.name else story.recover
    tried: set[object] = set()
    for number, first in enumerate(kills(trial.moments({}, story.begin), chance)):
        seconds = kills(trial.moments(first, until_second), chance)
        assert trial.end(content_of(story.root)) == "", f"after kill {number}"
        for second in seconds[number % SHARE :: SHARE]:
            if identity(second) not in tried:
                tried.add(identity(second))
                assert trial.recovered(second) == "", f"after kill {number} and another"
    print(f"{number + 1} kills, {len(tried)} second ones")


@pytest.mark.parametrize(
    "story", [*STORES, *(f"three ticks, a journal {kept}" for kept in ("that is full", "from long ago"))], indirect=True
)
def test_two_losses_of_power_leave_no_trace(story: Story, request: pytest.FixtureRequest) -> None:
    trial = Trial(story)
    age = 3600.0 if "long ago" in request.node.name else 0.0
    begun = trial.moments({}, story.begin)
    closed = dict(begun[-1].killed())
    copied = {path: content for path, content in closed.items() if path != "db/lock"}
    for number in range(LOSSES):
        chance = random.Random(number)
        first = (closed, copied, chance.choice(begun).power_lost(chance))[min(number % 4, 2)]
        gone_on = trial.moments(first, story.go_on, journal_age=age)
        second = chance.choice(gone_on).power_lost(chance)
        assert trial.end(second, journal_age=age) == "", f"after loss {number}"
