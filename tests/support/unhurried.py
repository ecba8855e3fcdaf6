"""A reading that never pauses."""

from __future__ import annotations

from collector.kubernetes.deadline import Deadline


class Unhurried(Deadline):
    """A deadline that notes the pauses instead of making them."""

    def __init__(self, seconds: float = 1000.0) -> None:
        super().__init__(seconds)
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return True
