"""Certificates: files that cannot be served, and files that are renewed."""

from __future__ import annotations

import logging
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from kl_core.errors import SettingsError
from kl_mcp.transport.tls import TlsFiles, read_certificate
from tests.support.certificates import self_signed
from tests.support.mcp_clients import environment
from tests.support.odd_files import put_odd, without_waiting
from tests.support.patience import LIMIT_SECONDS

HOUR = 3600.0
Files = tuple[Path, Path]


def _swapped(files: Files) -> Files:
    return files[1], files[0]


def _absent(which: int) -> Callable[[Files], Files]:
    def remove(files: Files) -> Files:
        files[which].unlink()
        return files

    return remove


def _damaged(which: int, kind: str) -> Callable[[Files], Files]:
    def damage(files: Files) -> Files:
        lines = files[which].read_text().splitlines()
        # Half a key of P-256 is a line, of which the first half still looks like PEM.
        body = "".join(lines[1:-1])[:60]
        files[which].write_text("\n".join((lines[0], body, lines[-1])) if kind == "damaged" else lines[0])
        return files

    return damage


def _of_another(files: Files) -> Files:
    return files[0], self_signed(files[0].parent / "other")[1]


def _with_passphrase(files: Files) -> Files:
    key = serialization.load_pem_private_key(files[1].read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"open sesame")
    assert hasattr(key, "private_bytes")
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    return files


def _with_old_passphrase(files: Files) -> Files:
    key = rsa.generate_private_key(65537, 2048)
    locked = serialization.BestAvailableEncryption(b"open sesame")
    form = serialization.PrivateFormat.TraditionalOpenSSL
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
    return files


def _without_key(files: Files) -> Files:
    return files[0], files[0]


def _with_short_key(files: Files) -> Files:
    return self_signed(files[0].parent, key=rsa.generate_private_key(65537, 1024))


def _a_directory(files: Files) -> Files:
    return files[0].parent, files[1]


def _a_pipe(files: Files) -> Files:
    put_odd(files[1], "pipe")
    return files


def _too_large(files: Files) -> Files:
    files[1].write_bytes(b" " * (1024 * 1024 + 1))
    return files


def _expired(files: Files) -> Files:
    return self_signed(files[0].parent, begins_hours=-48, ends_hours=-24)


def _key_usage(allowed: str) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    others = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: name == allowed for name in (*names, *others)})


def _for_clients(files: Files) -> Files:
    return self_signed(files[0].parent, extension=x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]))


def _of_an_authority(files: Files) -> Files:
    return self_signed(files[0].parent, extension=_key_usage("key_cert_sign"))


REFUSED = [
    (_absent(0), "KL_MCP_TLS_CERT_FILE", "No such file"),
    (_absent(1), "KL_MCP_TLS_KEY_FILE", "No such file"),
    (_a_directory, "KL_MCP_TLS_CERT_FILE", "is a directory"),
    (_a_pipe, "KL_MCP_TLS_KEY_FILE", "is a named pipe"),
    (_swapped, "KL_MCP_TLS_CERT_FILE", "no certificate in PEM form"),
    (_damaged(0, "cut off"), "KL_MCP_TLS_CERT_FILE", "no certificate in PEM form"),
    (_damaged(0, "damaged"), "KL_MCP_TLS_CERT_FILE", "is damaged"),
    (_without_key, "KL_MCP_TLS_KEY_FILE", "no private key in PEM form"),
    (_with_short_key, "KL_MCP_TLS_CERT_FILE", "its key is too short"),
    (_damaged(1, "damaged"), "KL_MCP_TLS_KEY_FILE", "is damaged"),
    (_too_large, "KL_MCP_TLS_KEY_FILE", "more than the 1,048,576 that are read"),
    (_of_another, "KL_MCP_TLS_KEY_FILE", "is not the one of the certificate"),
    (_with_passphrase, "KL_MCP_TLS_KEY_FILE", "needs a passphrase"),
    (_with_old_passphrase, "KL_MCP_TLS_KEY_FILE", "needs a passphrase"),
    (_for_clients, "KL_MCP_TLS_CERT_FILE", "is not for servers"),
    (_of_an_authority, "KL_MCP_TLS_CERT_FILE", "is not for servers"),
    (_expired, "KL_MCP_TLS_CERT_FILE", "expired at 20"),
]


@pytest.mark.parametrize(("prepare", "setting", "why"), REFUSED)
def test_files_that_cannot_be_served_are_refused_in_one_line_naming_setting_and_file(
    tmp_path: Path, prepare: Callable[[Files], Files], setting: str, why: str
) -> None:
    cert, key = prepare(self_signed(tmp_path))

    with pytest.raises(SettingsError) as caught:
        without_waiting(lambda: read_certificate(cert, key, time.time()))

    message = str(caught.value)
    assert message.startswith(f"{setting}: ")
    assert str(tmp_path) in message
    assert why in message
    assert "\n" not in message


def test_a_certificate_is_read_with_its_validity(tmp_path: Path) -> None:
    before = int(time.time())
    files = self_signed(tmp_path, begins_hours=-2, ends_hours=10)
    after = time.time()

    certificate = read_certificate(*files, after)

    # 2 hours back and 10 ahead of the moment it was made, in whole seconds
    assert before - 2 * HOUR <= certificate.not_before <= after - 2 * HOUR
    assert certificate.not_after == certificate.not_before + 12 * HOUR


@pytest.mark.parametrize(
    "extension",
    [
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
        _key_usage("digital_signature"),
        _key_usage("key_encipherment"),
    ],
)
def test_a_certificate_that_says_it_is_for_servers_is_fine(tmp_path: Path, extension: x509.ExtensionType) -> None:
    assert read_certificate(*self_signed(tmp_path, extension=extension), time.time()).not_after > time.time()


def test_a_comment_beside_the_certificate_and_a_chain_are_fine(tmp_path: Path) -> None:
    cert, key = self_signed(tmp_path / "leaf")
    authority, _ = self_signed(tmp_path / "authority", "authority")
    cert.write_bytes("# Türkçe\n".encode() + cert.read_bytes() + authority.read_bytes())

    assert read_certificate(cert, key, time.time()).not_after > time.time()


def test_unusable_files_end_the_command_with_one_line_and_exit_code_2(tmp_path: Path) -> None:
    cert, key = _with_passphrase(self_signed(tmp_path))
    command = [sys.executable, "-m", "kl_mcp", "--port", "0", "--tls-cert-file", str(cert), "--tls-key-file", str(key)]

    ended = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"kl-mcp: KL_MCP_TLS_KEY_FILE: the key in {key} needs a passphrase")


class _Files:
    """Files under a clock that the test turns."""

    def __init__(self, directory: Path) -> None:
        self.now = time.time()
        self.directory = directory
        self.read = TlsFiles(*self_signed(directory), now=lambda: self.now)

    def look(self, times: int = 2) -> ssl.SSLContext:
        for _ in range(times):
            self.read.look()
        return self.read.context


def test_renewed_files_are_read_once_they_are_left_alone_for_a_look(tmp_path: Path) -> None:
    files = _Files(tmp_path)
    before = files.read.context

    assert files.look() is before
    self_signed(tmp_path)
    assert files.look(1) is before
    after = files.look(1)
    assert after is not before
    assert files.look() is after


def test_a_certificate_that_comes_before_its_key_is_no_broken_renewal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = _Files(tmp_path)
    before = files.read.context
    cert, key = self_signed(tmp_path / "new")

    shutil.copy(cert, tmp_path / "tls.crt")
    files.look(1)
    shutil.copy(key, tmp_path / "tls.key")
    files.look(1)

    assert files.look(1) is not before
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_broken_renewal_is_logged_once_and_the_earlier_certificate_stays_until_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = _Files(tmp_path)
    before = files.read.context

    _of_another((tmp_path / "tls.crt", tmp_path / "tls.key"))
    shutil.copy(tmp_path / "other" / "tls.key", tmp_path / "tls.key")
    assert files.look(5) is before
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "is not the one of the certificate" in record.getMessage()
    assert "The certificate that was read before stays in force." in record.getMessage()

    shutil.copy(tmp_path / "other" / "tls.crt", tmp_path / "tls.crt")
    assert files.look() is not before


def test_a_renewal_with_another_kind_of_key_leaves_nothing_of_the_earlier_certificate(tmp_path: Path) -> None:
    self_signed(tmp_path, key=rsa.generate_private_key(65537, 2048))
    files = TlsFiles(tmp_path / "tls.crt", tmp_path / "tls.key")
    assert _served(files.context, "RSA") == _leaf(tmp_path)

    self_signed(tmp_path, key=ec.generate_private_key(ec.SECP256R1()))
    files.look()
    files.look()

    assert _served(files.context, "ECDSA") == _leaf(tmp_path)
    assert _served(files.context, "RSA") is None


def _leaf(directory: Path) -> bytes:
    certificate = x509.load_pem_x509_certificate((directory / "tls.crt").read_bytes())
    return certificate.public_bytes(serialization.Encoding.DER)


def _served(context: ssl.SSLContext, kind: str) -> bytes | None:
    """Return the certificate that a client gets which takes one kind of key alone; None where there is none for it."""
    taking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    taking.check_hostname, taking.verify_mode = False, ssl.CERT_NONE
    taking.maximum_version = ssl.TLSVersion.TLSv1_2
    taking.set_ciphers(f"ECDHE-{kind}-AES128-GCM-SHA256")
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = taking.wrap_bio(to_client, to_server), context.wrap_bio(to_server, to_client, server_side=True)
    try:
        for _ in range(3):
            for end in (client, server):
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
    except ssl.SSLError:
        return None
    return client.getpeercert(binary_form=True)


@pytest.mark.parametrize("gone", ["tls.crt", "tls.key"])
def test_a_file_that_goes_away_leaves_the_certificate_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, gone: str
) -> None:
    files = _Files(tmp_path)
    before = files.read.context

    (tmp_path / gone).unlink()

    assert files.look(5) is before
    assert [record.levelname for record in caplog.records if record.name == "kl_mcp.transport.tls"] == ["ERROR"]


def test_a_certificate_that_expires_is_warned_about_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = _Files(tmp_path)

    files.now += 23 * HOUR
    files.look()
    assert caplog.records == []
    files.now += 2 * HOUR
    before = files.read.context
    assert files.look(5) is before
    (record,) = caplog.records
    assert "has expired" in record.getMessage()


def test_a_certificate_that_does_not_hold_yet_and_a_key_for_everybody_are_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = self_signed(tmp_path, begins_hours=1)
    key.chmod(0o644)

    TlsFiles(cert, key)

    first, second = (record.getMessage() for record in caplog.records)
    assert "holds from" in first
    assert "chmod 600" in second
    assert str(key) in second
