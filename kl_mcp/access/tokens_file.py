"""The tokens file: named bearer tokens, each with the namespaces its holder may see.

{"tokens": [
  {"name": "finance", "token": "at least sixteen characters"},
  {"name": "team-a", "sha256": "hex digest of the token", "namespaces": ["team-a-*"],
   "expires_at": "2027-01-01T00:00:00Z"}
]}
"""

import hashlib
import hmac
import logging
import re
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kl_core.calendar import read_iso
from kl_core.errors import SettingsError
from kl_core.regular_files import read_regular
from kl_core.watched_file import ChangingFile
from kl_mcp.access import strict_json
from kl_mcp.access.callers import Caller, checked_globs
from kl_query.errors import ToolArgumentError

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 1024 * 1024
MIN_TOKEN_CHARS = 16
MAX_TOKEN_CHARS = 4096
GONE_SECONDS = 5.0
"""A file that has not been there for so long was taken away, and with it the tokens. Editors that exchange a file leave
it away for less; Kubernetes exchanges a secret without leaving it away at all."""
KEYS = frozenset({"name", "token", "sha256", "namespaces", "expires_at"})
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""What RFC 6750 lets a bearer token consist of."""
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its SHA-256 digest, who holds it, and the UNIX second it expires at."""

    digest: bytes
    caller: Caller
    expires_at: int | None = None


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Return the tokens of a file. Raise `SettingsError`."""
    try:
        return parse_tokens(read_regular(path, MAX_FILE_BYTES))
    except OSError as error:
        raise SettingsError(f"The tokens file {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise SettingsError(f"The tokens file {path} cannot be used: {error}.") from None


def parse_tokens(content: bytes) -> tuple[Token, ...]:
    """Return the tokens of a file's content. Raise ValueError with what is wrong, quoting nothing of it but names."""
    document = strict_json.parse(content, KEYS | {"tokens"})
    if not isinstance(document, dict) or set(document) != {"tokens"} or not isinstance(document["tokens"], list):
        raise ValueError('it must be an object with one member, "tokens", which is an array')
    tokens = tuple(_token(entry, number) for number, entry in enumerate(document["tokens"], start=1))
    for what, values in (("name", [t.caller.name for t in tokens]), ("token", [t.digest for t in tokens])):
        if len(set(values)) != len(values):
            raise ValueError(f"two entries have the same {what}")
    return tokens


def _token(entry: Any, number: int) -> Token:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"entry {number} must be an object with a name of up to 63 letters, digits and . _ @ -")
    if not set(entry) <= KEYS:
        raise ValueError(f"entry {number} ({name}) has a member other than {', '.join(sorted(KEYS))}")
    return Token(_digest(entry, name), Caller(name, _namespaces(entry, name)), _expires_at(entry, name))


def _digest(entry: Mapping[str, Any], name: str) -> bytes:
    if ("token" in entry) == ("sha256" in entry):
        raise ValueError(f"{name} needs either token or sha256")
    if "sha256" in entry:
        digest = entry["sha256"]
        if not isinstance(digest, str) or not DIGEST.fullmatch(digest.lower()):
            raise ValueError(f"sha256 of {name} is not 64 hexadecimal digits")
        return bytes.fromhex(digest)
    token = entry["token"]
    if not isinstance(token, str) or not MIN_TOKEN_CHARS <= len(token) <= MAX_TOKEN_CHARS or not TOKEN.fullmatch(token):
        allowed = f"{MIN_TOKEN_CHARS} to {MAX_TOKEN_CHARS} letters, digits and - . _ ~ + / ="
        raise ValueError(f"the token of {name} must be {allowed}, such as `openssl rand -hex 32` prints")
    return hashlib.sha256(token.encode()).digest()


def _namespaces(entry: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    if "namespaces" not in entry:
        return None
    globs = entry["namespaces"]
    if not isinstance(globs, list) or not all(isinstance(glob, str) for glob in globs):
        raise ValueError(
            f"namespaces of {name} must be an array of names or globs; an empty one lets it see totals only"
        )
    try:
        return checked_globs(globs)
    except ToolArgumentError as error:
        raise ValueError(f"namespaces of {name}: {error.message.rstrip('.')}") from None


def _expires_at(entry: Mapping[str, Any], name: str) -> int | None:
    if "expires_at" not in entry:
        return None
    try:
        return read_iso(entry["expires_at"])
    except (TypeError, ValueError):
        raise ValueError(f"expires_at of {name} must be an instant like 2027-01-01T00:00:00Z") from None


class TokensFile:
    """The tokens of a file that may change.

    A broken change is logged, and what was read before stays in force until the file can be read again. A file that
    holds no token, and one that was taken away, withdraw them all: then nobody may call, until tokens are there again.
    """

    def __init__(
        self, path: Path, *, now: Callable[[], float] = time.time, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file. Raise `SettingsError`."""
        self._now = now
        self._file = ChangingFile(path, elapsed)
        self._tokens = read_tokens(path)
        self._problem: str | None = None
        self._warn()

    def caller(self, token: str) -> Caller | None:
        """Return who holds `token`; None when nobody does, or when it has expired.

        The time it takes depends on neither: digests of one length are compared, all of them, in constant time.
        """
        self._look()
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        matches = [known for known in self._tokens if hmac.compare_digest(known.digest, digest)]
        if not matches or (matches[0].expires_at is not None and matches[0].expires_at <= self._now()):
            return None
        return matches[0].caller

    def _look(self) -> None:
        changed = self._file.has_changed()
        if self._file.gone_for >= GONE_SECONDS:
            self._withdraw()
        elif changed:
            self._read()

    def _withdraw(self) -> None:
        self._tokens = ()
        self._tell(f"The tokens file {self._file.path} is gone: its tokens are no longer accepted.")

    def _read(self) -> None:
        in_force = "The tokens that were read before stay in force." if self._tokens else "No token is accepted."
        try:
            self._tokens = read_tokens(self._file.path)
        except SettingsError as error:
            self._tell(f"{error} {in_force}")
            return
        self._file.taken_up()
        self._problem = None
        logger.info("Read %d tokens from %s", len(self._tokens), self._file.path)
        self._warn()

    def _tell(self, problem: str) -> None:
        """Log a problem, once for as long as it stays the same."""
        if problem != self._problem:
            logger.error("%s", problem)
        self._problem = problem

    def _warn(self) -> None:
        if not self._tokens:
            logger.warning("The tokens file %s holds no token: nobody may call with one.", self._file.path)
        if self._file.mode & stat.S_IROTH:
            logger.warning("Everybody on this machine can read the tokens file %s: chmod 600 it.", self._file.path)
