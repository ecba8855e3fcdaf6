"""Whose a token is: named in the tokens file, or by a JWT of the configured issuer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp.server.auth.provider import AccessToken
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


@dataclass(frozen=True, slots=True)
class Jwt:
    """How JWTs are read: `namespaces_claim` names the claim with a caller's globs, "" where every caller sees all."""

    keys: KeySource
    expected: Expected
    resource_url: str
    namespaces_claim: str = ""


class Identification:
    """Tells whose a token is. The tokens file is asked first; at least one of the two is there."""

    def __init__(self, tokens: TokensFile | None, jwt: Jwt | None) -> None:
        self._tokens = tokens
        self._jwt = jwt
        self._verifier = None if jwt is None else JwtVerifier(jwt.keys, jwt.expected)
        self.routes: tuple[Route, ...] = ()
        """Where clients learn, without a token, how to get one."""
        self.challenge: dict[str, str] = {}
        """What a refusal tells a client besides: parameters of `WWW-Authenticate`."""
        if jwt is not None:
            self.routes = resource_metadata.routes(jwt.resource_url, jwt.expected.issuer, jwt.expected.scopes)
            self.challenge = {"resource_metadata": resource_metadata.url_of(jwt.resource_url)}
            if jwt.expected.scopes:
                self.challenge["scope"] = " ".join(jwt.expected.scopes)

    async def caller(self, token: str) -> Caller:
        """Tell whose `token` is. Raise `RefusedError`."""
        known = None if self._tokens is None else self._tokens.caller(token)
        if known is not None:
            return known
        if self._jwt is None or self._verifier is None or not looks_like_jwt(token):
            raise InvalidTokenError(
                f"The token is not known here, or has expired. Ask the server's operator for another ({self.settings})."
            )
        return caller_of_jwt(await self._verifier.verify_token(token), self._jwt.namespaces_claim)

    def kept_fresh(self) -> AbstractAsyncContextManager[None]:
        """Keep the issuer's keys fresh while the server runs; the first attempt has ended when it is entered."""
        return nullcontext() if self._jwt is None else self._jwt.keys.kept_fresh()

    @property
    def settings(self) -> str:
        """Return the names of the settings that say which tokens are accepted."""
        names = (("KL_MCP_TOKENS_FILE", self._tokens), ("KL_MCP_JWT_ISSUER", self._jwt))
        return ", ".join(name for name, given in names if given is not None)


def identification_of(settings: Settings, count_read: Callable[[str], None]) -> Identification | None:
    """Return what the settings ask for; None where anybody may call. Raise `SettingsError`."""
    if settings.tokens_file is None and not settings.jwt_jwks:
        return None
    tokens = None if settings.tokens_file is None else TokensFile(settings.tokens_file)
    return Identification(tokens, _jwt(settings, count_read) if settings.jwt_jwks else None)


def _jwt(settings: Settings, count_read: Callable[[str], None]) -> Jwt:
    place, resource = settings.jwt_jwks, settings.resource_url
    keys: KeySource = (
        KeysAtUrl(place, count_read) if "://" in place else KeysInFile(Path(place).expanduser(), count_read)
    )
    as_published = resource_metadata.normalized(resource)
    audiences = (settings.jwt_audience,) if settings.jwt_audience else (resource, as_published)
    expected = Expected(settings.jwt_issuer, audiences, settings.jwt_required_scopes)
    return Jwt(keys, expected, resource, settings.jwt_namespaces_claim)


def caller_of_jwt(access: AccessToken, namespaces_claim: str) -> Caller:
    """Return who presents a JWT, and the namespaces that its claim lists. Raise `InvalidTokenError`.

    The name is `jwt:CLIENT/SUBJECT`, or `jwt:CLIENT` where they are one, with `_` for what a log line should not hold;
    no name in a tokens file looks like it.
    """
    parts = dict.fromkeys((access.client_id, access.subject or access.client_id))
    name = "jwt:" + "/".join(UNSAFE.sub("_", part[:MAX_NAME_CHARS]) for part in parts)
    return Caller(name, _namespaces(access.claims or {}, namespaces_claim) if namespaces_claim else None)


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
