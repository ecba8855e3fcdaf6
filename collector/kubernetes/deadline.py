"""How long a reading of a source may take, its repetitions and pauses included."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event


class Deadline:
    """The end of a reading; the sources are given up by then, and at once when `stop` is set."""

    def __init__(
        self, seconds: float, stop: Event | None = None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._stop = stop or Event()
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, 0.0 when it is over."""
        return 0.0 if self._stop.is_set() else max(0.0, self._end - self._monotonic())

    def told(self) -> str:
        """Return how what has not come by now was cut short, to follow the verb."""
        return "before the collector was stopped" if self._stop.is_set() else f"within {self.seconds:.0f} s"

    def pause(self, seconds: float) -> bool:
        """Wait for some seconds; False, at once, where the end comes before they are over."""
        return seconds < self.left() and not self._stop.wait(seconds)
