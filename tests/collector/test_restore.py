"""A backup that is put back answers as it did, as docs/operations.md says."""

from __future__ import annotations

import shutil
from pathlib import Path

from collector.store.store import Store
from collector.tick import Collector
from tests.collector.place import NOON, Asked, Place, answering

HOUR = 3600
PARTS = ("hourly_7d", "daily_14d", "monthly_12m", "nodes")


def test_a_copy_of_the_directory_publishes_the_same_dataset_and_goes_on(place: Place, tmp_path: Path) -> None:
    ticks = [(NOON + 300 * number, answering(float(number % 3))) for number in range(1, 25)]
    place.run(*ticks)
    shutil.copytree(place.settings.db_location, tmp_path / "backup")
    published = {name: {**place.read(name), "generation": None} for name in PARTS}
    # What came after it is lost, and so is the dataset.
    place.run((NOON + 2 * HOUR + 300, answering(7.0)))
    shutil.rmtree(place.settings.db_location)
    shutil.rmtree(place.settings.data_dir)
    (tmp_path / "backup").rename(place.settings.db_location)

    now = NOON + 2 * HOUR + 3.0
    with Store.open(place.settings.db_location) as store:
        Collector(place.settings, Asked(), store, lambda: now, lambda: now).publish()
    assert {name: {**place.read(name), "generation": None} for name in PARTS} == published

    place.run((NOON + 2 * HOUR + 600, answering(6.0)))
    hourly = place.read("hourly_7d")
    # All 24 steps before, and the second of the two that have passed of the open hour.
    assert hourly["coverage"]["kubernetes"] == [1.0, 1.0, 1 / 2]
    assert hourly["namespaces"]["shop"]["cpu"]["usage"][-1] == 6.0 * 300 / HOUR


def test_a_dataset_that_is_lost_is_published_anew(place: Place) -> None:
    place.run((NOON, answering(3.0)))
    shutil.rmtree(place.settings.data_dir)
    with Store.open(place.settings.db_location) as store:
        assert Collector(place.settings, Asked(), store, lambda: NOON + 60.0, lambda: 60.0).publish() == 1
    assert place.manifest()["last_sample_at"]["kubernetes"] == "2026-11-21T12:00:00Z"
