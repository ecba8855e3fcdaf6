"""What one simulated API server holds between requests: workload, clock, tokens, faults, record of calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from simulator.cluster import View
from simulator.faults import Clock, Faults
from simulator.workload import Workload

CALLS_KEPT = 10_000


@dataclass
class Simulator:
    """State of one simulated API server."""

    workload: Workload
    clock: Clock = field(default_factory=lambda: Clock(time.time))
    token: str | None = None
    """Bearer token that may read everything; None: no token is asked for."""
    restricted_token: str | None = None
    """Bearer token that is known but may read nothing at cluster scope (403)."""
    faults: Faults = field(default_factory=Faults)
    calls: list[dict[str, str]] = field(default_factory=list)
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits the seconds by which a fault delays an answer."""
    _view: View | None = field(default=None, repr=False)
    _struck: dict[object, int] = field(default_factory=dict, repr=False)

    def set_faults(self, faults: Faults) -> None:
        """Replace all faults; counts of earlier strikes are forgotten."""
        self.faults = faults
        self._struck.clear()

    def strikes(self, fault: object, times: int | None) -> bool:
        """Whether a fault that may happen `times` times happens once more."""
        self._struck[fault] = self._struck.get(fault, 0) + 1
        return times is None or self._struck[fault] <= times

    def view(self, end: int | None = None) -> View:
        """The cluster as shown now, or as it was in the step that ended at `end`."""
        end = self.clock.end if end is None else end
        if self._view is None or (self._view.end, self._view.interval) != (end, self.clock.interval):
            self._view = View(self.workload, end, self.clock.interval)
        return self._view
