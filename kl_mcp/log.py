"""Logging of `kl-mcp`: one line a record on standard error, times in UTC."""

from __future__ import annotations

import logging
import sys
import time

FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s"
CHATTY = ("mcp", "uvicorn", "asyncio")
TELLING = ("httpx2", "httpcore2")
"""Whose lines below warning hold whole addresses and headers, and so what a log must not have."""


def configure(level: str) -> None:
    """Send the logs of the whole process to standard error at `level` (debug, info, warning, error).

    The SDK and uvicorn announce every request and session at info; their lines appear from warning on, and in full at
    debug.
    """
    formatter = logging.Formatter(FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in CHATTY:
        quietest = root.level if root.level <= logging.DEBUG else max(root.level, logging.WARNING)
        logging.getLogger(name).setLevel(quietest)
    for name in TELLING:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
