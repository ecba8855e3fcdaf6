"""The issuer's keys as they were last read, out of force when they cannot be read for too long; and from a file."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from kl_core.errors import SettingsError
from kl_core.regular_files import read_regular
from kl_core.watched_file import ChangingFile
from kl_mcp.access.jwks import MAX_SET_BYTES, KeySet, parse_key_set

logger = logging.getLogger(__name__)

KEY_SET_OUTCOMES = READ, EMPTY, FAILED, LAPSED = "read", "empty", "failed", "lapsed"
"""What came of reading a set, as it is counted: it can be used; it can, and withdraws all keys; it cannot; and the keys
before it went out of force, because none could be read for `KEPT_SECONDS`."""
KEPT_SECONDS = 300.0
"""How long keys stay in force after they were last read, where they cannot be read again."""
KEPT = f"The keys that were read before stay in force until {KEPT_SECONDS:g} s after they were last read."
NONE = "Callers with JWTs are answered 503 until it can."
IDLE_LOOK_SECONDS = 10.0
"""How often a file is looked at while no token makes it be."""


class KeySource(ABC):
    """The set of one place. A set without keys is a set: it withdraws those before it.

    One that cannot be read or used later on leaves the set before it in force for a while.
    """

    def __init__(self, place: str, count: Callable[[str], None], elapsed: Callable[[], float]) -> None:
        """Hold nothing yet. `place` is for the log; `count` is told each outcome.

        `elapsed` is a clock in seconds that never goes back.
        """
        self._named = f"The key set {place} (KL_MCP_JWT_JWKS)"
        self._count = count
        self._elapsed = elapsed
        self._set: KeySet | None = None
        self._read_at = 0.0
        self.problem: str | None = None
        """Why the latest attempt to read the set failed; None where it did not."""

    def in_force(self) -> KeySet | None:
        """Return the keys as they were last read; None while none were, or too long ago."""
        if self._set is not None and self._elapsed() - self._read_at >= KEPT_SECONDS:
            self._set = None
            self._count(LAPSED)
            logger.error(
                "%s could not be read for %g s: its keys are no longer in force. %s", self._named, KEPT_SECONDS, NONE
            )
        return self._set

    def current(self) -> KeySet | None:
        """Return the keys in force."""
        return self.in_force()

    @abstractmethod
    async def renewed(self) -> KeySet | None:
        """Return the keys, read again unless that was done just now: a token names one that is not among them."""

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Keep the set fresh while the server runs. The first attempt to read it has ended when this is entered."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_fresh)
            yield
            tasks.cancel_scope.cancel()

    @abstractmethod
    async def _keep_fresh(self) -> None:
        """Read the set now and then, for ever."""

    def accept(self, keys: KeySet, at: float) -> None:
        """Put `keys` in force, as they were `at` that time of the clock."""
        self._count(READ if keys.keys else EMPTY)
        if self.problem or keys != self._set:
            self._announce(keys)
        self._set, self._read_at, self.problem = keys, at, None

    def fail(self, why: str) -> None:
        """Note that the set could not be read or used; `why` goes on after its name."""
        self._count(FAILED)
        after = NONE if self.in_force() is None else KEPT
        if why != self.problem:
            logger.error("%s %s. %s", self._named, why, after)
        self.problem = why

    def _announce(self, keys: KeySet) -> None:
        if keys.keys:
            logger.info("%s holds %d keys that can be used.", self._named, len(keys.keys))
        else:
            logger.warning("%s holds no key that can be used: every JWT is refused until it does.", self._named)
        for reason in keys.left_out:
            logger.warning("%s: %s.", self._named, reason)


class KeysInFile(KeySource):
    """A set in a file, which has to be readable at the start."""

    def __init__(
        self, path: Path, count: Callable[[str], None], *, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file. `count` is told what comes of it, as in `KEY_SET_OUTCOMES`. Raise `SettingsError`."""
        self._file = ChangingFile(path, elapsed)
        super().__init__(str(path), count, elapsed)
        try:
            self._read()
        except ValueError as error:
            raise SettingsError(f"The key set {path} (KL_MCP_JWT_JWKS) {error}.") from None

    def current(self) -> KeySet | None:
        """Return the keys of the file, at most a second old; None where it could not be read for too long."""
        return self._looked(at_once=False)

    async def renewed(self) -> KeySet | None:
        """Return the keys of the file as it is."""
        return self._looked(at_once=True)

    async def _keep_fresh(self) -> None:
        while True:
            await anyio.sleep(IDLE_LOOK_SECONDS)
            try:
                self.current()
            except Exception:  # the server goes on
                logger.exception("Reading the key set failed in a way that was not foreseen")
                self.fail("cannot be read")

    def _looked(self, *, at_once: bool) -> KeySet | None:
        if self._file.has_changed(at_once=at_once):
            try:
                self._read()
            except ValueError as error:
                self.fail(str(error))
        elif self._file.is_taken_up:
            self._read_at = self._file.there_at
        return self.in_force()

    def _read(self) -> None:
        self.accept(_read_file(self._file.path), self._file.there_at)
        self._file.taken_up()


def _read_file(path: Path) -> KeySet:
    """Return the keys of a file. Raise ValueError with what is wrong, in words that go on after its name."""
    try:
        return parse_key_set(read_regular(path, MAX_SET_BYTES))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"cannot be used: {error}") from None
