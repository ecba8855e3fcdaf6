"""Logging: one line a record on standard error, in UTC, without secrets."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable
from typing import TextIO

HIDDEN = "[hidden]"


class _OneLine(logging.Formatter):
    """`2026-11-21T14:05:00Z WARNING collector.tick message`; line breaks become ` | `, secrets are blotted out."""

    converter = staticmethod(time.gmtime)

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        # Longest first, so that a secret that holds another does not leave its rest behind.
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return " | ".join(line.rstrip() for line in text.splitlines() if line.strip())


def set_up(level: str, secrets: Iterable[str | None] = (), stream: TextIO | None = None) -> None:
    """Sends all records from `level` on to `stream` (standard error), replacing handlers that were there.

    `secrets` are never written, wherever they come from. Libraries are held at WARNING unless `level` is DEBUG, and
    urllib3 always, since its records tell whole URLs.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_OneLine(secret for secret in secrets if secret))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level if level == "DEBUG" else max(logging.WARNING, logging.getLevelName(level)))
    for name in ("collector", "kl_core"):
        logging.getLogger(name).setLevel(level)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
