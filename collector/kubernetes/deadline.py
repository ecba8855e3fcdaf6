"""How long a reading of a source may take, its repetitions and pauses included, and what is not waited for longer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Event
from typing import Generic, TypeVar

from collector.source_requests import without_thread
from kl_core.daemon_threads import begin
from kl_core.errors import KubeLedgerError

log = logging.getLogger(__name__)

T = TypeVar("T")

_WAIT_STEP_SEC = 0.2


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

    def wording(self) -> str:
        """Return how what has not come by now was cut short, to follow the verb."""
        return "before the collector was stopped" if self._stop.is_set() else f"within {self.seconds:.0f} s"

    def pause(self, seconds: float) -> bool:
        """Wait for some seconds; False, at once, where the end comes before they are over."""
        return seconds < self.left() and not self._stop.wait(seconds)


class LateError(Exception):
    """A task has not ended by the deadline."""


class Task(Generic[T]):
    """Something that goes on in a thread of its own, which nobody has to wait for."""

    def __init__(self, action: Callable[[], T], name: str) -> None:
        """`SourceError` where the system has no thread left."""
        self._name = name
        self._is_late = False
        """Whether somebody has given it up."""
        try:
            self._thread, self._outcome = begin(action, name)
        except RuntimeError as error:
            raise without_thread("kubernetes", name, error) from error

    @property
    def thread_id(self) -> int | None:
        """Of the system; None before it runs."""
        return self._thread.native_id

    @property
    def is_done(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self._outcome.done()

    @property
    def has_failed(self) -> bool:
        """Whether it has ended with an exception."""
        return self.is_done and self._outcome.exception() is not None

    def result(self, deadline: Deadline) -> T:
        """Return what the action returns or raise what it raises; `LateError` at the deadline."""
        while not self.is_done:
            wait([self._outcome], min(_WAIT_STEP_SEC, deadline.left()))
            if not deadline.left() and not self.is_done:
                self._give_up()
                raise LateError
        return self._outcome.result()

    def _give_up(self) -> None:
        if not self._is_late:
            self._is_late = True
            self._outcome.add_done_callback(self._tell_late)

    def _tell_late(self, outcome: Future[T]) -> None:
        """Log what nobody waits for any more."""
        error = outcome.exception()
        if isinstance(error, KubeLedgerError):
            log.info("reading the %s was given up, and failed then: %s", self._name, error)
        elif error is not None:
            log.error("reading the %s was given up, and failed then", self._name, exc_info=error)
