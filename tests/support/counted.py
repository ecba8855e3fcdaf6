"""Keeps what is counted where a server would make series of it."""

from __future__ import annotations

from collections import Counter


class Counted(Counter[str]):
    """How often each outcome was counted, by being called with it."""

    def __call__(self, outcome: str) -> None:
        """Count one."""
        self[outcome] += 1
