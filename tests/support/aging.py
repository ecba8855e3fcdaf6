"""`kl-mcp` whose keys and tokens age as a test says: by the seconds in the file that AGED_BY names, besides real time.

Keys at an address are fetched, and files looked at while nobody calls, every fifth of a second.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from pathlib import Path

from kl_mcp.access import identify, key_sources, keys_at_url
from kl_mcp.cli import main


def age(file: Path, seconds: float) -> None:
    """Make everything that many seconds older than it is."""
    fresh = file.with_suffix(".new")
    fresh.write_text(str(seconds))
    fresh.rename(file)


if __name__ == "__main__":
    aged_by = Path(os.environ.pop("AGED_BY"))

    def elapsed() -> float:
        return time.monotonic() + float(aged_by.read_text())

    for name in ("KeysAtUrl", "KeysInFile", "TokensFile"):
        setattr(identify, name, functools.partial(getattr(identify, name), elapsed=elapsed))
    key_sources.IDLE_LOOK_SECONDS = keys_at_url.REFRESH_SECONDS = 0.2
    keys_at_url.RETRY_SECONDS = 0.2  # type: ignore[assignment] # whole seconds, because clients are told them
    keys_at_url.FETCH_SECONDS = 2.0
    sys.exit(main())
