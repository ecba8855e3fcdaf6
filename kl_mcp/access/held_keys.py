"""The issuer's keys as they were last read, which go out of force when they cannot be read for too long."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kl_mcp.access.jwks import KeySet

logger = logging.getLogger(__name__)

KEY_SET_OUTCOMES = READ, EMPTY, FAILED, LAPSED = "read", "empty", "failed", "lapsed"
"""What came of reading a set, as it is counted: it can be used; it can, and withdraws all keys; it cannot; and the keys
before it went out of force, because none could be read for `KEPT_SECONDS`."""
KEPT_SECONDS = 300.0
"""How long keys stay in force after they were last read, where they cannot be read again."""
KEPT = f"The keys that were read before stay in force until {KEPT_SECONDS:g} s after they were last read."
NONE = "Callers with JWTs are answered 503 until it can."


class HeldKeys:
    """The set of one place. A set without keys is a set: it withdraws those before it."""

    def __init__(self, place: str, count: Callable[[str], None], elapsed: Callable[[], float]) -> None:
        """Hold nothing yet. `place` is for the log; `count` is told each outcome.

        `elapsed` is a clock in seconds that never goes back.
        """
        self._named = f"The key set {place} (KL_MCP_JWT_JWKS)"
        self._count = count
        self._elapsed = elapsed
        self._set: KeySet | None = None
        self._read_at = 0.0
        self._problem: str | None = None

    @property
    def failing(self) -> bool:
        """Tell whether the latest attempt to read the set failed."""
        return self._problem is not None

    def current(self) -> KeySet | None:
        """Return the keys in force; None while none were read, or too long ago."""
        if self._set is not None and self._elapsed() - self._read_at >= KEPT_SECONDS:
            self._set = None
            self._count(LAPSED)
            logger.error(
                "%s could not be read for %g s: its keys are no longer in force. %s", self._named, KEPT_SECONDS, NONE
            )
        return self._set

    def accept(self, keys: KeySet, at: float) -> None:
        """Put `keys` in force, as they were `at` that time of the clock."""
        self._count(READ if keys.keys else EMPTY)
        if self.failing or keys != self._set:
            self._announce(keys)
        self._set, self._read_at, self._problem = keys, at, None

    def confirm(self, at: float) -> None:
        """Note that the keys were still the same `at` that time of the clock."""
        self._read_at = at

    def fail(self, why: str) -> None:
        """Note that the set could not be read or used; `why` goes on after its name."""
        self._count(FAILED)
        after = NONE if self.current() is None else KEPT
        if why != self._problem:
            logger.error("%s %s. %s", self._named, why, after)
        self._problem = why

    def _announce(self, keys: KeySet) -> None:
        if keys.keys:
            logger.info("%s holds %d keys that can be used.", self._named, len(keys.keys))
        else:
            logger.warning("%s holds no key that can be used: every JWT is refused until it does.", self._named)
        for reason in keys.left_out:
            logger.warning("%s: %s.", self._named, reason)
