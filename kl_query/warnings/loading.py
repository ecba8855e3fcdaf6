"""What was wrong when a published dataset was loaded."""

from __future__ import annotations

from pathlib import Path

from kl_core.vocabulary import ScaleName
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, Text, text, warning

NO_PROBLEM = text("")
NOT_LOOKED_YET = warning(Code.DATASET_LOADING, "The dataset is being loaded; ask again in a few seconds.")


def directory_unreadable(directory: Path, error: OSError) -> DataWarning:
    """Say that a directory cannot be looked into."""
    return warning(
        Code.DATASET_UNREADABLE,
        "The data directory {directory} cannot be read ({reason}): let the user this server runs as read it and enter "
        "it.",
        directory=_path(directory),
        reason=_reason(error),
    )


def manifest_unreadable(path: Path, error: OSError) -> DataWarning:
    """Say that a manifest is there and cannot be read."""
    return warning(
        Code.DATASET_UNREADABLE,
        "{path} cannot be read ({reason}): let this process read it.",
        path=_path(path),
        reason=_reason(error),
    )


def manifest_unfit(path: Path, error: OSError) -> DataWarning:
    """Say that what is there is no file to be read."""
    return warning(
        Code.DATASET_UNREADABLE,
        "{path} cannot be used: {reason}. Remove it; the collector publishes a new one at its next tick.",
        path=_path(path),
        reason=_reason(error),
    )


def no_directory(directory: Path, *, exists: bool) -> DataWarning:
    """Say that what was given as a directory is none."""
    return warning(
        Code.DATASET_MISSING,
        "The data directory {directory} {what}. If that is kl-collector's KL_DATA_DIR, it appears with the first tick, "
        "within one polling interval of its start; otherwise pass that one as --data-dir.",
        directory=_path(directory),
        what=text("is not a directory" if exists else "does not exist"),
    )


def no_manifest(manifest: Path) -> DataWarning:
    """Say that nothing was published yet."""
    return warning(
        Code.DATASET_MISSING,
        "{directory} holds no {manifest} yet: the collector publishes it after its first tick, within one polling "
        "interval of its start. Check that kl-collector runs and that its KL_DATA_DIR is this directory.",
        directory=_path(manifest.parent),
        manifest=Plain(manifest.name),
    )


def manifest_truncated(path: Path) -> DataWarning:
    """Say that a manifest is no JSON object."""
    return warning(
        Code.DATASET_DAMAGED,
        "{path} is truncated or not JSON of a KubeLedger dataset: the collector replaces it at its next tick; if it "
        "stays so, point --data-dir at the directory the collector publishes to (KL_DATA_DIR).",
        path=_path(path),
    )


def manifest_malformed(path: Path, fault: Text) -> DataWarning:
    """Say that a manifest does not have the form of its schema."""
    return warning(
        Code.DATASET_DAMAGED, "{path} is not a usable dataset manifest: {fault}.", path=_path(path), fault=fault
    )


def load_failed(directory: Path, error: Exception) -> DataWarning:
    """Say that a load ended in a way that nobody foresaw."""
    return warning(
        Code.LOAD_FAILED,
        "The dataset in {directory} could not be loaded ({kind}); see the log.",
        directory=_path(directory),
        kind=Plain(type(error).__name__),
    )


def earlier_generation(problem: DataWarning, generation: int) -> DataWarning:
    """Say that a load failed and an earlier one answers."""
    return warning(
        Code.EARLIER_GENERATION,
        "{problem} Answers come from generation {generation}, which was loaded before.",
        problem=problem.said,
        generation=generation,
    )


def scale_unreadable(problem: Text, scale: ScaleName, minutes: int) -> DataWarning:
    """Say that a scale is missing from this generation."""
    return warning(
        Code.SCALE_UNREADABLE,
        "{problem}; answers on {scale} are empty until the collector publishes the next generation, due every "
        "{minutes} min.",
        problem=problem,
        scale=Plain(scale),
        minutes=minutes,
    )


def nodes_unreadable(problem: Text) -> DataWarning:
    """Say that the nodes are missing from this generation."""
    return warning(
        Code.NODES_UNREADABLE,
        "{problem}; what is known of nodes is missing until the next generation is published.",
        problem=problem,
    )


def missing(file: Plain) -> Text:
    """Say that a file is not there."""
    return text("{file} is missing", file=file)


def unreadable(file: Plain, error: OSError) -> Text:
    """Say that a file is there and cannot be read."""
    return text("{file} cannot be read ({reason})", file=file, reason=_reason(error))


def too_large(file: Plain, size: int, most: int) -> Text:
    """Say that a file is not even read."""
    return text(
        "{file} is not read: the manifest says it has {size:,} bytes, and at most {most:,} are loaded",
        file=file,
        size=size,
        most=most,
    )


def of_other_size(file: Plain, found: int, expected: int) -> Text:
    """Say that a file is not the one the manifest names."""
    return text(
        "{file} is damaged: {found} bytes where the manifest says {expected}",
        file=file,
        found=found,
        expected=expected,
    )


def of_other_content(file: Plain) -> Text:
    """Say the same of a file of the right size."""
    return text("{file} is damaged: its SHA-256 is not the manifest's", file=file)


def unusable(file: Plain, fault: Text) -> Text:
    """Say that a file does not have the form of its schema."""
    return text("{file} cannot be used: {fault}", file=file, fault=fault)


def _path(path: Path) -> Plain:
    return Plain(str(path))


def _reason(error: OSError) -> Plain:
    return Plain(str(error.strerror))
