"""JSON Web Key Sets (RFC 7517): the public keys that an issuer signs its tokens with.

A key that cannot verify a signature safely is left out with the reason, and the others are used: symmetric keys, keys
whose private part was published, RSA keys below 2048 bits (RFC 7518 3.3), keys for encryption, unknown kinds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.algorithms import AllowedPublicKeys
from jwt.exceptions import PyJWTError

from kl_mcp.access import strict_json

MAX_SET_BYTES = 512 * 1024
MAX_KEYS = 100
MIN_RSA_BITS = 2048
RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVES: Mapping[object, tuple[str, ...]] = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
}
"""What a key on a curve signs with: one algorithm each, so that a key cannot be used with another."""
ALGORITHMS = frozenset({*RSA_ALGORITHMS, *(name for names in CURVES.values() for name in names)})
"""The algorithms that are accepted: all of them with a private and a public key (RFC 7518 3.1, RFC 8037 3.1)."""
PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key and the algorithms it may be used with."""

    kid: str | None
    algorithms: tuple[str, ...]
    public: AllowedPublicKeys


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable keys of an issuer, and why others were left out, one line each that quotes nothing of the key."""

    keys: tuple[VerifyingKey, ...]
    left_out: tuple[str, ...] = ()

    def fitting(self, kid: str | None, algorithm: str) -> tuple[VerifyingKey, ...]:
        """Return the keys that may have signed a token with this header.

        Keys may share a `kid`. A token without one fits only where a single key is left to choose from.
        """
        usable = tuple(key for key in self.keys if algorithm in key.algorithms)
        if kid is not None:
            return tuple(key for key in usable if key.kid == kid)
        return usable if len(usable) == 1 else ()


def parse_key_set(content: bytes) -> KeySet:
    """Return the keys of a set's JSON, or none. Raise ValueError with what is wrong, quoting nothing of it."""
    if len(content) > MAX_SET_BYTES:
        raise ValueError(f"it is larger than {MAX_SET_BYTES} bytes")
    document = strict_json.parse(content)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError(  # noqa: TRY004 -- the content of a file, not an argument
            'it must be a JSON Web Key Set: an object with a member "keys", which is an array'
        )
    if len(entries) > MAX_KEYS:
        raise ValueError(f"it holds {len(entries)} keys, and at most {MAX_KEYS} are read")
    return _usable(entries)


def _usable(entries: list[Any]) -> KeySet:
    keys, left_out = [], []
    for number, entry in enumerate(entries, start=1):
        try:
            keys.append(_key(entry))
        except ValueError as error:
            left_out.append(f"key {number} is not used: {error}")
    return KeySet(tuple(keys), tuple(left_out))


def _key(entry: Any) -> VerifyingKey:
    """Return the key that an entry describes. Raise ValueError where it is not used."""
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 -- the content of a file, not an argument
    kid, uses = entry.get("kid"), entry.get("key_ops", ["verify"])
    for_signatures = entry.get("use", "sig") == "sig" and isinstance(uses, list) and "verify" in uses
    refused = {
        "it is symmetric, so whoever can check a token could make one": entry.get("kty") == "oct",
        "its private part was published with it; have the issuer replace it": bool(PRIVATE_PARTS & set(entry)),
        "it is not for signatures": not for_signatures,
        "its kid is not text": not isinstance(kid, str | None),
    }
    if reason := next((reason for reason, applies in refused.items() if applies), None):
        raise ValueError(reason)
    algorithms = _algorithms(entry)
    return VerifyingKey(kid, algorithms, _public(entry, algorithms[0]))


def _algorithms(entry: Mapping[str, Any]) -> tuple[str, ...]:
    kind = (entry.get("kty"), entry.get("crv"))
    # Compared one by one: what stands in the file may be no text, and not even hashable.
    on_curve = next((names for curve, names in CURVES.items() if curve == kind), None)
    usable = RSA_ALGORITHMS if kind[0] == "RSA" else on_curve
    if usable is None:
        raise ValueError("it is neither RSA, nor on the curves P-256, P-384, P-521, Ed25519 and Ed448")
    named = entry.get("alg")
    if named is None:
        return usable
    if named not in usable:
        raise ValueError("its alg does not fit its kind, or is not accepted")
    return (named,)


def _public(entry: dict[str, Any], algorithm: str) -> AllowedPublicKeys:
    try:
        public = PyJWK(entry, algorithm).key
    except (PyJWTError, UnsupportedAlgorithm, KeyError, TypeError, ValueError):
        raise ValueError("its numbers are no key of its kind") from None
    if isinstance(public, RSAPublicKey) and public.key_size < MIN_RSA_BITS:
        raise ValueError(f"it has {public.key_size} bits, and RSA needs {MIN_RSA_BITS}")
    return cast("AllowedPublicKeys", public)  # there are no private parts to make anything else of
