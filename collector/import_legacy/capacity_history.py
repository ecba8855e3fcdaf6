"""What the source does not know and its operator does: capacity through time, and GPUs through time.

A file is CSV with a header, or a JSON list of objects with the same keys:

    from,cpu,memory                      --capacity-history
    from,namespace,gpus,gpu_memory       --gpu-history

`from` is an ISO 8601 date or time (UTC unless it says otherwise) from which the row holds, empty for "from the
beginning". `cpu`, `memory` and `gpu_memory` are Kubernetes quantities (`64`, `256Gi`). In a GPU history the namespace
`*` stands for all GPUs of the cluster; a namespace's row says how many GPUs it held and how much memory those have.
"""

import csv
import io
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from collector.errors import MigrationError
from collector.kubernetes.quantity import parse_quantity

MIN_MEMORY_BYTES = 64 * 2**20
"""No node and no GPU has less; 256 is meant to be 256Gi, not bytes."""
BEGINNING = 0
CLUSTER = "*"
_LETTERS = "EPTGMKkmunie"


@dataclass(frozen=True, slots=True)
class Steps:
    """Pairs of numbers that hold from a time on."""

    since: tuple[int, ...]
    """UNIX seconds, ascending."""
    values: tuple[tuple[float, float], ...]

    def at(self, time: int) -> tuple[float, float] | None:
        """Return the pair in force at `time`; None before the first."""
        place = bisect_right(self.since, time) - 1
        return self.values[place] if place >= 0 else None


def constant_capacity(cpu: str, memory: str) -> Steps:
    """Return the capacity that never changed: cores and bytes from Kubernetes quantities.

    MigrationError for other text.
    """
    cores = _quantity("--capacity-cpu", cpu, positive=True)
    size = _quantity("--capacity-memory", memory, positive=True, least=MIN_MEMORY_BYTES)
    return Steps((BEGINNING,), ((cores, size),))


def capacity_history(path: Path) -> Steps:
    """Cores and bytes through time. MigrationError names the row that cannot be read."""
    rows = _rows(path, ("from", "cpu", "memory"))
    return _steps(path, [(_time(place, row["from"]), _pair(place, row, "cpu", "memory")) for place, row in rows])


def gpu_history(path: Path) -> Mapping[str, Steps]:
    """GPUs and bytes of GPU memory through time, by namespace; `*` is the cluster. MigrationError as above."""
    by_name: dict[str, list[tuple[int, tuple[float, float]]]] = {}
    for place, row in _rows(path, ("from", "namespace", "gpus", "gpu_memory")):
        pair = _pair(place, row, "gpus", "gpu_memory", positive=False)
        by_name.setdefault(row["namespace"] or CLUSTER, []).append((_time(place, row["from"]), pair))
    if CLUSTER not in by_name:
        raise MigrationError(f"{path} has no row with namespace {CLUSTER}, which says how many GPUs the cluster has")
    return {name: _steps(path, rows) for name, rows in by_name.items()}


def _steps(path: Path, rows: list[tuple[int, tuple[float, float]]]) -> Steps:
    rows.sort()
    since = tuple(time for time, _ in rows)
    if not rows or len(set(since)) != len(since):
        raise MigrationError(f"{path} has no row, or two rows for one `from`: give one row for each change")
    return Steps(since, tuple(pair for _, pair in rows))


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[str, dict[str, str]]]:
    """Every row with its place for messages, its values as text."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise MigrationError(f"cannot read {path}: {reason}. Allowed: CSV or JSON with {', '.join(columns)}") from error
    parse: Callable[[str], Iterable[Mapping[str, Any]]] = _json if text.lstrip().startswith(("[", "{")) else _csv
    try:
        table = [{name: _text(row[name]) for name in columns} for row in parse(text)]
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise MigrationError(
            f"{path} cannot be used ({reason}). Allowed: CSV with the header "
            f"{','.join(columns)}, or a JSON list of objects with these keys"
        ) from error
    return [(f"{path}, row {number}", row) for number, row in enumerate(table, start=1)]


def _json(text: str) -> Iterable[Mapping[str, Any]]:
    document = orjson.loads(text)
    if not isinstance(document, list):
        raise TypeError("the document is no list")
    return document


def _csv(text: str) -> Iterable[Mapping[str, Any]]:
    return csv.DictReader(io.StringIO(text), skipinitialspace=True)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _pair(place: str, row: Mapping[str, str], one: str, other: str, *, positive: bool = True) -> tuple[float, float]:
    return (
        _quantity(f"{place}: {one}", row[one], positive=positive),
        _quantity(f"{place}: {other}", row[other], positive=positive, least=MIN_MEMORY_BYTES),
    )


def _quantity(place: str, text: str, *, positive: bool, least: float = 0) -> float:
    """Return a number of at least `least`, or 0 unless it has to be positive."""
    try:
        value = float(parse_quantity(text))
    except ValueError as error:
        raise MigrationError(f"{place}: {error}") from error
    if value < 0 or (positive and value == 0):
        raise MigrationError(f"{place} is {text!r}; allowed: a number {'above' if positive else 'of at least'} 0")
    if 0 < value < least:
        raise MigrationError(
            f"{place} is {text!r}, which is {value:g} bytes; did you mean '{text.rstrip(_LETTERS)}Gi'? Allowed: at "
            "least 64Mi"
        )
    return value


def _time(place: str, text: str) -> int:
    if not text:
        return BEGINNING
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise MigrationError(
            f"{place}: from is {text!r}; allowed: an ISO 8601 date or time such as 2026-03-01 or 2026-03-01T14:00Z, "
            "or nothing for the beginning"
        ) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
