"""Round-robin databases as an existing KubeLedger installation leaves them, written with librrd."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import rrdtool

STEP, HOUR, DAY = 300, 3600, 86400
FINE_ROWS, HOURLY_ROWS = 4032, 8880

Pair = tuple[float | None, float | None]


def at(text: str) -> int:
    """UNIX seconds of an ISO 8601 time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def write_database(
    path: Path,
    values: Mapping[int, Pair],
    *,
    step: int = STEP,
    sources: tuple[str, str] = ("cpu_usage", "mem_usage"),
    fine_rows: int = FINE_ROWS,
    heartbeat: int = STEP,
    gaps: bool = True,
    archives: Sequence[str] | None = None,
) -> None:
    """A database with `values` by the end of the step they stand for.

    A pause is ended by an explicit unknown, or without `gaps` left to librrd and the heartbeat.
    """
    times = sorted(values)
    if archives is None:
        fine = [f"RRA:AVERAGE:0.5:{STEP // step}:{fine_rows}"] if fine_rows else []
        archives = [*fine, f"RRA:AVERAGE:0.5:{HOUR // step}:{HOURLY_ROWS}"]
    definitions = [f"DS:{source}:GAUGE:{heartbeat}:U:U" for source in sources]
    start = times[0] - step - (times[0] - step) % HOUR
    rrdtool.create(str(path), "--start", str(start), "--step", str(step), *definitions, *archives)
    rows, newest = [], start
    for time in times:
        if gaps and time - step > newest:
            rows.append(f"{time - step}:U:U")
        rows.append(f"{time}:{':'.join('U' if value is None else repr(value) for value in values[time])}")
        newest = time
    for first in range(0, len(rows), 5000):
        rrdtool.update(str(path), *rows[first : first + 5000])


def steps(start: int, end: int, cpu: float | None, mem: float | None) -> dict[int, Pair]:
    """The same pair for every 5 minutes between two times."""
    return dict.fromkeys(range(start + STEP, end + 1, STEP), (cpu, mem))


def hourly(path: Path, start: int, end: int) -> list[tuple[float | None, ...]]:
    """Rows of the hourly archive, one for each hour that begins from `start` on and before `end`."""
    (first, _, found), _, rows = rrdtool.fetch(
        str(path), "AVERAGE", "--resolution", str(HOUR), "--start", str(start), "--end", str(end)
    )
    assert found == HOUR
    skip = (start - first) // HOUR
    return list(rows[skip : skip + (end - start) // HOUR])


def hashes(directory: Path) -> dict[str, str]:
    """SHA-256 of every file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())}
