"""Logs whom the server refused and why, so sparingly that nobody can fill the log from outside."""

import logging
import time
from collections.abc import Callable

from starlette.types import Scope

MAX_LINES_PER_MINUTE = 10
MINUTE_SECONDS = 60.0


class RefusalLog:
    """Logs the first refusals of each minute with the caller's address, and how many came after them."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._minute_began = float("-inf")
        self._logged = 0
        self._counted = 0

    def note(self, scope: Scope, why: str) -> None:
        """Log that the request of this ASGI scope was refused, or count it."""
        now = self._clock()
        if now - self._minute_began >= MINUTE_SECONDS:
            if self._counted:
                self._logger.warning("Refused %d more requests for such reasons.", self._counted)
            self._minute_began, self._logged, self._counted = now, 0, 0
        if self._logged == MAX_LINES_PER_MINUTE:
            self._counted += 1
            return
        self._logged += 1
        more = " More of this minute are only counted." if self._logged == MAX_LINES_PER_MINUTE else ""
        self._logger.warning("Refused a request from %s: %s%s", address_of(scope), why, more)


def address_of(scope: Scope) -> str:
    """Return the address at the other end of the connection: the caller's, or that of a proxy in between."""
    client = scope.get("client")
    return client[0] if client else "an unknown address"
