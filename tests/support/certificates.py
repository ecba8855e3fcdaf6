"""Certificates for TLS servers on loopback."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def self_signed(
    directory: Path,
    name: str = "localhost",
    *,
    begins_hours: float = -1,
    ends_hours: float = 24,
    extension: x509.ExtensionType | None = None,
    key: Key | None = None,
) -> tuple[Path, Path]:
    """Paths of a certificate for `name` and 127.0.0.1, which is its own authority, and of its key.

    It holds from `begins_hours` to `ends_hours` from now, and has one more `extension` where that is given.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, key, begins_hours, ends_hours).issuer_name(_subject(name))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return _written(directory, builder.sign(key, hashes.SHA256()), key)


def signed(directory: Path, name: str = "localhost") -> tuple[Path, Path, Path]:
    """Paths of the certificate of an authority, and of a certificate for `name` and 127.0.0.1 by it and its key."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority, _ = self_signed(directory / "authority", "authority", key=authority_key)
    builder = _builder(name, key, -1, 24).issuer_name(_subject("authority"))
    return authority, *_written(directory, builder.sign(authority_key, hashes.SHA256()), key)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(name: str, key: Key, begins_hours: float, ends_hours: float) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(hours=begins_hours))
        .not_valid_after(now + datetime.timedelta(hours=ends_hours))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _written(directory: Path, certificate: x509.Certificate, key: Key) -> tuple[Path, Path]:
    directory.mkdir(parents=True, exist_ok=True)
    certificate_file, key_file = directory / "tls.crt", directory / "tls.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file
