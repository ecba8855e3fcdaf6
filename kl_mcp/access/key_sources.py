"""Where the keys of an issuer come from: what every source offers, and a file that is read again when it changes."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import anyio

from kl_core.errors import SettingsError
from kl_core.regular_files import read_regular
from kl_core.watched_file import ChangingFile
from kl_mcp.access.held_keys import HeldKeys
from kl_mcp.access.jwks import MAX_SET_BYTES, KeySet, parse_key_set

logger = logging.getLogger(__name__)

IDLE_LOOK_SECONDS = 10.0
"""How often a file is looked at while no token makes it be."""


class KeysError(SettingsError):
    """A key set cannot be used. The message says where it came from and why."""


class KeySource(Protocol):
    """Holds the latest set. One that cannot be read or used later on leaves the set before it in force for a while."""

    def current(self) -> KeySet | None:
        """Return the keys; None while none have been read, or too long ago."""
        ...

    async def renewed(self) -> KeySet | None:
        """Return the keys, read again unless that was done just now: a token names one that is not among them."""
        ...

    def kept_fresh(self) -> AbstractAsyncContextManager[None]:
        """Keep the set fresh while the server runs. The first attempt to read it has ended when this is entered."""
        ...


class KeysInFile:
    """A set in a file, which has to be readable at the start."""

    def __init__(
        self, path: Path, count: Callable[[str], None], *, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file. `count` is told what comes of it, as in `held_keys`. Raise `KeysError`."""
        self._file = ChangingFile(path, elapsed)
        self._held = HeldKeys(str(path), count, elapsed)
        try:
            self._read()
        except ValueError as error:
            raise KeysError(f"The key set {path} (KL_MCP_JWT_JWKS) {error}.") from None

    def current(self) -> KeySet | None:
        """Return the keys of the file, at most a second old; None where it could not be read for too long."""
        return self._looked(at_once=False)

    async def renewed(self) -> KeySet | None:
        """Return the keys of the file as it is."""
        return self._looked(at_once=True)

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Look at the file now and then, besides with each token."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep_looking)
            yield
            tasks.cancel_scope.cancel()

    async def _keep_looking(self) -> None:
        while True:
            await anyio.sleep(IDLE_LOOK_SECONDS)
            try:
                self.current()
            except Exception:  # the server goes on
                logger.exception("Reading the key set failed in a way that was not foreseen")
                self._held.fail("cannot be read")

    def _looked(self, *, at_once: bool) -> KeySet | None:
        if self._file.has_changed(at_once=at_once):
            try:
                self._read()
            except ValueError as error:
                self._held.fail(str(error))
        elif self._file.is_taken_up:
            self._held.confirm(self._file.there_at)
        return self._held.current()

    def _read(self) -> None:
        self._held.accept(_read_file(self._file.path), self._file.there_at)
        self._file.taken_up()


def _read_file(path: Path) -> KeySet:
    """Return the keys of a file. Raise ValueError with what is wrong, in words that go on after its name."""
    try:
        return parse_key_set(read_regular(path, MAX_SET_BYTES))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"cannot be used: {error}") from None
