"""Certificate and key of the HTTP transport: read from PEM files, tried out, and read again when the files change."""

import logging
import re
import ssl
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from kl_core.calendar import iso
from kl_core.errors import SettingsError
from kl_core.regular_files import read_regular
from kl_core.watched_file import Mark, mark_of

logger = logging.getLogger(__name__)

CERT = "KL_MCP_TLS_CERT_FILE"
KEY = "KL_MCP_TLS_KEY_FILE"
MAX_FILE_BYTES = 1024 * 1024
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
CIPHERS = "@SECLEVEL=2:ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption only, as every suite of TLS 1.3 has them."""
FOR_SERVERS = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
WEAK = {
    "EE_KEY_TOO_SMALL": "its key is too short (RSA needs 2048 bits)",
    "CA_KEY_TOO_SMALL": "the key of a certificate in its chain is too short (RSA needs 2048 bits)",
    "CA_MD_TOO_WEAK": "a certificate in its chain is signed with a broken hash function",
}
"""What OpenSSL refuses to serve."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that can be served: the context that serves it, and its validity in UNIX seconds."""

    context: ssl.SSLContext
    not_before: float
    not_after: float


def read_certificate(cert_file: Path, key_file: Path, now: float) -> Certificate:
    """Read the certificate chain and key of two PEM files.

    Raise `SettingsError`, also for a certificate that has expired at `now`.
    """
    leaf = _leaf(_content(CERT, cert_file), cert_file)
    if not PRIVATE_KEY.search(_content(KEY, key_file)):
        raise SettingsError(f"{KEY}: {key_file} holds no private key in PEM form.")
    not_before, not_after = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
    context = _server()
    _load(context, cert_file, key_file)
    if not_after <= now:
        raise SettingsError(f"{CERT}: the certificate in {cert_file} expired at {iso(not_after)}. Renew it.")
    return Certificate(context, not_before, not_after)


def _content(setting: str, path: Path) -> bytes:
    try:
        return read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        raise SettingsError(f"{setting}: {path} cannot be read: {error.strerror}.") from None


def _leaf(content: bytes, cert_file: Path) -> x509.Certificate:
    """Return the server's own certificate, the first of the file. OpenSSL loads one that no client accepts, too."""
    if not CERTIFICATE.search(content):
        raise SettingsError(f"{CERT}: {cert_file} holds no certificate in PEM form.")
    try:
        leaf = x509.load_pem_x509_certificates(content)[0]
        extensions = [extension.value for extension in leaf.extensions]
    except ValueError:
        raise SettingsError(f"{CERT}: a certificate in {cert_file} is damaged.") from None
    if not all(map(_serves, extensions)):
        raise SettingsError(
            f"{CERT}: the certificate in {cert_file} is not for servers. Have one issued with the key usage "
            "digitalSignature and the extended key usage serverAuth, or with neither of these extensions."
        )
    return leaf


def _serves(extension: x509.ExtensionType) -> bool:
    """Tell whether clients accept a certificate with this extension from a server."""
    if isinstance(extension, x509.KeyUsage):
        return extension.digital_signature or extension.key_encipherment or extension.key_agreement
    return not isinstance(extension, x509.ExtendedKeyUsage) or bool(FOR_SERVERS & set(extension))


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
        raise SettingsError(f"{KEY}: the key in {key_file} needs a passphrase. Store it without one (openssl pkey).")

    try:
        context.load_cert_chain(cert_file, key_file, passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingsError(
                f"{KEY}: the key in {key_file} is not the one of the certificate in {cert_file}."
            ) from None
        if error.reason in WEAK:
            raise SettingsError(f"{CERT}: {cert_file} cannot be used: {WEAK[error.reason]}.") from None
        raise SettingsError(f"{KEY}: the key in {key_file} is damaged.") from None
    except OSError as error:
        raise SettingsError(f"{CERT} or {KEY}: {cert_file} or {key_file} cannot be read: {error.strerror}.") from None


class TlsFiles:
    """The certificate of two files that may be renewed. A broken renewal is logged; the earlier one stays in force.

    A renewal makes a context of its own. To load the new pair into the one in use would leave a certificate of another
    kind of key in it: OpenSSL keeps one a kind, and would serve the old RSA certificate beside the new EC one.
    """

    def __init__(self, cert_file: Path, key_file: Path, *, now: Callable[[], float] = time.time) -> None:
        """Read the files. Raise `SettingsError`."""
        self._files = (cert_file, key_file)
        self._now = now
        self._mark = self._seen = self._look_at_files()
        self._certificate = read_certificate(cert_file, key_file, now())
        self._expiry_is_logged = False
        self._warn()

    @property
    def context(self) -> ssl.SSLContext:
        """Return what new connections are served with."""
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
        if not self._expiry_is_logged and self._certificate.not_after <= self._now():
            self._expiry_is_logged = True
            logger.warning("The certificate in %s has expired: clients refuse it. Renew it.", self._files[0])

    def _renew(self) -> None:
        try:
            self._certificate = read_certificate(*self._files, self._now())
        except SettingsError as error:
            logger.error("%s The certificate that was read before stays in force.", error)  # noqa: TRY400 -- no traceback
            return
        self._expiry_is_logged = False
        logger.info("Read %s again: it holds until %s.", self._files[0], iso(self._certificate.not_after))
        self._warn()

    def _warn(self) -> None:
        if self._certificate.not_before > self._now():
            logger.warning(
                "The certificate in %s holds from %s only: clients refuse it.",
                self._files[0],
                iso(self._certificate.not_before),
            )
        if (mark := self._mark[1]) and mark.mode & stat.S_IROTH:
            logger.warning("Everybody on this machine can read the key file %s: chmod 600 it.", self._files[1])

    def _look_at_files(self) -> tuple[Mark | None, ...]:
        return tuple(map(mark_of, self._files))
