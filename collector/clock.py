"""Whether the time of a tick is to be believed.

A clock that runs ahead would wrap every archive and end collecting until that time has come. So it is held against the
API server's `Date` header, against the boot-time clock since the last tick of this process, which nobody sets, and
against the newest tick that was stored before this process, which was past when the process began.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from kl_core.calendar import iso

Clock = Callable[[], float]
"""UNIX seconds; of a boot-time clock, seconds since the machine was started."""

Witness = Literal["api_server", "boot_clock", "newest_sample"]

MAX_INTERVALS_APART = 2
"""Polling intervals by which two clocks may differ."""

_SAYS: Mapping[Witness, str] = {
    "api_server": "the API server's Date header says {}",
    "boot_clock": "the time since the last tick makes it {}",
    "newest_sample": "by the newest stored tick it is {} or later",
}


def boot_time() -> float:
    """Read the clock that counts from the start of the machine, suspended time included, and that nobody sets."""
    # Where there is no such clock (macOS), the monotonic one goes on while the machine sleeps.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The time (UNIX seconds) that was told at a moment of the boot-time clock (seconds)."""

    time: float
    boot: float

    def at(self, boot: float) -> float:
        """Return the time at another moment of the boot-time clock."""
        return self.time + boot - self.boot


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A clock that must not be believed. As text it says why, and what to do."""

    clock: float
    """What the clock showed, UNIX seconds."""
    contradicted_by: Mapping[Witness, float]
    """The time that each one told which contradicts it."""
    vouched: bool
    """The API server agrees with the clock."""
    time: float
    """What time it is, UNIX seconds, by the boot-time clock, else the API server, else the newest tick."""

    @property
    def ahead(self) -> float:
        """Seconds by which the clock is ahead of the first that contradicts it; negative when behind."""
        return self.clock - next(iter(self.contradicted_by.values()))

    def is_like(self, other: Disagreement, allowed: float) -> bool:
        """Whether there is nothing new in `other`."""
        same = self.vouched == other.vouched and self.contradicted_by.keys() == other.contradicted_by.keys()
        return same and abs(self.ahead - other.ahead) <= allowed

    def __str__(self) -> str:
        contradictions = " and ".join(_SAYS[who].format(_iso(instant)) for who, instant in self.contradicted_by.items())
        vouched = ", as does the API server" if self.vouched else ""
        return f"the clock says {_iso(self.clock)}{vouched}, but {contradictions}: no tick is taken. {self._remedy()}"

    def _remedy(self) -> str:
        if "newest_sample" in self.contradicted_by and (self.vouched or len(self.contradicted_by) == 1):
            return (
                "Set the clock right. If it is right, ticks were stored while it ran ahead: restore KL_DB_LOCATION "
                "from a backup, or wait until that time has come"
            )
        if self.vouched:
            return "If that is the right time, restart the collector: then the API server's clock decides"
        if "api_server" in self.contradicted_by:
            return "Set this machine's clock right, or that of the API server"
        return "Set the clock right. If it is right, restart the collector: then the API server's clock decides"


def disagreement(
    now: ClockReading,
    allowed: float,
    *,
    date: ClockReading | None,
    last: ClockReading | None,
    newest: ClockReading | None,
) -> Disagreement | None:
    """Return what contradicts the time `now` by more than `allowed` seconds; None if nothing does.

    `date` is what the API server told, `last` the time of the last tick of this process, and `newest` that of the
    newest tick when this process began, as the least that it can have been then.
    """
    instants: dict[Witness, float] = {}
    if date is not None:
        instants["api_server"] = date.at(now.boot)
    if last is not None:
        instants["boot_clock"] = last.at(now.boot)
    against = {who: instant for who, instant in instants.items() if abs(now.time - instant) > allowed}
    vouched = "api_server" in instants and "api_server" not in against
    # A tick that was stored while the clock ran ahead has done its harm once that time has come.
    if newest is not None and not (vouched and now.time > newest.time):
        instants["newest_sample"] = newest.at(now.boot)
        if instants["newest_sample"] - now.time > allowed:
            against["newest_sample"] = instants["newest_sample"]
    if not against:
        return None
    believed = next(instants[who] for who in ("boot_clock", "api_server", "newest_sample") if who in instants)
    return Disagreement(now.time, against, vouched, believed)


class Timekeeper:
    """Knows what other clocks told in this process, and judges the machine's clock by it."""

    def __init__(self, clock: Clock, boot: Clock, interval: int, newest: int | None) -> None:
        """`newest` is the time of the newest stored tick."""
        self._clock = clock
        self._boot = boot
        self._began = boot()
        self._newest = None if newest is None else ClockReading(newest, self._began)
        self._date: ClockReading | None = None
        self._last: ClockReading | None = None
        self.allowed = float(MAX_INTERVALS_APART * interval)
        """Seconds by which clocks may differ."""

    @property
    def knows(self) -> bool:
        """Whether there is anything to judge the clock by."""
        return self._date is not None or self._last is not None

    def read(self) -> ClockReading:
        """Read the clock."""
        return ClockReading(self._clock(), self._boot())

    def hear(self, date: ClockReading | None) -> None:
        """Note what the API server told, if it told anything."""
        self._date = date or self._date

    def take(self, time: ClockReading) -> None:
        """Note the time of a tick that is taken."""
        self._last = time

    def judge(self, now: ClockReading) -> Disagreement | None:
        """Return what contradicts `now`."""
        return disagreement(now, self.allowed, date=self._date, last=self._last, newest=self._newest)

    def now(self) -> float:
        """Return the time, UNIX seconds: the clock's, or while that is contradicted, the one to be trusted more."""
        reading = self.read()
        disagreement = self.judge(reading)
        return reading.time if disagreement is None else disagreement.time

    def began(self) -> float:
        """Return the time at which this process began, UNIX seconds, as it is known by now."""
        return self.now() - (self._boot() - self._began)


def _iso(instant: float) -> str:
    try:
        return iso(round(instant))
    except (ValueError, OverflowError):
        return f"{instant:.0f} s"
