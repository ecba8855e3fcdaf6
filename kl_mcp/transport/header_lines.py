"""Refuses requests whose header lines end in a bare line feed, which other programs on the way may read otherwise."""

import re

import h11
from h11._receivebuffer import ReceiveBuffer

BARE_LINE_FEED = re.compile(rb"(?<!\r)\n")


class StrictLines(ReceiveBuffer):
    """What h11 keeps of a connection's bytes. h11 itself takes a bare line feed for the end of a header line."""

    _in_headers = False

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """Take the lines up to the first empty one. Raise `h11.RemoteProtocolError` where one ends wrongly."""
        self._in_headers = True
        try:
            return super().maybe_extract_lines()
        finally:
            self._in_headers = False

    def _extract(self, count: int) -> bytearray:
        taken = super()._extract(count)
        if self._in_headers and BARE_LINE_FEED.search(taken):
            raise h11.RemoteProtocolError("a line of the header ends in a bare line feed")
        return taken


def strict(connection: h11.Connection) -> None:
    """Make a connection that has read nothing yet refuse such requests."""
    connection._receive_buffer = StrictLines()  # noqa: SLF001 -- h11 has no setting for it
