"""Reads the whole directory, and keeps the last usable content of each file for the loads that follow.

KubeLedger writes its files in place, one after the other, so any of them may be found half written at any time. One
that cannot be used costs nothing that was read before: its last good content answers, and a warning says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import orjson

from kl_mcp.dataset.fields import MalformedError, mapping
from kl_mcp.dataset.kubeledger.buckets import Read
from kl_mcp.dataset.kubeledger.files import (
    BACKEND,
    DAILY_SECONDS,
    LARGEST_BYTES,
    MONTHLY_SECONDS,
    PERIODS,
    TRENDS,
    File,
)
from kl_mcp.dataset.kubeledger.lived import Finer, of_hours
from kl_mcp.dataset.kubeledger.periods import Period, period
from kl_mcp.dataset.kubeledger.table import Table, read_table
from kl_mcp.dataset.kubeledger.trends import hourly, hourly_rate, newest_point
from kl_mcp.dataset.model import METRICS, CostModel, Dataset, Metric, Namespace, Rate, Scale
from kl_mcp.errors import DatasetError

NOTE = (
    "KubeLedger's own files: amounts are relative, so core-hours, capacity, idle and coverage are null; the hour from "
    "23 to 24 counts to the next day, as in KubeLedger."
)
COST_MODELS: dict[str, CostModel] = {
    "cumulative": "cumulative",
    "normalized": "normalized",
    "costs": "costs",
    "CUMULATIVE_RATIO": "cumulative",
    "RATIO": "normalized",
    "CHARGE_BACK": "costs",
}
_SETTLED_ATTEMPTS = 3
_PRESENT_SECONDS = 3600
Status = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Kept:
    status: Status
    read: Read


@dataclass(frozen=True, slots=True)
class _Backend:
    cost_model: CostModel
    currency: str | None


class Reader:
    """Reads one directory again and again. Not for several threads at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kept: dict[File, _Kept] = {}
        self._backend: _Backend | None = None

    def read(self) -> Dataset:
        """Return what the files hold now, or held when they were last usable.

        Raises DatasetError where the cost model was never readable, or no file ever was.
        """
        warnings = [NOTE]
        backend = self._read_backend(warnings)
        trends = self._read_files(TRENDS, None, warnings)
        newest = newest_point(_keyed(trends))
        periods = self._read_files(PERIODS, newest, warnings)
        if not trends and not periods:
            raise DatasetError(
                f"{self._directory} holds {BACKEND} and no usable data file: KubeLedger writes them some minutes after "
                f"its first sample. {' '.join(warnings[1:])}"
            )
        if newest is None:
            warnings.append(
                "No hourly point is known: how old the data are and how many hours its buckets hold is unknown, and so "
                "is efficiency."
            )
        return self._dataset(backend, trends, periods, newest, warnings)

    def _dataset(
        self,
        backend: _Backend,
        trends: Mapping[File, Read],
        periods: Mapping[File, Read],
        newest: int | None,
        warnings: list[str],
    ) -> Dataset:
        hours = hourly(_keyed(trends), newest, _shown(trends, None))
        days = self._period(DAILY_SECONDS, periods, newest, backend, of_hours(hours, backend.cost_model))
        months = self._period(MONTHLY_SECONDS, periods, newest, backend, days.finer)
        scales = (hours.scale, days.scale, months.scale)
        warnings += [
            f"{read.strange} date(s) of {read.scale.name} are unreadable or outside its window: left out."
            for read in (days, months)
            if read.strange
        ]
        found = {metric for scale in scales for row in scale.namespaces.values() for metric in row}
        rate = hourly_rate(_keyed(trends))
        currency = backend.currency if backend.cost_model == "costs" else None
        written = max((kept.status[0] for kept in self._kept.values()), default=0) // 1_000_000_000
        gpu = newest_point({key: read for key, read in _keyed(trends).items() if key[0] == "gpu"})
        return Dataset(
            layout="kubeledger",
            cost_model=backend.cost_model,
            currency=currency,
            producer="KubeLedger",
            generation=written,
            generated_at=written or None,
            last_sample_at={"kubernetes": None, "metrics": newest, "dcgm": gpu} if newest is not None else {},
            metrics=tuple(metric for metric in METRICS if metric in found),
            rates=(Rate(hours.scale.starts[-1], rate, currency, None),)
            if rate and currency and hours.scale.starts
            else (),
            namespaces=_namespaces(scales, newest),
            scales={scale.name: scale for scale in scales},
            files={"manifest": BACKEND, **{scale.name: scale.file for scale in scales}},
            warnings=tuple(warnings),
        )

    def _period(
        self,
        window: int,
        periods: Mapping[File, Read],
        newest: int | None,
        backend: _Backend,
        finer: Mapping[Metric, Finer],
    ) -> Period:
        mine = {file: read for file, read in periods.items() if file.window == window}
        around = newest if newest is not None or window != DAILY_SECONDS else self._written_at(mine)
        file = _shown(mine, window)
        return period(_keyed(mine), window, newest, backend.cost_model, file, around=around, finer=finer)

    def _written_at(self, files: Iterable[File]) -> int | None:
        """Return about when files were written, which is good for a year and for nothing finer."""
        times = [self._kept[file].status[0] // 1_000_000_000 for file in files]
        return max(times, default=None)

    def _read_backend(self, warnings: list[str]) -> _Backend:
        try:
            self._backend = _backend(self._directory / BACKEND)
        except MalformedError as error:
            if self._backend is None:
                raise DatasetError(
                    f"{self._directory} holds files of an existing KubeLedger whose cost model is not known: {error}. "
                    f"It must say cost_model, one of {', '.join(COST_MODELS)}; KubeLedger writes it when it starts."
                ) from None
            warnings.append(f"{error}; the cost model is that of the last good one.")
        return self._backend

    def _read_files(self, files: Iterable[File], newest: int | None, warnings: list[str]) -> dict[File, Read]:
        found: dict[File, Read] = {}
        for file in files:
            read: Read | None
            try:
                read = self._current(file, newest)
            except MalformedError as error:
                kept = self._kept.get(file)
                if kept is None and not file.required:
                    if not isinstance(error, _AbsentError):
                        warnings.append(f"{error}: what it holds is left out.")
                    continue
                warnings.append(
                    f"{error}: answers use its last good content." if kept else f"{error}: what it holds is unknown."
                )
                read = kept.read if kept else None
            if read is not None:
                found[file] = read
                if read.table.skipped:
                    warnings.append(f"{file.name}: {read.table.skipped} row(s) could not be read and are left out.")
        return found

    def _current(self, file: File, newest: int | None) -> Read:
        """Return a file's content, parsed anew only where the file has changed. Raises MalformedError."""
        for _ in range(_SETTLED_ATTEMPTS):
            path = self._path(file)
            before = _status(path)
            kept = self._kept.get(file)
            if kept is not None and kept.status == before and (kept.read.newest is not None or newest is None):
                return kept.read
            if before[1] > LARGEST_BYTES:
                size, most = (round(count / 1e6) for count in (before[1], LARGEST_BYTES))
                raise MalformedError(f"{path.name} has {size} MB, more than the {most} MB that are read")
            table = _table(path, file)
            if _status(path) == before:
                if not table.cells:
                    raise _AbsentError(f"{path.name} is an empty list")
                self._kept[file] = _Kept(before, Read(table, newest))
                return self._kept[file].read
        raise MalformedError(f"{path.name} is being written")

    def _path(self, file: File) -> Path:
        paths = [self._directory / name for name in file.names]
        return next((path for path in paths if path.is_file()), paths[0])


class _AbsentError(MalformedError):
    """A file is not there, or says nothing: no damage, for a file that not every installation writes."""


@lru_cache(maxsize=4)
def reader_of(directory: Path) -> Reader:
    """Return the reader of a directory, the same one each time, so that it remembers the last good files."""
    return Reader(directory)


def _keyed(files: Mapping[File, Read]) -> dict[tuple[Metric, str], Read]:
    return {(file.metric, file.kind): read for file, read in files.items()}


def _shown(files: Mapping[File, Read], window: int | None) -> str:
    """Return the file an answer of a scale names as its source: of cpu, where there is one."""
    names = [file.name for file in files if file.kind == "usage" and file.window == window]
    return names[0] if names else ""


def _table(path: Path, file: File) -> Table:
    try:
        return read_table(path, file)
    except FileNotFoundError:
        raise _AbsentError(f"{path.name} is missing") from None
    except OSError as error:
        raise MalformedError(f"{path.name} cannot be read ({error.strerror})") from None


def _status(path: Path) -> Status:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise _AbsentError(f"{path.name} is missing") from None
    except OSError as error:
        raise MalformedError(f"{path.name} cannot be read ({error.strerror})") from None
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _backend(path: Path) -> _Backend:
    try:
        document = mapping(orjson.loads(path.read_bytes()), path.name)
    except FileNotFoundError:
        raise MalformedError(f"{path.name} is missing") from None
    except OSError as error:
        raise MalformedError(f"{path.name} cannot be read ({error.strerror})") from None
    except orjson.JSONDecodeError:
        raise MalformedError(f"{path.name} is truncated or not JSON") from None
    model = document.get("cost_model")
    if not isinstance(model, str) or model not in COST_MODELS:
        raise MalformedError(f"cost_model of {path.name} is {str(model)[:40]!r}")
    currency = document.get("currency")
    return _Backend(COST_MODELS[model], currency if isinstance(currency, str) and currency not in ("", "%") else None)


def _namespaces(scales: Iterable[Scale], newest: int | None) -> dict[str, Namespace]:
    """Return every name of any scale. When it was first seen is unknown: the files begin where their window does."""
    last: dict[str, int] = {}
    for scale in scales:
        for name, row in scale.namespaces.items():
            known = [i for amounts in row.values() for i, value in enumerate(amounts.usage) if value == value]  # noqa: PLR0124
            last[name] = max(last.get(name, 0), scale.sampled_until(max(known))) if known else last.get(name, 0)
    return {
        name: Namespace(name, None, at or None, None if newest is None else at > newest - _PRESENT_SECONDS)
        for name, at in sorted(last.items())
    }
