"""Clocks that may be wrong, and a collector that goes by them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from collector.clock import ClockReading
from collector.metrics import Meter
from collector.store.store import Store
from collector.tick import Collector
from tests.collector.place import NOON, Asked, Place, Said

# Time that is not believed


class Clocks:
    """A machine whose clock can be set; the API server's is right, as is the time since the boot."""

    def __init__(self, now: float = NOON + 2) -> None:
        self.true = float(now)
        self.wrong_by = 0.0
        self.meter = Meter()
        """Of the collector."""

    def clock(self) -> float:
        return self.true + self.wrong_by

    def boot(self) -> float:
        return self.true - NOON + 5000

    def told(self, said: Said) -> Said:
        """What an API server says that tells the time too."""
        return replace(said, date=ClockReading(self.true, self.boot()))


@contextmanager
def working(place: Place, **changed: Any) -> Iterator[tuple[Clocks, Asked, Collector]]:
    clocks, asked = Clocks(), Asked()
    settings = replace(place.settings, **changed)
    with Store.open(settings.db_location) as store:
        yield clocks, asked, Collector(settings, asked, store, clocks.clock, clocks.boot, meter=clocks.meter)
