"""Runs the import as the command does, on databases of `tests.support.legacy_rrd`."""

from __future__ import annotations

from pathlib import Path

from collector import cli
from tests.support.legacy_rrd import at

BEGIN, END = at("2026-10-20T00:00"), at("2026-11-21T12:35")
"""32 days and a half: the hourly archive reaches back further than the 14 days of 5-minute rows."""
CAPACITY = ("--capacity-cpu", "50", "--capacity-memory", "200Gi")
OPEN_HOUR = "--with-open-hour"


def import_(
    root: Path, *arguments: str, capacity: tuple[str, ...] = CAPACITY, source: Path | None = None, **settings: str
) -> int:
    environ = {"KL_DB_LOCATION": str(root / "db"), "KL_DATA_DIR": str(root / "data"), "HOME": str(root), **settings}
    return cli.main(["import", str(source or root / "source"), *capacity, *arguments], environ, lambda: float(END + 60))
