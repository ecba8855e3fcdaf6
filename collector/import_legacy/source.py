"""The round-robin databases of an existing KubeLedger installation, opened for reading only.

A database holds two sources, `cpu_usage` and `mem_usage`, in per cent of the cluster's capacity; `NAME__rf` holds
usage ÷ requests instead, `NAME__gpu` the mean over the namespace's GPUs, `.billing-hourly-rate` money. Names may end in
`.rrd`. The step and the archives are read from each file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rrdtool
from numpy.typing import NDArray

from collector.errors import MigrationError, StoreError
from collector.model import STEP
from collector.store.foreign_databases import LEGACY_SOURCES, info, source_names
from collector.store.paths import check_name
from collector.store.rrd.database import LIBRRD_ERRORS, NO_DAEMON
from collector.store.rrd.header import cause_of
from kl_core.calendar import HOUR

Array = NDArray[np.float64]

NON_ALLOCATABLE = "non-allocatable"
BILLING_RATE = ".billing-hourly-rate"
_SPECIAL = (NON_ALLOCATABLE, BILLING_RATE)
SUFFIXES = ("__gpu__rf", "__gpu", "__rf", "")
"""Longest first: each ends a name that the next might end as well."""


@dataclass(frozen=True, slots=True)
class AverageArchive:
    """One archive of averages of a file."""

    seconds: int
    """Length of a row."""
    rows: int

    @property
    def reach(self) -> int:
        """Seconds that it goes back."""
        return self.seconds * self.rows


@dataclass(frozen=True, slots=True)
class Database:
    """One file of the source."""

    path: Path
    last: int
    """UNIX seconds of its newest update."""
    step: int
    """Seconds between two updates that the file expects: the source's polling interval."""
    archives: Mapping[int, tuple[AverageArchive, ...]]
    """What is read for rows of 3600 s, and of 300 s unless no archive is as fine; the preferred archive last."""

    def begin(self, step: int) -> int:
        """Start of the oldest row, known or not, of `step` seconds."""
        return min(self._begin(archive, step) for archive in self.archives[step])

    def end(self, step: int) -> int:
        """End of the newest row of `step` seconds."""
        return self.last - self.last % step

    def read(self, start: int, end: int, step: int) -> Array:
        """Both sources (2 x N) over the rows from `start` to `end`; NaN is unknown.

        `start` and `end` are multiples of `step`. A row longer than those of the archive is the mean of what is known
        of it, if that is half; shorter ones are all like the archive's. MigrationError if the file cannot be read.
        """
        table = np.full((len(LEGACY_SOURCES), max(0, (end - start) // step)), np.nan)
        for archive in self.archives[step]:
            begin = max(start, self._begin(archive, step))
            stop = min(end, self.last - self.last % max(step, archive.seconds))
            if begin < stop:
                table[:, (begin - start) // step : (stop - start) // step] = self._rows(archive, begin, stop, step)
        return table

    def _begin(self, archive: AverageArchive, step: int) -> int:
        oldest = self.last - self.last % archive.seconds - archive.rows * archive.seconds
        return oldest + -oldest % step

    def _rows(self, archive: AverageArchive, begin: int, stop: int, step: int) -> Array:
        seconds = archive.seconds
        if seconds <= step:
            return _means(self._fetch(begin, stop, seconds).reshape(len(LEGACY_SOURCES), -1, step // seconds))
        first, last = begin - begin % seconds, stop + -stop % seconds
        each = np.repeat(self._fetch(first, last, seconds), seconds // step, axis=1)
        return each[:, (begin - first) // step : (stop - first) // step]

    def _fetch(self, begin: int, stop: int, seconds: int) -> Array:
        window = ("--resolution", str(seconds), "--start", str(begin), "--end", str(stop))
        try:
            (first, _, resolution), names, rows = rrdtool.fetch(str(self.path), "AVERAGE", *NO_DAEMON, *window)
        except LIBRRD_ERRORS as error:
            raise MigrationError(f"cannot read {self.path}: {cause_of(error, self.path)}") from error
        if resolution != seconds:
            raise MigrationError(f"cannot read {self.path}: asked for rows of {seconds} s, librrd gave {resolution} s")
        skip, count = (begin - first) // seconds, (stop - begin) // seconds
        # librrd appends the row after the end as well.
        values = np.array(rows[skip : skip + count], dtype=np.float64).T[[names.index(name) for name in LEGACY_SOURCES]]
        values[~np.isfinite(values)] = np.nan
        return values


def _means(rows: Array) -> Array:
    known = ~np.isnan(rows)
    count = known.sum(axis=-1)
    total = np.where(known, rows, 0.0).sum(axis=-1)
    return np.asarray(np.where(2 * count >= rows.shape[-1], total / np.maximum(count, 1), np.nan))


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything under the source's directory."""

    directory: Path
    usage: Mapping[str, Database]
    """By namespace; so are the next three."""
    rf: Mapping[str, Database]
    gpu: Mapping[str, Database]
    gpu_rf: Mapping[str, Database]
    non_allocatable: Database | None
    billing_rate: Database | None
    problems: tuple[str, ...]
    """What was left aside, one sentence a file."""


def open_source(directory: Path) -> Installation:
    """Look at every file of `directory`. MigrationError if there is no directory or no namespace's database in it."""
    by_suffix: dict[str, dict[str, Database]] = {suffix: {} for suffix in SUFFIXES}
    problems = []
    for path in _files(directory):
        name, suffix = _split(path.name)
        try:
            database = _open(path)
            if name not in _SPECIAL:
                check_name("namespace", name)
        except (MigrationError, StoreError) as error:
            reason = f"{name!r} is no name of a namespace" if isinstance(error, StoreError) else str(error)
            problems.append(f"{path.name}: {reason}; left aside")
            continue
        if name in by_suffix[suffix]:
            problems.append(f"{path.name}: a second file for {name}{suffix}; left aside")
            continue
        by_suffix[suffix][name] = database
    return _installation(directory, by_suffix, problems)


def _installation(
    directory: Path, by_suffix: Mapping[str, Mapping[str, Database]], problems: Sequence[str]
) -> Installation:
    named = {
        suffix: {name: database for name, database in sorted(databases.items()) if name not in _SPECIAL}
        for suffix, databases in by_suffix.items()
    }
    if not named[""]:
        left = f" ({'; '.join(problems[:3])})" if problems else ""
        raise MigrationError(
            f"{directory} holds no namespace's round-robin database{left}. Name the directory of the databases of the "
            "existing installation, the one with a file for every namespace"
        )
    return Installation(
        directory,
        usage=named[""],
        rf=named["__rf"],
        gpu=named["__gpu"],
        gpu_rf=named["__gpu__rf"],
        non_allocatable=by_suffix[""].get(NON_ALLOCATABLE),
        billing_rate=by_suffix[""].get(BILLING_RATE),
        problems=tuple(problems),
    )


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_file())
    except OSError as error:
        raise MigrationError(
            f"cannot read the directory {directory}: {error.strerror or error}. Name the directory of the databases of "
            "the existing installation"
        ) from error


def _split(file_name: str) -> tuple[str, str]:
    """Name and suffix that a file name stands for."""
    name = file_name.removesuffix(".rrd")
    suffix = next(suffix for suffix in SUFFIXES if name.endswith(suffix))
    return name.removesuffix(suffix), suffix


def _open(path: Path) -> Database:
    try:
        head = info(path)
    except LIBRRD_ERRORS as error:
        raise MigrationError(f"damaged or not readable ({cause_of(error, path)})") from error
    if not head:
        raise MigrationError("not a round-robin database")
    names = source_names(head)
    if names != set(LEGACY_SOURCES):
        raise MigrationError(
            f"not a database of KubeLedger's: it holds {', '.join(sorted(names))} instead of "
            f"{', '.join(LEGACY_SOURCES)}"
        )
    archives = {step: archive for step in (STEP, HOUR) if (archive := _chosen(list(_averages(head)), step))}
    if HOUR not in archives:
        raise MigrationError("it has no archive of averages from which hours follow")
    return Database(path, int(head["last_update"] or 0), int(head["step"] or STEP), archives)


def _chosen(archives: list[AverageArchive], step: int) -> tuple[AverageArchive, ...]:
    """Return the archive with rows of `step` seconds, else of those with a part of it the one that reaches furthest.

    What only longer rows reach back to is taken from them, for hours.
    """
    fitting = [archive for archive in archives if step % archive.seconds == 0]
    if not fitting:
        return ()
    best = max(fitting, key=lambda archive: (archive.seconds == step, archive.reach))
    longer = [archive for archive in archives if archive.seconds % HOUR == 0 and archive.reach > best.reach]
    return (*sorted(longer, key=lambda archive: -archive.seconds), best) if step == HOUR else (best,)


def _averages(head: Mapping[str, int | float | str | None]) -> Iterator[AverageArchive]:
    for archive in [key.removesuffix(".cf") for key, function in head.items() if function == "AVERAGE"]:
        seconds = int(head["step"] or 0) * int(head[f"{archive}.pdp_per_row"] or 0)
        if seconds > 0:
            yield AverageArchive(seconds, int(head[f"{archive}.rows"] or 0))
