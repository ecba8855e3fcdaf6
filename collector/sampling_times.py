"""When ticks are due and when usage is read.

Usage is read once an interval, at a moment that no schedule of the cluster can know. Read at a fixed phase, a job that
starts by the clock is seen at every tick or at none. A moment that is as good as random sees it as often as it runs,
and one that is reckoned from what every process knows is the same after a restart.
"""

from __future__ import annotations

import hashlib
import math

INTERVALS = (300, 600, 900, 1200, 1800, 3600)
"""Seconds an interval may have: multiples of the databases' step that divide an hour."""


def due_at(now: float, interval: int) -> int:
    """Return the end of the newest interval that is over at `now`, both UNIX seconds."""
    return math.floor(now / interval) * interval


def reading_moment(time: int, interval: int, cluster: str) -> int:
    """Return when usage is read for the interval that ends at `time`, UNIX seconds.

    It lies in [`time` - `interval`, `time`), evenly spread over the intervals. `cluster` is what identifies the
    cluster: the UID of its namespace `kube-system`, else its name.
    """
    digest = hashlib.sha256(f"{cluster}/{time}".encode()).digest()
    return time - interval + int.from_bytes(digest) % interval
