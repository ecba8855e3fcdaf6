"""Reads kubeledger-mcp-spec.md: its requirements and its tables."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "kubeledger-mcp-spec.md").read_text(encoding="utf-8")
REQUIREMENT = re.compile(r"^\* \*\*\[(KL-[A-Z]-\d+)\]\*\*", re.MULTILINE)


def requirements() -> list[str]:
    """The ids of all requirements, in the order of the page."""
    return REQUIREMENT.findall(TEXT)


def table(heading: str) -> list[list[str]]:
    """The rows of the table whose first column is called `heading`, each a list of cells."""
    (found,) = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in str(found).splitlines()]


def words(cell: str) -> list[str]:
    """What a cell sets in code."""
    return re.findall(r"`([^`]+)`", cell)
