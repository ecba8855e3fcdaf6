"""Whose a token is: named in the tokens file, or by a JWT of the configured issuer."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

from starlette.routing import Route

from kl_mcp.access import resource_metadata
from kl_mcp.access.bearer_jwt import Expected, JwtVerifier, looks_like_jwt
from kl_mcp.access.callers import Caller, checked_globs
from kl_mcp.access.key_sources import KeysInFile, KeySource
from kl_mcp.access.keys_at_url import KeysAtUrl
from kl_mcp.access.refusals import InvalidTokenError
from kl_mcp.access.tokens_file import TokensFile
from kl_mcp.settings import Settings
from kl_query.errors import ToolArgumentError

MAX_NAME_CHARS = 100
UNSAFE = re.compile(r"[^A-Za-z0-9._@|:+-]")
CLAIM_SETTING = "(KL_MCP_JWT_NAMESPACES_CLAIM)"


class Identification:
    """Tells whose a token is. The tokens file is asked first; at least one of the two is there."""

    def __init__(self, settings: Settings, count_read: Callable[[str], None]) -> None:
        """Read what the settings name. `count_read` is told what comes of reading keys. Raise `SettingsError`."""
        self._tokens = None if settings.tokens_file is None else TokensFile(settings.tokens_file)
        self._keys = _key_source(settings.jwt_jwks, count_read) if settings.jwt_jwks else None
        self._verifier = JwtVerifier(self._keys, _expected(settings)) if self._keys else None
        self._namespaces_claim = settings.jwt_namespaces_claim
        self.routes: tuple[Route, ...] = ()
        """Where clients learn, without a token, how to get one."""
        self.challenge: dict[str, str] = {}
        """What a refusal tells a client besides: parameters of `WWW-Authenticate`."""
        if self._keys is not None:
            resource, scopes = settings.resource_url, settings.jwt_required_scopes
            self.routes = resource_metadata.routes(resource, settings.jwt_issuer, scopes)
            self.challenge = {"resource_metadata": resource_metadata.url_of(resource)}
            if scopes:
                self.challenge["scope"] = " ".join(scopes)

    async def caller(self, token: str) -> Caller:
        """Tell whose `token` is. Raise `RefusedError`."""
        known = None if self._tokens is None else self._tokens.caller(token)
        if known is not None:
            return known
        if self._verifier is None or not looks_like_jwt(token):
            raise InvalidTokenError(
                f"The token is not known here, or has expired. Ask the server's operator for another ({self.settings})."
            )
        return caller_of_jwt(await self._verifier.claims_of(token), self._namespaces_claim)

    def kept_fresh(self) -> AbstractAsyncContextManager[None]:
        """Keep the issuer's keys fresh while the server runs; the first attempt has ended when it is entered."""
        return nullcontext() if self._keys is None else self._keys.kept_fresh()

    @property
    def settings(self) -> str:
        """Return the names of the settings that say which tokens are accepted."""
        names = (("KL_MCP_TOKENS_FILE", self._tokens), ("KL_MCP_JWT_ISSUER", self._keys))
        return ", ".join(name for name, given in names if given is not None)


def identification_of(settings: Settings, count_read: Callable[[str], None]) -> Identification | None:
    """Return what the settings ask for; None where anybody may call. Raise `SettingsError`."""
    if settings.tokens_file is None and not settings.jwt_jwks:
        return None
    return Identification(settings, count_read)


def _key_source(place: str, count_read: Callable[[str], None]) -> KeySource:
    return KeysAtUrl(place, count_read) if "://" in place else KeysInFile(Path(place).expanduser(), count_read)


def _expected(settings: Settings) -> Expected:
    as_published = resource_metadata.normalized(settings.resource_url)
    audiences = (settings.jwt_audience,) if settings.jwt_audience else (settings.resource_url, as_published)
    return Expected(settings.jwt_issuer, audiences, settings.jwt_required_scopes)


def caller_of_jwt(claims: Mapping[str, Any], namespaces_claim: str) -> Caller:
    """Return who presents a JWT with these claims, and the namespaces that they list. Raise `InvalidTokenError`.

    The name is `jwt:CLIENT/SUBJECT`, or `jwt:CLIENT` where they are one, with `_` for what a log line should not hold;
    no name in a tokens file looks like it.
    """
    names = [claims[name] for name in ("client_id", "azp", "sub") if isinstance(claims.get(name), str)]
    client = next(filter(None, names), None)
    if client is None:
        raise InvalidTokenError("The token names nobody: it has neither client_id nor azp nor sub.")
    parts = dict.fromkeys((client, claims.get("sub") or client))
    name = "jwt:" + "/".join(UNSAFE.sub("_", part[:MAX_NAME_CHARS]) for part in parts)
    return Caller(name, _namespaces(claims, namespaces_claim) if namespaces_claim else None)


def _namespaces(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if name not in claims:
        raise InvalidTokenError(f"The token lacks the claim that lists its bearer's namespaces {CLAIM_SETTING}.")
    listed = claims[name].split() if isinstance(claims[name], str) else claims[name]
    wrong = "The claim of the token that lists its bearer's namespaces"
    if not isinstance(listed, list) or not all(isinstance(glob, str) for glob in listed):
        raise InvalidTokenError(f"{wrong} is neither a list of names nor text {CLAIM_SETTING}.")
    try:
        return checked_globs(listed)
    except ToolArgumentError:
        raise InvalidTokenError(f"{wrong} holds a glob that is not allowed {CLAIM_SETTING}.") from None
