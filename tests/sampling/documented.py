"""The table of jobs in docs/accounting.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.sampling.jobs import MINUTE
from tests.sampling.proof import Pair

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accounting.md"
_ROW = re.compile(r"^\| (\d+) s every (\d+) min \| exact \|" + r" ([\d.]+ %) \|" * 5 + "$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """What is measured of one pair, as a share of what it uses."""

    measured: Mapping[int | None, str]
    """By the resolution of metrics-server, None for the ideal meter."""
    rule: Mapping[int | None, str]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def table() -> Mapping[Pair, Row]:
    """By period and length in seconds."""
    rows = {}
    for length, minutes, ideal, rule15, found15, rule60, found60 in _ROW.findall(PAGE.read_text(encoding="utf-8")):
        pair = int(minutes) * MINUTE, int(length)
        rows[pair] = Row({None: ideal, 15: found15, 60: found60}, {15: rule15, 60: rule60})
    return rows
