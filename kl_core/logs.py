"""Logging of every program: one line a record on standard error, in UTC, without secrets."""

import logging
import sys
from collections.abc import Iterable
from typing import TextIO

from kl_core.calendar import iso

HIDDEN = "[hidden]"
OWN = ("kl_core", "kl_query", "kl_mcp", "collector")
"""Whose records appear from the chosen level on; those of libraries from warning on, and in full at debug."""
NEVER_BELOW = {"urllib3": logging.ERROR, "httpx2": logging.WARNING, "httpcore2": logging.WARNING}
"""Of libraries whose milder records hold whole addresses and headers, and so what a log must not have."""


class _OneLine(logging.Formatter):
    """`2026-11-21T14:05:00.000Z INFO collector.tick: message`; line breaks become ` | `, secrets are blotted out."""

    def __init__(self, secrets: Iterable[str | None]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        # Longest first, so that a secret that holds another does not leave its rest behind.
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        return iso(record.created, "milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return " | ".join(line.rstrip() for line in text.splitlines() if line.strip())


def set_up(level: str, secrets: Iterable[str | None] = (), stream: TextIO | None = None) -> None:
    """Send the records of the whole process to `stream` (standard error), replacing handlers that were there.

    `level` is one of debug, info, warning and error in any case. `secrets` are never written, wherever they come from.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_OneLine(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in OWN:
        logging.getLogger(name).setLevel(root.level)
    if root.level > logging.DEBUG:
        root.setLevel(max(root.level, logging.WARNING))
    for name, mildest in NEVER_BELOW.items():
        logging.getLogger(name).setLevel(max(root.level, mildest))
