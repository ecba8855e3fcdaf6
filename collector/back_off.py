"""How long to leave something alone that failed."""

from __future__ import annotations

import math

from collector.clock import Clock

FIRST_SEC = 1.0
"""After the first failure; doubled with each, for a cluster in trouble is not to be asked more often."""


class BackOff:
    """Says when something that failed is to be tried again, by the boot-time clock."""

    def __init__(self, boot: Clock) -> None:
        self._boot = boot
        self._failures = 0
        self._at = math.inf

    @property
    def has_failed(self) -> bool:
        """Whether anything failed."""
        return self._failures > 0

    @property
    def seconds_left(self) -> float:
        """Until the next try, 0.0 when it is due; infinity where nothing failed."""
        return max(0.0, self._at - self._boot())

    def fail(self) -> None:
        """Note a failure."""
        self._at = self._boot() + FIRST_SEC * 2**self._failures
        self._failures += 1

    def reset(self) -> None:
        """Forget all failures."""
        self._failures = 0
        self._at = math.inf
