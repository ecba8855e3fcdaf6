"""Where the keys of an issuer come from: what every source offers, and a file that is read again when it changes."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from kl_mcp.access.changing_file import ChangingFile
from kl_mcp.access.jwks import LARGEST_SET, KeySet, parse_key_set
from kl_mcp.errors import SettingsError

logger = logging.getLogger(__name__)

READ, FAILED = "read", "failed"
"""What came of an attempt to read a set, as it is counted."""
KEPT = "The keys that were read before stay in force."


class KeysError(SettingsError):
    """A key set cannot be used. The message says where it came from and why."""


class KeySource(Protocol):
    """Holds the latest usable set. One that cannot be read or used later on leaves the set before it in force."""

    def current(self) -> KeySet | None:
        """The keys; None while none have been read yet."""
        ...

    async def renewed(self) -> KeySet | None:
        """The keys, read again where that was not done just now: a token names one that is not among them."""
        ...

    def kept_fresh(self) -> AbstractAsyncContextManager[None]:
        """Keep the set fresh while the server runs. The first attempt to read it has ended when this is entered."""
        ...


class KeysInFile:
    """A set in a file, which has to be usable at the start."""

    def __init__(self, path: Path, reads: Counter[str], *, elapsed: Callable[[], float] = time.monotonic) -> None:
        """Read the file. `reads` counts attempts by READ and FAILED. Raises `KeysError`."""
        self._file = ChangingFile(path, elapsed)
        self._reads = reads
        self._set = self._read()

    def current(self) -> KeySet:
        """The keys of the file as it was at most a second ago."""
        return self._looked(at_once=False)

    async def renewed(self) -> KeySet:
        """The keys of the file as it is."""
        return self._looked(at_once=True)

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Do nothing: the file is looked at with each token."""
        yield

    def _looked(self, *, at_once: bool) -> KeySet:
        if self._file.has_changed(at_once=at_once):
            try:
                self._set = self._read()
            except KeysError as error:
                self._reads[FAILED] += 1
                logger.error("%s %s", error, KEPT)  # noqa: TRY400 -- no traceback
        return self._set

    def _read(self) -> KeySet:
        keys = _read_file(self._file.path)
        self._reads[READ] += 1
        announce(keys, str(self._file.path))
        return keys


def _read_file(path: Path) -> KeySet:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_SET + 1)
        return parse_key_set(content)
    except OSError as error:
        raise KeysError(f"The key set {path} (KL_MCP_JWT_JWKS) cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise KeysError(f"The key set {path} (KL_MCP_JWT_JWKS) cannot be used: {error}.") from None


def announce(keys: KeySet, place: str) -> None:
    """Log that a set came from `place`, and which of its keys are of no use."""
    logger.info("Read %d keys of the issuer of JWTs from %s", len(keys.keys), place)
    for reason in keys.left_out:
        logger.warning("In the key set %s %s.", place, reason)
