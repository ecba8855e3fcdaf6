"""What is said when the operating system refuses a publication."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.errors import PublishError
from collector.space import reason


@contextmanager
def explained(path: Path, setting: str, what: str = "the dataset") -> Iterator[None]:
    """Turn an OSError into a PublishError that names `what` is published, where, and the `setting` that says so."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileExistsError | NotADirectoryError):
            cause = "it, or a directory above it, is not a directory"
        else:
            cause = reason(error, path)
        raise PublishError(
            f"cannot publish {what} to {path}: {cause}. {setting} has to be a directory that this user may write, "
            "with free space. What was published before can still be read."
        ) from error
