"""Reads the whole directory, and keeps the last usable content of each file for the loads that follow.

KubeLedger writes its files in place, one after the other, so any of them may be found half written at any time. One
that cannot be used costs nothing that was read before: its last good content answers, and a warning says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

from kl_core.vocabulary import METRICS, Metric, Source
from kl_core.watched_file import Mark
from kl_query.dataset.fields import MalformedError
from kl_query.dataset.legacy.dates import read_instant, start_of_bucket
from kl_query.dataset.legacy.files import (
    BACKEND,
    COST_MODELS,
    DAILY_SECONDS,
    DAYS,
    MONTHLY_SECONDS,
    MONTHS,
    TRENDS,
    AbsentError,
    Backend,
    EmptyListError,
    File,
    read_backend,
    reading,
)
from kl_query.dataset.legacy.hourly_points import Points, believable, hourly_rate, hourly_scale, points_of, window_lag
from kl_query.dataset.legacy.hours_with_data import of_hours
from kl_query.dataset.legacy.last_seen import namespaces
from kl_query.dataset.legacy.periods import period
from kl_query.dataset.legacy.row_length import rows_of
from kl_query.dataset.legacy.table import FileTable, Tables, read_table
from kl_query.dataset.legacy.values import ValuesByKind, dated
from kl_query.dataset.model import Dataset, Rate, Scale
from kl_query.errors import DatasetError
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, joined, text, warning

_MAX_ATTEMPTS = 3


class Reader:
    """Reads one directory again and again. Not for several threads at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kept: dict[File, tuple[Mark, FileTable]] = {}
        self._backend: Backend | None = None

    def read(self) -> Dataset:
        """Return what the files hold now, or held when they were last usable.

        Raises DatasetError where the cost model was never readable, or no file ever was.
        """
        warnings = [warning(Code.LEGACY_FILES)]
        backend = self._read_backend(warnings)
        empty: list[File] = []
        trends = dated(self._read_files(TRENDS, None, warnings, empty), read_instant)
        points = points_of(trends)
        days, months = (self._read_files(files, points.newest, warnings, empty) for files in (DAYS, MONTHS))
        if not trends and not days and not months:
            faults = joined(each.said for each in warnings[1:])
            place = Plain(str(self._directory))
            raise DatasetError(warning(Code.NO_USABLE_FILE, directory=place, backend=Plain(BACKEND), faults=faults))
        warnings += _nothing_in(empty, points.newest, has_periods=bool(days or months))
        return self._dataset(backend, trends, (days, months), points, warnings)

    def _dataset(
        self,
        backend: Backend,
        trends: ValuesByKind,
        tables: tuple[Tables, Tables],
        points: Points,
        warnings: list[DataWarning],
    ) -> Dataset:
        newest, model = points.newest, backend.cost_model
        around = self._written_at(DAYS) if newest is None else newest
        in_days = dated(tables[0], partial(start_of_bucket, window=DAILY_SECONDS, around=around))
        in_months = dated(tables[1], partial(start_of_bucket, window=MONTHLY_SECONDS, around=newest))
        rate = hourly_rate(trends)
        rows = rows_of(trends, in_days, in_months, newest, model)
        hours = hourly_scale(trends, newest, _source(trends, None), rows.points)
        lag = window_lag(points, in_days, self._written_at(TRENDS) or 0, rows.points)
        days, finer = period(
            in_days,
            DAILY_SECONDS,
            newest,
            model,
            _source(in_days, DAILY_SECONDS),
            finer=of_hours(hours, model, lag),
            lag=lag,
            row=rows.daily,
            rate=rate,
        )
        months, _ = period(
            in_months,
            MONTHLY_SECONDS,
            newest,
            model,
            _source(in_months, MONTHLY_SECONDS),
            finer=finer,
            lag=lag,
            days_end=max(days.ends, default=None),
            row=rows.monthly,
            rate=rate,
        )
        scales = (hours.scale, days, months)
        present = {metric for scale in scales for metric in scale.namespaces.blocks}
        currency = backend.currency if model == "costs" else None
        written = self._written_at(self._kept)
        return Dataset(
            layout="kubeledger",
            cost_model=model,
            currency=currency,
            producer="KubeLedger",
            generation=written or 0,
            generated_at=written or None,
            last_sample_at=_last_samples(trends, newest),
            metrics=tuple(metric for metric in METRICS if metric in present),
            rates=(Rate(hours.scale.starts[-1], rate, currency, None),)
            if rate and currency and hours.scale.starts
            else (),
            namespaces=namespaces(points, days, months),
            scales={scale.name: scale for scale in scales},
            files={"manifest": BACKEND, **{scale.name: scale.file for scale in scales}},
            warnings=(*warnings, *rows.warnings, *_left_out(in_days, days), *_left_out(in_months, months)),
        )

    def _written_at(self, files: Iterable[File]) -> int | None:
        """Return about when files were written, which is good for a year and for nothing finer."""
        marks = (self._kept[file][0] for file in files if file in self._kept)
        return max((mark.modified_ns // 1_000_000_000 for mark in marks), default=None)

    def _read_backend(self, warnings: list[DataWarning]) -> Backend:
        try:
            self._backend = read_backend(self._directory / BACKEND)
        except MalformedError as error:
            if self._backend is None:
                place, allowed = Plain(str(self._directory)), Plain(", ".join(COST_MODELS))
                problem = warning(Code.COST_MODEL_UNKNOWN, directory=place, fault=error.fault, allowed=allowed)
                raise DatasetError(problem) from None
            warnings.append(warning(Code.COST_MODEL_KEPT, fault=error.fault))
        return self._backend

    def _read_files(
        self, files: Iterable[File], newest: int | None, warnings: list[DataWarning], empty: list[File]
    ) -> Tables:
        """Return the tables of files that can be used, or could once."""
        tables: dict[tuple[Metric, str], FileTable] = {}
        for file in files:
            try:
                self._refresh(file, newest)
            except MalformedError as error:
                if file in self._kept:
                    warnings.append(warning(Code.FILE_KEPT, fault=error.fault))
                elif isinstance(error, EmptyListError) and not file.gpu:
                    empty.append(file)
                elif not file.gpu:
                    warnings.append(warning(Code.FILE_UNKNOWN, fault=error.fault))
                elif not isinstance(error, AbsentError):
                    warnings.append(warning(Code.FILE_LEFT_OUT, fault=error.fault))
            if file not in self._kept:
                continue
            _, table = self._kept[file]
            tables[file.metric, file.kind] = table
            if table.skipped:
                why = text(
                    "could not be read, or are of later than the file itself"
                    if file.window is None
                    else "could not be read"
                )
                warnings.append(warning(Code.ROWS_LEFT_OUT, file=file.name, rows=table.skipped, why=why))
        return tables

    def _refresh(self, file: File, newest: int | None) -> None:
        """Keep a file's content, parsed anew only where the file has changed. Raises MalformedError."""
        for _ in range(_MAX_ATTEMPTS):
            path = self._path(file)
            with reading(path):
                before = Mark.of(path.stat())
                mark, kept = self._kept.get(file, (None, None))
                if kept and mark == before and (kept.newest is not None or newest is None):
                    return
                table = replace(read_table(path, file), newest=newest)
                settled = Mark.of(path.stat()) == before
            if file.window is None:
                table = believable(table, before.modified_ns // 1_000_000_000)
            if settled:
                if not table.names and table.skipped:
                    raise MalformedError(
                        "{file} has {rows} row(s), none of which can be used", file=Plain(path.name), rows=table.skipped
                    )
                if not table.names:
                    raise EmptyListError("{file} is an empty list", file=Plain(path.name))
                self._kept[file] = before, table
                return
        raise MalformedError("{file} is being written", file=Plain(path.name))

    def _path(self, file: File) -> Path:
        paths = [self._directory / name for name in file.names]
        return next((path for path in paths if path.is_file()), paths[0])


@lru_cache(maxsize=4)
def reader_of(directory: Path) -> Reader:
    """Return the reader of a directory, the same one each time, so that it remembers the last good files."""
    return Reader(directory)


def _source(files: ValuesByKind, window: int | None) -> str:
    """Return the file an answer of a scale names as its source: of cpu, where there is one."""
    return next((File(metric, "usage", window).name for metric, kind in files if kind == "usage"), "")


def _left_out(files: ValuesByKind, scale: Scale) -> list[DataWarning]:
    dates = {date for values in files.values() for date in values.left_out}
    return [warning(Code.DATES_LEFT_OUT, dates=len(dates), scale=Plain(scale.name))] if dates else []


def _last_samples(trends: ValuesByKind, newest: int | None) -> dict[Source, int | None]:
    if newest is None:
        return {}
    gpu = points_of({key: values for key, values in trends.items() if key[0] == "gpu"}).newest
    return {"kubernetes": None, "metrics": newest, "dcgm": None if gpu is None else min(gpu, newest)}


def _nothing_in(empty: Sequence[File], newest: int | None, *, has_periods: bool) -> list[DataWarning]:
    """Say what is missing because of files that are empty lists, or without any hourly point."""
    if newest is None:
        empty = [file for file in empty if file.window is not None]
    young = newest is not None and not has_periods
    files = Plain(", ".join(file.name for file in empty))
    said = warning(Code.NO_FULL_HOUR_YET) if young else warning(Code.FILES_EMPTY, files=files)
    return [*([said] if empty else []), *([] if newest is not None else [warning(Code.NO_HOURLY_POINT)])]
