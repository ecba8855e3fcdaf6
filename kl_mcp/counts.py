"""What the server counts while it runs. Read by the probes; one instance a process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Counts:
    """Counters that only grow: tool calls by tool, tool errors by (tool, code), dataset loads by outcome."""

    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    loads: Counter[str] = field(default_factory=Counter)
