"""A user whom permissions bind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A directory of a user whom permissions bind, which they do not bind root; the effective user inside the block."""
    directory = Path(tempfile.mkdtemp(dir="/tmp"))
    root = os.geteuid() == 0
    try:
        if root:
            os.chown(directory, 65534, 65534)
            try:
                os.seteuid(65534)
            except PermissionError:
                pytest.skip("root without the right to become another user")
        yield directory
    finally:
        if root:
            with suppress(PermissionError):
                os.seteuid(0)
        for folder, _, _ in os.walk(directory):
            Path(folder).chmod(0o700)
        shutil.rmtree(directory)
