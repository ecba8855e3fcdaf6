"""Published files appear whole: written under another name, synced, renamed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

UNFINISHED = ".unfinished"


def put(path: Path, content: bytes, unfinished_suffix: str = UNFINISHED) -> None:
    """Puts `content` under `path` so that readers see the old file or the new one.

    OSError if that is impossible; then nothing is left of the attempt. The directory is not synced.
    """
    unfinished = path.with_name(path.name + unfinished_suffix)
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
