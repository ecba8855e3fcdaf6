"""What was wrong, or is to be known, of the files of an existing KubeLedger when they were loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from kl_core.vocabulary import ScaleName
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, Text, text, warning

NOTE = warning(
    Code.LEGACY_FILES,
    "KubeLedger's own files: amounts are relative, so core-hours, capacity, idle and coverage are null; the hour from "
    "23 to 24 counts to the next day, as in KubeLedger.",
)
NO_POINT = warning(
    Code.NO_HOURLY_POINT,
    "No hourly point is known: when the last sample was and how many hours of its buckets have data is unknown, and so "
    "is efficiency.",
)
NO_WHOLE_HOUR_YET = warning(
    Code.NO_WHOLE_HOUR_YET,
    "KubeLedger fills its daily and monthly files after its first full hour: until then ask for hourly_7d.",
)


def no_usable_file(backend: Path, found: Iterable[DataWarning]) -> DataWarning:
    """Say that there are files and none of them can be used; `found` is what is wrong with them."""
    return warning(
        Code.NO_USABLE_FILE,
        "{directory} holds {backend} and no usable data file: KubeLedger writes them some minutes after its first "
        "sample. {found}",
        directory=Plain(str(backend.parent)),
        backend=Plain(backend.name),
        found=tuple(each.said for each in found),
    )


def cost_model_unknown(directory: Path, fault: Text, allowed: Iterable[Plain]) -> DataWarning:
    """Say that no cost model was ever read."""
    return warning(
        Code.COST_MODEL_UNKNOWN,
        "{directory} holds files of an existing KubeLedger whose cost model is not known: {fault}. It must say "
        "cost_model, one of {allowed}; KubeLedger writes it when it starts.",
        directory=Plain(str(directory)),
        fault=fault,
        allowed=Plain(", ".join(allowed)),
    )


def cost_model_kept(fault: Text) -> DataWarning:
    """Say that the cost model is one that was read before."""
    return warning(Code.COST_MODEL_KEPT, "{fault}; the cost model is that of the last good one.", fault=fault)


def left_out(fault: Text) -> DataWarning:
    """Say that a file which not every installation writes is left out."""
    return warning(Code.FILE_LEFT_OUT, "{fault}: what it holds is left out.", fault=fault)


def kept(fault: Text) -> DataWarning:
    """Say that what a file held before answers."""
    return warning(Code.FILE_KEPT, "{fault}: answers use its last good content.", fault=fault)


def unknown(fault: Text) -> DataWarning:
    """Say that a file was never usable."""
    return warning(Code.FILE_UNKNOWN, "{fault}: what it holds is unknown.", fault=fault)


def rows_left_out(file: Plain, rows: int, *, dated: bool) -> DataWarning:
    """Say that rows of a file are no rows; `dated`, or that they are of later than the file."""
    return warning(
        Code.ROWS_LEFT_OUT,
        "{file}: {rows} row(s) {why}: left out.",
        file=file,
        rows=rows,
        why=text("could not be read, or are of later than the file itself" if dated else "could not be read"),
    )


def dates_left_out(dates: int, scale: ScaleName) -> DataWarning:
    """Say that dates are none of the window of their file."""
    return warning(
        Code.DATES_LEFT_OUT,
        "{dates} date(s) of {scale} are unreadable or outside its window: left out.",
        dates=dates,
        scale=Plain(scale),
    )


def files_empty(files: Iterable[Plain]) -> DataWarning:
    """Say that files hold empty lists."""
    return warning(
        Code.FILES_EMPTY,
        "What belongs into {files} is unknown: the lists in there are empty.",
        files=Plain(", ".join(files)),
    )


def rows_converted(rows: Sequence[tuple[Plain, int]]) -> DataWarning:
    """Say that rows of these kinds, of so many seconds, are no hours."""
    return warning(
        Code.ROWS_CONVERTED,
        "KubeLedger polls at another interval than 5 minutes, so that its files add up other rows than hours ({rows}), "
        "as the finer files show: amounts are converted to hours.",
        rows=Plain(", ".join(f"{kind} of {_length(seconds)}" for kind, seconds in rows)),
    )


def sums_contradict(coarse: Plain, fine: Plain) -> DataWarning:
    """Say that coarser amounts are not the sums of the finer ones."""
    return warning(
        Code.SUMS_CONTRADICT,
        "The {coarse} in KubeLedger's files are not the sums of its {fine}, whatever the polling interval: their "
        "amounts and efficiency may be wrong.",
        coarse=coarse,
        fine=fine,
    )


def _length(seconds: int) -> Plain:
    return Plain(f"{seconds // 60} min" if seconds < 3600 else f"{seconds / 3600:g} h")
