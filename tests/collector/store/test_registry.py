from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from collector.errors import StoreError
from collector.store import registry
from collector.store.paths import ENTRY, GPU, RrdFile
from collector.store.registry import EMPTY, LabelValue, NamespaceRecord, Registry, with_labels
from tests.support.samples import HOUR, NOON, STEP

WEB = NamespaceRecord(
    first_seen=NOON + STEP,
    last_seen=NOON + 30 * STEP,
    active=False,
    lives=((NOON + STEP, NOON + 6 * STEP), (NOON + 26 * STEP, NOON + 30 * STEP)),
    gpu_since=NOON + 27 * STEP,
    labels={"team": (LabelValue("a", NOON + STEP), LabelValue(None, NOON + 2 * STEP))},
)
WHOLE = Registry(
    first_tick=NOON + STEP,
    last_tick=NOON + 31 * STEP,
    last_sample_at={"kubernetes": NOON + 31 * STEP, "metrics": NOON, "dcgm": None},
    namespaces={"web": WEB},
    special={
        "excluded": NamespaceRecord(NOON + STEP, NOON + 31 * STEP, True, ((NOON + STEP, NOON + 31 * STEP),), None, {})
    },
)


def test_a_registry_survives_its_file(tmp_path: Path) -> None:
    assert registry.load(tmp_path) is None
    registry.save(tmp_path, WHOLE)
    assert registry.load(tmp_path) == WHOLE
    registry.save(tmp_path, EMPTY)
    assert registry.load(tmp_path) == EMPTY
    assert [path.name for path in tmp_path.iterdir()] == ["namespaces.json"]


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone/namespaces\.json"):
        registry.save(tmp_path / "gone", WHOLE)


@pytest.mark.parametrize(
    ("tick", "end"), [(NOON + 1, 1), (NOON + STEP, 1), (NOON + HOUR, 1), (NOON + HOUR + STEP, 2), (NOON, 0)]
)
def test_the_hour_of_a_tick_is_that_of_the_interval_it_ends(tick: int, end: int) -> None:
    assert replace(WEB, last_seen=tick).closing == NOON + end * HOUR


def test_every_file_has_a_time_up_to_which_it_was_written() -> None:
    # web ended at 14:30; its files are fed to 15:00, or as far as the newest tick at 14:35.
    assert WHOLE.entry_files() == {
        RrdFile("namespace", "web", ENTRY): NOON + 31 * STEP,
        RrdFile("namespace", "web", GPU): NOON + 31 * STEP,
        RrdFile("special", "excluded", ENTRY): NOON + 31 * STEP,
    }


@pytest.mark.parametrize(
    ("steps", "lives", "active", "gpu"),
    [
        (1, ((1, 1),), True, False),
        (4, ((1, 4),), True, False),
        (6, ((1, 6),), True, False),
        (7, ((1, 6),), False, False),
        (26, ((1, 6), (26, 26)), True, False),
        (28, ((1, 6), (26, 28)), True, True),
        (31, ((1, 6), (26, 30)), False, True),
    ],
)
def test_what_was_known_at_an_earlier_tick(
    steps: int, lives: tuple[tuple[int, int], ...], active: bool, gpu: bool
) -> None:
    earlier = WHOLE.as_of(NOON + steps * STEP)
    record = earlier.namespaces["web"]
    assert record.lives == tuple((NOON + first * STEP, NOON + last * STEP) for first, last in lives)
    assert (record.active, record.last_seen) == (active, record.lives[-1][1])
    assert record.gpu_since == (NOON + 27 * STEP if gpu else None)
    assert earlier.last_tick == NOON + steps * STEP
    assert earlier.special["excluded"].active


def test_nothing_was_known_before_the_first_tick() -> None:
    assert WHOLE.as_of(None) == WHOLE.as_of(NOON) == EMPTY


def test_labels_that_do_not_change_leave_the_history_as_it_is() -> None:
    history = with_labels({}, {"a": "1"}, 10)
    assert history == {"a": (LabelValue("1", 10),)}
    assert with_labels(history, {"a": "1"}, 20) is history
    assert with_labels(with_labels(history, {}, 20), {}, 30) == {"a": (LabelValue("1", 10), LabelValue(None, 20))}


def test_of_a_label_that_keeps_changing_the_newest_values_are_kept() -> None:
    history = with_labels({}, {}, 0)
    for i in range(250):
        history = with_labels(history, {"build": str(i)}, i)
    assert [(v.value, v.first_seen) for v in history["build"]] == [(str(i), i) for i in range(150, 250)]


def test_who_was_there_before_kubernetes_failed_counts_as_there() -> None:
    record = NamespaceRecord(NOON + STEP, NOON + 3 * STEP, True, ((NOON + STEP, NOON + 3 * STEP),), None, {})
    failing = replace(EMPTY, first_tick=NOON + STEP, last_tick=NOON + 9 * STEP, namespaces={"web": record})
    assert failing.as_of(NOON + 5 * STEP).namespaces["web"] == record
