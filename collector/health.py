"""Whether the collector is well, by its heartbeat: one judgement for `kl-collector health` and for /healthz."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collector import heartbeat
from collector.clock import Clock

MAX_HEARTBEAT_INTERVALS = 3
"""Polling intervals without a heartbeat after which a loop counts as hung, and that the newest sample may be old."""


@dataclass(frozen=True, slots=True)
class Health:
    """How old the heartbeat is, in seconds, and what is wrong; None where that is not known, or nothing is."""

    age: float | None
    problem: str | None

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"healthy: the heartbeat is {self.age:.0f} s old"
            if self.problem is None
            else f"not healthy: {self.problem}"
        )


def examine(file: Path, boot: Clock, interval: int, *, live: bool = False) -> Health:
    """Judge the heartbeat in `file` by `boot`, the boot-time clock; `interval` is the polling interval in seconds.

    `live` asks about the loop alone: a restart makes no cluster answer and puts no clock right.
    """
    try:
        beat = heartbeat.read(file)
    except OSError as error:
        return Health(None, f"no heartbeat at {file} ({error.strerror}); is `run` started?")
    # Read after the heartbeat: one that is given meanwhile must not seem to be of another start of the machine.
    now = boot()
    age = None if beat is None else beat.age(now)
    if beat is None or age is None:
        return Health(None, f"{file} is from before the machine or this release was started; is `run` started?")
    return Health(age, _problem(file, beat, now, age, MAX_HEARTBEAT_INTERVALS * interval, live=live))


def _problem(file: Path, beat: heartbeat.Heartbeat, now: float, age: float, allowed: int, *, live: bool) -> str | None:
    if age >= allowed:
        return f"the heartbeat {file} is {age:.0f} s old, {allowed} s are allowed"
    if live:
        return None
    unsampled = beat.unsampled(now)
    if beat.clock is None and unsampled > allowed:
        return (
            f"the collector has stored nothing of the cluster for {unsampled:.0f} s, {allowed} s are allowed. Its log "
            "says why"
        )
    return beat.clock
