"""Standard error that keeps nobody waiting: clients may leave it unread, and a full pipe blocks whoever writes."""

import io
import os
import select
import threading

MAX_KEPT_BYTES = 256 * 1024
"""Kept until there is room to write it. What comes beyond is lost, and counted."""


class UnblockedStandardError(io.TextIOBase):
    """Writes to a descriptor what it takes at once; keeps the rest, in order, for the next write that finds room."""

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._kept = bytearray()
        self._lost = 0
        self._lock = threading.Lock()

    def writable(self) -> bool:
        """Tell that this is for writing, as `print` and logging want to know."""
        return True

    def write(self, text: str) -> int:
        """Write or keep `text`. Raise nothing: there is nobody to tell."""
        with self._lock:
            self._write_kept()
            if len(self._kept) < MAX_KEPT_BYTES:
                self._kept += text.encode(errors="backslashreplace")
            else:
                self._lost += 1
            self._write_kept()
        return len(text)

    def flush(self) -> None:
        """Write what was kept, as far as there is room."""
        with self._lock:
            self._write_kept()

    def _write_kept(self) -> None:
        try:
            while self._kept and self._has_room():
                # A pipe with room takes so much in one piece.
                del self._kept[: os.write(self._descriptor, self._kept[: select.PIPE_BUF])]
                if self._lost and not self._kept:
                    self._kept += b"%d records were lost: nobody read standard error.\n" % self._lost
                    self._lost = 0
        except OSError:  # closed, or nobody can read it any more
            self._kept.clear()

    def _has_room(self) -> bool:
        return bool(select.select((), (self._descriptor,), (), 0)[1])
