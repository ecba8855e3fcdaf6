"""Keys of an issuer of JWTs, its key sets, and tokens of every kind, the forged ones included."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://login.example.com"
RESOURCE = "https://kubeledger.example.com/mcp"
KINDS = ("RSA", "EC", "Ed25519")
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


def private_key(kind: str = "RSA", number: int = 0, bits: int = 2048) -> Private:
    """A key of a kind (`RSA`, `EC`, `P-384`, `P-521`, `Ed25519`, `Ed448`); each number is another key."""
    return _private_key(kind, number, bits)


@functools.cache
def _private_key(kind: str, _number: int, bits: int) -> Private:
    curves: Mapping[str, type[ec.EllipticCurve]] = {
        "EC": ec.SECP256R1,
        "P-384": ec.SECP384R1,
        "P-521": ec.SECP521R1,
        "secp256k1": ec.SECP256K1,
    }
    if kind == "RSA":
        return rsa.generate_private_key(65537, bits)
    if kind == "Ed448":
        return ed448.Ed448PrivateKey.generate()
    return ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else ec.generate_private_key(curves[kind]())


def algorithm_of(key: Private) -> str:
    """The algorithm that a key signs with here."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: "ES256", 384: "ES384", 521: "ES512"}[key.key_size]
    return "EdDSA"


def jwk(key: Private, kid: str | None = "one", *, private: bool = False, **more: Any) -> dict[str, Any]:
    """A key as a member of a key set: its public part, or with `private` all of it."""
    algorithms = jwt.get_algorithm_by_name
    if isinstance(key, rsa.RSAPrivateKey):
        writer: Any = algorithms("RS256")
    else:
        writer = algorithms("ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "EdDSA")
    entry: dict[str, Any] = writer.to_jwk(key if private else key.public_key(), as_dict=True)
    entry.pop("key_ops", None)
    return {**entry, **({} if kid is None else {"kid": kid}), **more}


def key_set(*entries: Mapping[str, Any]) -> bytes:
    """A key set of these members; without any, of one RSA and one EC key, named `rsa` and `ec`."""
    usual = (jwk(private_key("RSA"), "rsa"), jwk(private_key("EC"), "ec"))
    return json.dumps({"keys": entries or usual}).encode()


def claims(**changed: Any) -> dict[str, Any]:
    """What a good token says, for ten minutes from now; a claim changed to None is left out."""
    now = int(time.time())
    usual = {
        "iss": ISSUER,
        "aud": RESOURCE,
        "sub": "alice",
        "client_id": "claude",
        "iat": now,
        "exp": now + 600,
        "scope": "ledger:read",
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def token(
    key: Private | None = None, kid: str | None = "rsa", *, headers: Mapping[str, Any] | None = None, **changed: Any
) -> str:
    """A token signed by `key`, by default the RSA key of the usual key set."""
    signer = key or private_key("RSA")
    named = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changed), signer, algorithm_of(signer), {**named, **(headers or {})})


def written(header: Mapping[str, Any], payload: Mapping[str, Any] | bytes, signature: bytes = b"") -> str:
    """A token put together by hand."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return ".".join(_encoded(part) for part in (json.dumps(header).encode(), body, signature))


def twice(name: str, first: Any, second: Any, *, header: bool = False) -> str:
    """A good token that says one thing twice, in its header or else in its claims."""
    parts: list[dict[str, Any]] = [{"alg": "RS256", "typ": "JWT", "kid": "rsa"}, claims()]
    lists = [list(part.items()) for part in parts]
    said = lists[0 if header else 1]
    said[:] = [*(pair for pair in said if pair[0] != name), (name, first), (name, second)]
    texts = ["{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}" for pairs in lists]
    bare = ".".join(_encoded(text.encode()) for text in texts)
    signer: Any = jwt.get_algorithm_by_name("RS256")
    return f"{bare}.{_encoded(signer.sign(bare.encode(), private_key('RSA')))}"


def unsigned(**changed: Any) -> str:
    """`alg: none` and no signature."""
    return written({"alg": "none", "typ": "JWT", "kid": "rsa"}, claims(**changed))


def signed_with_the_public_key(encoding: Encoding = Encoding.PEM) -> str:
    """HS256 with the public key for a secret: what a server accepts that lets the token choose the algorithm."""
    secret = private_key("RSA").public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    bare = written({"alg": "HS256", "typ": "JWT", "kid": "rsa"}, claims()).rpartition(".")[0]
    return f"{bare}.{_encoded(hmac.new(secret, bare.encode(), hashlib.sha256).digest())}"


def tampered(good: str, **changed: Any) -> str:
    """A good token with other claims under its signature."""
    header, _, signature = good.split(".")
    return f"{header}.{_encoded(json.dumps(claims(**changed)).encode())}.{signature}"


def key_set_file(path: Path, content: bytes | None = None) -> Path:
    """Write a key set, the usual one by default, in one step as an issuer's tool would."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(key_set() if content is None else content)
    return fresh.rename(path)


def jwt_flags(keys: object, **changed: str) -> tuple[str, ...]:
    """Flags of `kl-mcp` that accept the tokens made here; `changed` are other values of them, or further flags."""
    usual = {"jwt_jwks": str(keys), "jwt_issuer": ISSUER, "resource_url": RESOURCE}
    pairs = {**usual, **changed}.items()
    return tuple(part for name, value in pairs for part in (f"--{name.replace('_', '-')}", value))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
