"""Certificate and key of the HTTP transport: read from PEM files, tried out, and read again when the files change."""

from __future__ import annotations

import logging
import re
import ssl
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kl_core.calendar import iso
from kl_core.regular_files import read_regular
from kl_core.watched_file import Mark, mark_of
from kl_query.errors import SettingsError

logger = logging.getLogger(__name__)

CERT = "KL_MCP_TLS_CERT_FILE"
KEY = "KL_MCP_TLS_KEY_FILE"
LARGEST_FILE = 1024 * 1024
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
CIPHERS = "@SECLEVEL=2:ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption only, as every suite of TLS 1.3 has them."""
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for."""
WEAK = {
    "EE_KEY_TOO_SMALL": "its key is too short (RSA needs 2048 bits)",
    "CA_KEY_TOO_SMALL": "the key of a certificate in its chain is too short (RSA needs 2048 bits)",
    "CA_MD_TOO_WEAK": "a certificate in its chain is signed with a broken hash function",
}
"""What OpenSSL refuses to serve."""


class TlsError(SettingsError):
    """Certificate or key cannot be used. The message names the setting and the file, and quotes nothing of the key."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that can be served: the context that serves it, and its validity in UNIX seconds."""

    context: ssl.SSLContext
    not_before: float
    not_after: float


def read_certificate(cert_file: Path, key_file: Path, now: float) -> Certificate:
    """The certificate chain and key of two PEM files. Raises `TlsError`, also for one that has expired at `now`."""
    client = _client(_content(CERT, cert_file), cert_file)
    if not PRIVATE_KEY.search(_content(KEY, key_file)):
        raise TlsError(f"{KEY}: {key_file} holds no private key in PEM form.")
    context = _server()
    _load(context, cert_file, key_file)
    not_before, not_after = _validity(context, client, cert_file)
    if not_after <= now:
        raise TlsError(f"{CERT}: the certificate in {cert_file} expired at {iso(not_after)}. Renew it.")
    return Certificate(context, not_before, not_after)


def _content(setting: str, path: Path) -> bytes:
    try:
        return read_regular(path, LARGEST_FILE)
    except OSError as error:
        raise TlsError(f"{setting}: {path} cannot be read: {error.strerror}.") from None


def _client(content: bytes, cert_file: Path) -> ssl.SSLContext:
    """A client that trusts the certificates of a file, whenever they hold."""
    certificates = b"\n".join(CERTIFICATE.findall(content)).decode("ascii", "replace")
    if not certificates:
        raise TlsError(f"{CERT}: {cert_file} holds no certificate in PEM form.")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | NO_CHECK_TIME
    try:
        client.load_verify_locations(cadata=certificates)
    except (ssl.SSLError, ValueError):
        raise TlsError(f"{CERT}: a certificate in {cert_file} is damaged.") from None
    return client


def _server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
    def passphrase() -> str:
        # Without this, OpenSSL asks for it on the terminal.
        raise TlsError(f"{KEY}: the key in {key_file} needs a passphrase. Store it without one (openssl pkey).")

    try:
        context.load_cert_chain(cert_file, key_file, passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"{KEY}: the key in {key_file} is not the one of the certificate in {cert_file}.") from None
        if error.reason in WEAK:
            raise TlsError(f"{CERT}: {cert_file} cannot be used: {WEAK[error.reason]}.") from None
        raise TlsError(f"{KEY}: the key in {key_file} is damaged.") from None
    except OSError as error:
        raise TlsError(f"{CERT} or {KEY}: {cert_file} or {key_file} cannot be read: {error.strerror}.") from None


def _validity(context: ssl.SSLContext, client: ssl.SSLContext, cert_file: Path) -> tuple[float, float]:
    """From when until when the certificate holds, in UNIX seconds, as a client sees it that trusts it."""
    try:
        seen = _tried(context, client)
        return ssl.cert_time_to_seconds(seen["notBefore"]), ssl.cert_time_to_seconds(seen["notAfter"])
    except ssl.SSLCertVerificationError as error:
        why = error.verify_message
    except (ssl.SSLError, ValueError) as error:
        why = str(error)
    raise TlsError(f"{CERT}: the certificate in {cert_file} cannot be used by a server: {why}.")


def _tried(context: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, str]:
    """What a client learns of the certificate in a handshake in memory. Raises `ssl.SSLError` and ValueError."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = context.wrap_bio(to_server, to_client, server_side=True)
    for side in (asking, answering, asking, answering):
        with suppress(ssl.SSLWantReadError):
            side.do_handshake()
    seen = asking.getpeercert() or {}
    return {name: str(seen[name]) for name in ("notBefore", "notAfter")}


class TlsFiles:
    """The certificate of two files that may be renewed. A broken renewal is logged; the earlier one stays in force."""

    def __init__(self, cert_file: Path, key_file: Path, *, now: Callable[[], float] = time.time) -> None:
        """Read the files. Raises `TlsError`."""
        self._files = (cert_file, key_file)
        self._now = now
        self._mark = self._seen = self._look_at_files()
        self._certificate = read_certificate(cert_file, key_file, now())
        self._told_expired = False
        self._warn()

    @property
    def context(self) -> ssl.SSLContext:
        """What new connections are served with."""
        return self._certificate.context

    def look(self) -> None:
        """Read the files again when they changed and have been left alone since the last look. Raises nothing.

        Certificate and key may be written one after the other: in between they do not belong together.
        """
        mark = self._look_at_files()
        settled, self._seen = mark == self._seen, mark
        if mark != self._mark and settled:
            self._mark = mark
            self._renew()
        if not self._told_expired and self._certificate.not_after <= self._now():
            self._told_expired = True
            logger.warning("The certificate in %s has expired: clients refuse it. Renew it.", self._files[0])

    def _renew(self) -> None:
        try:
            self._certificate = read_certificate(*self._files, self._now())
        except TlsError as error:
            logger.error("%s The certificate that was read before stays in force.", error)  # noqa: TRY400 -- no traceback
            return
        self._told_expired = False
        logger.info("Read %s again: it holds until %s.", self._files[0], iso(self._certificate.not_after))
        self._warn()

    def _warn(self) -> None:
        if self._certificate.not_before > self._now():
            since = iso(self._certificate.not_before)
            logger.warning("The certificate in %s holds from %s only: clients refuse it.", self._files[0], since)
        if (mark := self._mark[1]) and mark.mode & stat.S_IROTH:
            logger.warning("Everybody on this machine can read the key file %s: chmod 600 it.", self._files[1])

    def _look_at_files(self) -> tuple[Mark | None, ...]:
        return tuple(map(mark_of, self._files))
