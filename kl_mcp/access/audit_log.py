"""The audit log: one JSON line for each tool call and each resource that was read."""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from kl_core.calendar import iso
from kl_core.errors import SettingsError
from kl_core.watched_file import mark_of
from kl_mcp.access.callers import Caller

logger = logging.getLogger(__name__)

MAX_ARGUMENT_CHARS = 4_000
"""Characters of arguments, as JSON, that are kept of a call."""
MAX_NAME_CHARS = 100
LISTS = ("namespaces", "series", "ranking", "breakdown", "efficiency", "comparisons", "movers", "members")
"""The fields of answers that hold one element a row."""


def rows_of(answer: Mapping[str, Any] | None) -> int | None:
    """Count the rows that an answer lists; None where it lists nothing, and for an error."""
    lists = (answer[name] for name in LISTS if isinstance(answer.get(name), list)) if answer else ()
    return max(map(len, lists), default=None)


class Audit:
    """Writes the lines. Without a destination it writes none."""

    def __init__(self, destination: str = "", clock: Callable[[], float] = time.time) -> None:
        """Open `destination`: a file that is appended to, `-` for standard error, "" for none.

        Raise `SettingsError`.
        """
        self._clock = clock
        self._write = _writer(destination)

    def record(
        self,
        caller: Caller,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        answer: Mapping[str, Any] | None = None,
        size: int,
        seconds: float,
        error: str | None,
    ) -> None:
        """Write the line of one call; `size` is that of the answer's text in bytes, `error` its code."""
        if self._write is None:
            return
        line = orjson.dumps(
            {
                "time": iso(self._clock(), "milliseconds"),
                "caller": caller.name,
                "tool": _printable(tool)[:MAX_NAME_CHARS],
                "arguments": _bounded(arguments),
                "rows": rows_of(answer),
                "bytes": size,
                "ms": round(seconds * 1000, 3),
                "error": error,
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        self._write(line)


def _bounded(arguments: Mapping[str, Any]) -> Any:
    """Return the arguments; as the beginning of their JSON where they are longer than what is kept, or have none."""
    try:
        written = orjson.dumps(arguments)
    except TypeError:  # nested too deeply, or text with half a character in it
        return _printable(_represented(arguments))[:MAX_ARGUMENT_CHARS]
    return arguments if len(written) <= MAX_ARGUMENT_CHARS else written[:MAX_ARGUMENT_CHARS].decode(errors="replace")


def _represented(arguments: Mapping[str, Any]) -> str:
    try:
        return repr(arguments)
    except RecursionError:
        return f"nested too deeply: {', '.join(arguments)}"


def _printable(text: str) -> str:
    return text.encode(errors="replace").decode()


class _File:
    """A file of mode 600 that is opened anew when it was moved away, as log rotation does. One write a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = _opened(path)
        self._failing = False

    def __call__(self, line: bytes) -> None:
        try:
            self._reopen_if_moved()
            os.write(self._descriptor, line)
        except OSError as error:
            if not self._failing:
                logger.error("The audit log %s cannot be written, calls go unrecorded: %s", self._path, error.strerror)  # noqa: TRY400 -- no traceback
            self._failing = True
            return
        if self._failing:
            self._failing = False
            logger.warning("The audit log %s is written again.", self._path)

    def _reopen_if_moved(self) -> None:
        opened, current = os.fstat(self._descriptor), mark_of(self._path)
        if current is None or (current.device, current.inode) != (opened.st_dev, opened.st_ino):
            reopened = _opened(self._path)
            os.close(self._descriptor)
            self._descriptor = reopened


def _opened(path: Path) -> int:
    # A named pipe that nobody reads, or not fast enough, loses lines and must not keep the server waiting.
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)


def _standard_error(line: bytes) -> None:
    sys.stderr.write(line.decode())
    sys.stderr.flush()


def _writer(destination: str) -> Callable[[bytes], None] | None:
    if not destination:
        return None
    if destination == "-":
        return _standard_error
    path = Path(destination).expanduser()
    try:
        return _File(path)
    except OSError as error:
        raise SettingsError(
            f"The audit log {path} cannot be written: {error.strerror}. Set KL_MCP_AUDIT_LOG to a file that this "
            "process may append to, or to - for standard error."
        ) from None
