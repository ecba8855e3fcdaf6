"""Checks JSON Web Tokens that an issuer signed for this server (RFC 7519, RFC 8725, RFC 9068).

What a token says of its own key (`jku`, `x5u`, `jwk`, `x5c`) is never looked at: keys come from the key set alone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.utils import base64url_decode

from kl_mcp.access import strict_json
from kl_mcp.access.jwks import ALGORITHMS, VerifyingKey
from kl_mcp.access.key_sources import KeySource
from kl_mcp.access.refusals import InsufficientScopeError, InvalidTokenError, KeysUnknownError

LEEWAY_SECONDS = 10
"""How far the clocks of issuer and server may differ."""
MAX_TOKEN_CHARS = 16 * 1024
SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""What `typ` may say: access tokens, and not the logout, event and proof tokens that the same keys sign."""
UNREADABLE = "The token is not a well-formed JWT."
REASONS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet. Compare the clocks of its issuer and of this server.",
    jwt.InvalidIssuerError: "The token comes from another issuer than the one accepted here (KL_MCP_JWT_ISSUER).",
    jwt.InvalidAudienceError: "The token was made for another service: its aud does not name this one "
    "(KL_MCP_JWT_AUDIENCE, or else KL_MCP_RESOURCE_URL).",
}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say: `audiences` are the ways to write this server's one audience."""

    issuer: str
    audiences: tuple[str, ...]
    scopes: tuple[str, ...] = ()


def looks_like_jwt(token: str) -> bool:
    """Tell whether a token has the three parts of a signed JWT; the last is empty where it is not signed."""
    return SHAPE.fullmatch(token) is not None


@dataclass(frozen=True, slots=True)
class JwtVerifier:
    """Tells what the tokens claim that are signed with the issuer's keys and say what is expected."""

    keys: KeySource
    expected: Expected

    async def claims_of(self, token: str) -> dict[str, Any]:
        """Return the claims of a token.

        Raise `InvalidTokenError`, `InsufficientScopeError`, and `KeysUnknownError` while there are no keys.
        """
        if len(token) > MAX_TOKEN_CHARS:
            raise InvalidTokenError(f"The token is longer than {MAX_TOKEN_CHARS} characters.")
        claims = self._claims(token, await self._candidates(_header(token)))
        if not set(self.expected.scopes) <= _scopes(claims):
            needed = " ".join(self.expected.scopes)
            raise InsufficientScopeError(f"The token has to grant the scopes {needed} (KL_MCP_JWT_REQUIRED_SCOPES).")
        return claims

    async def _candidates(self, header: Mapping[str, Any]) -> tuple[VerifyingKey, ...]:
        """Return the keys that may have made the signature; at least one."""
        kid, algorithm = header.get("kid"), header["alg"]
        key_set = self.keys.current()
        if key_set is not None and not key_set.fitting(kid, algorithm):
            key_set = await self.keys.renewed()
        if key_set is None:
            raise KeysUnknownError(
                "Tokens cannot be checked now: the issuer's keys could not be read (KL_MCP_JWT_JWKS). Try again."
            )
        if fitting := key_set.fitting(kid, algorithm):
            return fitting
        raise InvalidTokenError(
            "The token is signed with a key that is not in the issuer's key set (KL_MCP_JWT_JWKS), or in a way that "
            "does not fit the key."
        )

    def _claims(self, token: str, keys: tuple[VerifyingKey, ...]) -> dict[str, Any]:
        for key in keys:
            try:
                claims = jwt.decode(
                    token,
                    key.public,
                    algorithms=key.algorithms,
                    audience=self.expected.audiences,
                    issuer=self.expected.issuer,
                    leeway=LEEWAY_SECONDS,
                    options={"require": ["exp", "iss", "aud"]},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.MissingRequiredClaimError as error:
                raise InvalidTokenError(f"The token lacks the claim {error.claim}.") from None
            except jwt.PyJWTError as error:
                raise InvalidTokenError(REASONS.get(type(error), UNREADABLE)) from None
            _check_part(token, 1, "claims")
            if not all(type(claims[name]) in (int, float) for name in ("exp", "nbf", "iat") if name in claims):
                raise InvalidTokenError("The times of the token are not numbers.")
            return claims
        raise InvalidTokenError("The signature of the token does not match.")


def _header(token: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise InvalidTokenError(UNREADABLE) from None
    _check_part(token, 0, "header")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise InvalidTokenError("The token is a JWT of another kind: its typ has to be JWT or at+jwt.")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise InvalidTokenError(f"The token is not signed in a way accepted here: {', '.join(sorted(ALGORITHMS))}.")
    return header


def _check_part(token: str, number: int, named: str) -> None:
    """Refuse what PyJWT lets pass: a name that is there twice, of which another program may have read the first."""
    try:
        strict_json.parse(base64url_decode(token.split(".")[number]))
    except ValueError as error:
        raise InvalidTokenError(f"The {named} of the token cannot be used: {error}.") from None


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """Return what `scope`, or else `scp`, grants: a list, or text with spaces. Anything else grants nothing."""
    granted = claims.get("scope", claims.get("scp"))
    scopes = granted.split(" ") if isinstance(granted, str) else granted if isinstance(granted, list) else []
    return {scope for scope in scopes if isinstance(scope, str) and scope}
