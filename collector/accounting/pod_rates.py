"""What each measured pod used when usage was read, remembered until the interval is over."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from collector.accounting.believed_metrics import Usage


def _numbers() -> array[float]:
    return array("d")


@dataclass(slots=True)
class PodRates:
    """Cores and bytes by `Pod.identity`, in some 100 bytes a pod: there can be tens of thousands."""

    _places: dict[str, int] = field(default_factory=dict)
    _cpu: array[float] = field(default_factory=_numbers)
    _memory: array[float] = field(default_factory=_numbers)

    def put(self, identity: str, usage: Usage) -> None:
        """Remember what a pod used; of one that is put twice the last counts."""
        self._places[identity] = len(self._cpu)
        self._cpu.append(usage[0])
        self._memory.append(usage[1])

    def of(self, identity: str) -> Usage | None:
        """Return what a pod used, None where it was not measured."""
        place = self._places.get(identity)
        return None if place is None else (self._cpu[place], self._memory[place])

    def __len__(self) -> int:
        return len(self._places)
