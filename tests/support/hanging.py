"""`python -m tests.support.hanging`: `kl-mcp` on a file system that stops answering.

$HANGS_WHILE_LOADING names a generation whose load never returns; with $HANGS_AT_CERTIFICATES no look at the files of a
certificate does. Standard error then says `hanging`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from kl_mcp.cli import main
from kl_mcp.transport import tls
from kl_query import dataset
from kl_query.dataset import Dataset, load_dataset


def hang(*_: Any) -> None:
    """Read from a pipe into which nobody ever writes."""
    reader, _writer = os.pipe()
    os.write(2, b"hanging\n")
    os.read(reader, 1)


def load(directory: Path, **options: Any) -> Dataset:
    """Load what is published, or hang."""
    loaded = load_dataset(directory, **options)
    if str(loaded.generation) == os.environ.get("HANGS_WHILE_LOADING"):
        hang()
    return loaded


if __name__ == "__main__":
    dataset.load_dataset = load
    if "HANGS_AT_CERTIFICATES" in os.environ:
        setattr(tls.TlsFiles, tls.TlsFiles.look.__name__, hang)
    sys.exit(main())
