"""What time it is for the API server, whose `Date` all of its answers tell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from collector.clock import Clock, ClockReading, boot_time


class ServerTime:
    """The time of the API server, by its newest `Date`; this machine's where it has told none."""

    def __init__(self, clock: Clock = time.time, boot: Clock = boot_time) -> None:
        self._clock = clock
        self._boot = boot
        self.date: ClockReading | None = None
        """What the newest answer told, whatever its status; None before there was one."""

    def hear(self, headers: Mapping[str, str]) -> None:
        """Note the time that an answer tells, if it tells any."""
        date = _date(headers)
        if date is not None:
            self.date = ClockReading(date, self._boot())

    def now(self) -> float:
        """UNIX seconds."""
        date = self.date
        return self._clock() if date is None else date.at(self._boot())


def _date(headers: Mapping[str, str]) -> float | None:
    """UNIX seconds of a Date header, with the time that a cache has kept the answer; None without a usable one."""
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp() + int(headers.get("Age", "0"))
    except (ValueError, TypeError, OverflowError):
        return None
