"""Real file systems that are nearly full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KIB = 1024


@contextmanager
def small_disk(directory: Path, kib: int) -> Iterator[Path]:
    """A file system of `kib` KiB, mounted at `directory`; the test is skipped where nothing can be mounted."""
    directory.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(directory)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting needs root")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def leave_free(directory: Path, kib: int) -> Path:
    """Fills the file system of `directory` up to `kib` KiB; the file that takes the rest."""
    status = os.statvfs(directory)
    filler = directory / "filler"
    filler.write_bytes(b"x" * (status.f_bavail * status.f_frsize - kib * KIB))
    return filler
