"""The verifier: which tokens are accepted, and the reason told for each that is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import anyio
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from kl_mcp.access.bearer_jwt import LEEWAY_SECONDS, MAX_TOKEN_CHARS, Expected, JwtVerifier
from kl_mcp.access.jwks import KeySet, parse_key_set
from kl_mcp.access.key_sources import KeySource
from kl_mcp.access.refusals import InsufficientScopeError, InvalidTokenError, KeysUnknownError, RefusedError
from tests.support.issuer import (
    ISSUER,
    RESOURCE,
    claims,
    jwk,
    key_set,
    private_key,
    signed_with_the_public_key,
    tampered,
    token,
    twice,
    unsigned,
    written,
)


class Fixed(KeySource):
    """A source of one set; `renewals` counts how often it was asked for a newer one, which is `newer`."""

    def __init__(self, keys: KeySet | None, newer: KeySet | None = None) -> None:
        self._keys = keys
        self._newer = newer
        self.renewals = 0

    def current(self) -> KeySet | None:
        return self._keys

    async def renewed(self) -> KeySet | None:
        self.renewals += 1
        self._keys = self._newer or self._keys
        return self._keys

    async def _keep_fresh(self) -> None:
        await anyio.sleep_forever()


USUAL = parse_key_set(key_set())


def _verified(presented: str, keys: Fixed | None = None, expected: Expected | None = None) -> dict[str, Any]:
    verifier = JwtVerifier(keys or Fixed(USUAL), expected or Expected(ISSUER, (RESOURCE,)))
    return anyio.run(verifier.claims_of, presented)


def _refused(presented: str, keys: Fixed | None = None, expected: Expected | None = None) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        _verified(presented, keys, expected)
    said = str(caught.value)
    assert not [part for part in presented.split(".") if len(part) > 3 and part in said]
    return caught.value


def test_all_claims_of_a_good_token_are_read_out() -> None:
    now = int(time.time())
    found = _verified(token(exp=now + 60, scope="a b"))

    assert (found["client_id"], found["sub"], found["scope"]) == ("claude", "alice", "a b")
    assert (found["exp"], found["aud"], found["iss"]) == (now + 60, RESOURCE, ISSUER)


@pytest.mark.parametrize("kind", ["RSA", "EC", "P-384", "P-521", "Ed25519", "Ed448"])
def test_every_kind_of_key_is_accepted_and_another_of_the_same_kind_is_not(kind: str) -> None:
    keys = Fixed(parse_key_set(key_set(jwk(private_key(kind), "one"))))

    assert _verified(token(private_key(kind), "one"), keys)["client_id"] == "claude"
    assert "does not match" in str(_refused(token(private_key(kind, 1), "one"), keys))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_that_names_no_algorithm_is_accepted_with_each_of_its_own(algorithm: str) -> None:
    presented = jwt.encode(claims(), private_key(), algorithm, {"kid": "rsa"})

    assert _verified(presented)["client_id"] == "claude"


def _after(seconds: float) -> Callable[[], float]:
    """A time so far from when the test runs, which may be minutes after it was collected."""
    return lambda: int(time.time()) + seconds


def _now(changed: dict[str, Any]) -> dict[str, Any]:
    return {name: value() if callable(value) else value for name, value in changed.items()}


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": [RESOURCE]},
        {"aud": ["https://other.example.com", RESOURCE]},
        {"nbf": _after(-5)},
        {"iat": None, "scope": None, "sub": None},
        {"exp": _after(60.5)},
        {"exp": _after(8 - LEEWAY_SECONDS)},
        {"nbf": _after(LEEWAY_SECONDS - 2)},
        {"client_id": None},
        {"client_id": None, "sub": None, "azp": "claude"},
    ],
)
def test_these_are_accepted_too(changed: dict[str, Any]) -> None:
    assert RESOURCE in _verified(token(**_now(changed)))["aud"]


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"])
def test_access_tokens_are_accepted_by_their_type(kind: str) -> None:
    assert _verified(token(headers={"typ": kind}))["client_id"] == "claude"


CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"exp": _after(-LEEWAY_SECONDS - 2)}, "has expired"),
    ({"exp": 0}, "has expired"),
    ({"exp": None}, "lacks the claim exp"),
    ({"exp": "2000000000"}, "not numbers"),
    ({"exp": True}, "has expired"),
    ({"exp": [2_000_000_000]}, "well-formed"),
    ({"exp": float("inf")}, "well-formed"),
    ({"exp": float("nan")}, "well-formed"),
    ({"nbf": _after(LEEWAY_SECONDS + 60)}, "not valid yet"),
    ({"nbf": "0"}, "not numbers"),
    ({"iat": _after(LEEWAY_SECONDS + 60)}, "not valid yet"),
    ({"iat": True}, "not numbers"),
    ({"iss": None}, "lacks the claim iss"),
    ({"iss": ISSUER + "/"}, "another issuer"),
    ({"iss": ISSUER.upper()}, "another issuer"),
    ({"iss": "https://evil.example"}, "another issuer"),
    ({"aud": None}, "lacks the claim aud"),
    ({"aud": []}, "lacks the claim aud"),
    ({"aud": "https://other.example.com/mcp"}, "another service"),
    ({"aud": RESOURCE + "/"}, "another service"),
    ({"aud": RESOURCE[:-1]}, "another service"),
    ({"aud": [[RESOURCE]]}, "another service"),
    ({"aud": {RESOURCE: True}}, "another service"),
    ({"aud": ["https://other.example.com"]}, "another service"),
    ({"sub": 5}, "well-formed"),
]


@pytest.mark.parametrize(("changed", "said"), CLAIMS)
def test_a_signed_token_with_the_wrong_claims_is_refused_with_the_reason(changed: dict[str, Any], said: str) -> None:
    refused = _refused(token(**_now(changed)))

    assert isinstance(refused, InvalidTokenError)
    assert said in str(refused)


def _none_in_capitals() -> str:
    return written({"alg": "nOnE", "kid": "rsa"}, claims(), b"x")


FORGED: list[tuple[Callable[[], str], str]] = [
    (unsigned, "not signed in a way"),
    (_none_in_capitals, "not signed in a way"),
    (lambda: written({"alg": "", "kid": "rsa"}, claims(), b"x"), "not signed in a way"),
    (lambda: written({"kid": "rsa"}, claims(), b"x"), "not signed in a way"),
    (lambda: written({"alg": ["RS256"], "kid": "rsa"}, claims(), b"x"), "not signed in a way"),
    (signed_with_the_public_key, "not signed in a way"),
    (lambda: signed_with_the_public_key(Encoding.DER), "not signed in a way"),
    (lambda: written({"alg": "RS256", "kid": "rsa"}, claims()), "does not match"),
    (lambda: written({"alg": "RS256", "kid": "rsa"}, claims(), b"\0" * 256), "does not match"),
    (lambda: written({"alg": "ES256", "kid": "ec"}, claims(), b"\0" * 64), "does not match"),
    (lambda: written({"alg": "ES256", "kid": "rsa"}, claims(), b"x" * 64), "not in the issuer's key set"),
    (lambda: tampered(token(), sub="mallory"), "does not match"),
    (lambda: token(private_key("EC", 5), "rsa"), "not in the issuer's key set"),
    (lambda: token(private_key("RSA", 5), "rsa"), "does not match"),
    (lambda: token(kid="unknown"), "not in the issuer's key set"),
    (lambda: token(kid="../../../dev/null"), "not in the issuer's key set"),
    (lambda: token(kid="https://evil.example/keys"), "not in the issuer's key set"),
    (lambda: token(kid="rsa\n"), "not in the issuer's key set"),
    (lambda: token(kid="rsa\0"), "not in the issuer's key set"),
    (lambda: token(kid="' OR 1=1 --"), "not in the issuer's key set"),
    (lambda: written({"alg": "RS256", "kid": ["rsa"]}, claims(), b"x"), "well-formed"),
    (lambda: token(headers={"typ": "logout+jwt"}), "another kind"),
    (lambda: token(headers={"typ": "dpop+jwt"}), "another kind"),
    (lambda: token(headers={"crit": ["exp"], "exp": 1}), "well-formed"),
    (lambda: written({"alg": "RS256", "kid": "rsa", "b64": False, "crit": ["b64"]}, claims(), b"x"), "well-formed"),
    (lambda: token(headers={"typ": 5}), "another kind"),
    (lambda: written({"alg": "RS256", "kid": "rsa"}, b"[]", b"x"), "does not match"),
    (lambda: token(note="x" * MAX_TOKEN_CHARS), "longer than"),
    (lambda: "e30.e30.e30", "not signed in a way"),
    (lambda: "a.b.c", "well-formed"),
    (lambda: "W10.W10.W10", "well-formed"),
    (lambda: token() + "=", "well-formed"),
]


@pytest.mark.parametrize(("forge", "said"), FORGED)
def test_a_forged_token_is_refused_with_the_reason(forge: Callable[[], str], said: str) -> None:
    assert said in str(_refused(forge()))


@pytest.mark.parametrize(
    ("presented", "said"),
    [
        (
            lambda: twice("sub", "alice", "alice"),
            "The claims of the token cannot be used: an object has a member twice.",
        ),
        (lambda: twice("exp", 1, _after(60)()), "an object has a member twice"),
        (lambda: twice("scope", "", "ledger:read"), "an object has a member twice"),
        (lambda: twice("alg", "none", "RS256", header=True), "The header of the token cannot be used: an object has"),
        (lambda: twice("kid", "other", "rsa", header=True), "an object has a member twice"),
        (lambda: token(note={"a": float("nan")}), "a number is too large, or is none"),
        (lambda: token(note=10**200), "more than 100 digits"),
    ],
)
def test_a_signed_token_that_two_programs_may_read_differently_is_refused(
    presented: Callable[[], str], said: str
) -> None:
    assert said in str(_refused(presented()))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_the_key_that_a_token_brings_along_is_not_looked_at(name: str) -> None:
    own = private_key("RSA", 6)
    brought: dict[str, Any] = {
        "jwk": jwk(own, "rsa"),
        "jku": "http://127.0.0.1:9/keys",
        "x5u": "http://127.0.0.1:9/certificate",
        "x5c": ["MIIB"],
    }

    assert "does not match" in str(_refused(token(own, headers={name: brought[name]})))
    assert _verified(token(headers={name: brought[name]}))["client_id"] == "claude"


def test_an_unknown_key_makes_the_set_be_read_once_more_and_a_known_one_does_not() -> None:
    rotated = private_key("RSA", 7)
    keys = Fixed(USUAL, parse_key_set(key_set(jwk(rotated, "next"))))
    _verified(token(), keys)
    assert keys.renewals == 0

    _verified(token(rotated, "next"), keys)
    assert keys.renewals == 1
    assert "not in the issuer's key set" in str(_refused(token(), keys))


def test_while_no_keys_are_known_nobody_is_told_that_a_token_is_bad() -> None:
    refused = _refused(token(), Fixed(None))

    assert isinstance(refused, KeysUnknownError)
    assert refused.status == 503
    assert "KL_MCP_JWT_JWKS" in str(refused)


def test_of_keys_with_one_kid_each_may_have_signed_and_no_other() -> None:
    keys = Fixed(parse_key_set(key_set(jwk(private_key("EC"), "x"), jwk(private_key("EC", 1), "x"))))

    for number in (0, 1):
        assert _verified(token(private_key("EC", number), "x"), keys)["client_id"] == "claude"
    assert "does not match" in str(_refused(token(private_key("EC", 2), "x"), keys))


@pytest.mark.parametrize(
    ("granted", "enough"),
    [
        ({"scope": "read write"}, True),
        ({"scope": "write other read"}, True),
        ({"scope": None, "scp": "read write"}, True),
        ({"scope": None, "scp": ["read", "write"]}, True),
        ({"scope": ["write", "read"]}, True),
        ({"scope": "read"}, False),
        ({"scope": "readwrite"}, False),
        ({"scope": "read\twrite"}, False),
        ({"scope": "READ WRITE"}, False),
        ({"scope": None}, False),
        ({"scope": ""}, False),
        ({"scope": "", "scp": "read write"}, False),
        ({"scope": {"read": 1, "write": 1}}, False),
        ({"scope": [["read", "write"]]}, False),
    ],
)
def test_all_required_scopes_have_to_be_granted(granted: dict[str, Any], enough: bool) -> None:
    expected = Expected(ISSUER, (RESOURCE,), ("read", "write"))
    presented = token(**granted)

    if enough:
        assert _verified(presented, expected=expected)
    else:
        refused = _refused(presented, expected=expected)
        assert isinstance(refused, InsufficientScopeError)
        assert (refused.status, refused.code) == (403, "insufficient_scope")
        assert "read write" in str(refused)
