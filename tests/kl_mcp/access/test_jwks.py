"""Key sets: which keys are used for what, and which are left out with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kl_mcp.access.jwks import ALGORITHMS, MAX_KEYS, MAX_SET_BYTES, KeySet, parse_key_set
from tests.support.issuer import jwk, key_set, private_key

RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


@pytest.mark.parametrize(
    ("kind", "algorithms"),
    [
        ("RSA", RSA_ALGORITHMS),
        ("EC", ("ES256",)),
        ("P-384", ("ES384",)),
        ("P-521", ("ES512",)),
        ("Ed25519", ("EdDSA",)),
        ("Ed448", ("EdDSA",)),
    ],
)
def test_a_key_may_be_used_with_the_algorithms_of_its_kind_only(kind: str, algorithms: tuple[str, ...]) -> None:
    keys = parse_key_set(key_set(jwk(private_key(kind))))

    assert {name for name in ALGORITHMS | {"none", "HS256", "ES256K"} if keys.fitting("one", name)} == set(algorithms)


def test_a_key_that_names_its_algorithm_is_used_with_no_other() -> None:
    keys = parse_key_set(key_set(jwk(private_key(), alg="PS384", use="sig", key_ops=["verify"])))

    assert [name for name in RSA_ALGORITHMS if keys.fitting("one", name)] == ["PS384"]


def test_a_kid_has_to_be_the_same_to_the_letter() -> None:
    keys = parse_key_set(key_set())

    assert len(keys.fitting("rsa", "RS256")) == 1
    for other in ("RSA", "rsa ", "rsa\n", "rsa\0", "./rsa", "", "https://login.example.com/rsa"):
        assert keys.fitting(other, "RS256") == ()


def test_a_token_without_kid_fits_where_one_key_can_have_signed_it() -> None:
    two = parse_key_set(key_set(jwk(private_key(), "a"), jwk(private_key(number=1), "b"), jwk(private_key("EC"), "c")))

    assert two.fitting(None, "RS256") == ()
    assert [key.kid for key in two.fitting(None, "ES256")] == ["c"]


def test_keys_that_share_a_kid_are_told_apart_by_algorithm_and_then_all_tried() -> None:
    keys = parse_key_set(key_set(jwk(private_key(), "x"), jwk(private_key("EC"), "x"), jwk(private_key("EC", 1), "x")))

    assert len(keys.fitting("x", "RS256")) == 1
    assert len(keys.fitting("x", "ES256")) == 2


SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"
BAD: list[tuple[Any, str]] = [
    ({"kty": "oct", "k": SECRET, "kid": "bad"}, "symmetric"),
    (jwk(private_key(), "bad", private=True), "private part"),
    (jwk(private_key("EC"), "bad", private=True), "private part"),
    (jwk(private_key("Ed25519"), "bad", private=True), "private part"),
    ({**jwk(private_key(), "bad"), "d": SECRET}, "private part"),
    ({**jwk(private_key(), "bad"), "k": SECRET}, "private part"),
    (jwk(private_key(bits=1024), "bad"), "1024 bits"),
    (jwk(private_key(bits=2047), "bad"), "2047 bits"),
    (jwk(private_key(), "bad", use="enc"), "not for signatures"),
    (jwk(private_key(), "bad", key_ops=["encrypt"]), "not for signatures"),
    (jwk(private_key(), "bad", key_ops="verify"), "not for signatures"),
    (jwk(private_key(), "bad", alg="HS256"), "its alg"),
    (jwk(private_key(), "bad", alg="none"), "its alg"),
    (jwk(private_key(), "bad", alg="ES256"), "its alg"),
    (jwk(private_key("EC"), "bad", alg="ES384"), "its alg"),
    (jwk(private_key(), "bad", alg=["RS256"]), "its alg"),
    (jwk(private_key("secp256k1"), "bad"), "neither RSA"),
    ({**jwk(private_key(), "bad"), "kid": 5}, "its kid"),
    ({**jwk(private_key(), "bad"), "n": "!!"}, "no key of its kind"),
    ({**jwk(private_key(), "bad"), "n": 17}, "no key of its kind"),
    ({**jwk(private_key(), "bad"), "e": "Ag"}, "no key of its kind"),
    ({"kty": "RSA", "kid": "bad"}, "no key of its kind"),
    ({**jwk(private_key("EC"), "bad"), "y": jwk(private_key("EC"))["x"]}, "no key of its kind"),
    ({**jwk(private_key("EC"), "bad"), "crv": ["P-256"]}, "neither RSA"),
    ({"kty": ["RSA"]}, "neither RSA"),
    ({}, "neither RSA"),
    ("text", "not an object"),
    (None, "not an object"),
]


@pytest.mark.parametrize(("entry", "said"), BAD)
def test_an_unsafe_key_is_left_out_with_the_reason_and_the_others_stay(entry: Any, said: str) -> None:
    keys = parse_key_set(json.dumps({"keys": [entry, jwk(private_key("EC"), "good")]}).encode())

    assert [key.kid for key in keys.keys] == ["good"]
    (reason,) = keys.left_out
    assert reason.startswith("key 1 is not used: ")
    assert said in reason
    assert SECRET not in reason
    assert "bad" not in reason


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "an object with a member"),
        (b"{}", "an object with a member"),
        (b'{"keys": {}}', "an object with a member"),
        (b'{"keys": [], "keys": []}', "an object has a member twice"),
        (b'{"keys": [{"kid": "a", "kid": "b"}]}', "an object has a member twice"),
        (json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode(), "at most 100"),
        (b" " * (MAX_SET_BYTES + 1), "larger than"),
    ],
)
def test_a_set_that_is_none_is_refused_with_the_reason(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_key_set(content)


@pytest.mark.requirement("KL-S-9")
def test_a_set_without_a_usable_key_is_a_set() -> None:
    assert parse_key_set(b'{"keys": []}') == KeySet(())
    found = parse_key_set(json.dumps({"keys": [BAD[0][0]]}).encode())
    assert found.keys == ()
    assert "it is symmetric" in found.left_out[0]


FIELDS = ("kty", "crv", "n", "e", "x", "y", "kid", "alg", "use", "key_ops")
VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=8), st.lists(st.text(max_size=3), max_size=2))
KINDS = st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "Ed448", "AQAB", "AA", ""])


@given(st.dictionaries(st.sampled_from(FIELDS), st.one_of(KINDS, VALUES)))
def test_a_key_however_odd_is_used_or_left_out(entry: dict[str, Any]) -> None:
    content = json.dumps({"keys": [entry]}).encode()
    found = parse_key_set(content)
    assert len(found.keys) + len(found.left_out) == 1
