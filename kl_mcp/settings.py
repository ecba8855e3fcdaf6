"""Settings of `kl-mcp`: one table with name, flag, default and help, read from flags first and the environment second.

The only module of the package that reads the environment. An empty variable counts as unset.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kl_core.errors import SettingsError
from kl_mcp import casts
from kl_mcp.command_line import parse_flags

TRANSPORTS = ("http", "stdio")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: environment variable `name`, command-line `flag`, default as the user would write it."""

    name: str
    flag: str
    metavar: str
    default: str
    help: str
    parse: Callable[[str], Any]
    fallback: str | None = None
    bare: str | None = None
    """What the flag means without a value; None where it needs one."""
    secret: bool = False
    """Whether its text may hold a password, so that no message quotes it."""

    @property
    def field(self) -> str:
        """Attribute of `Settings` that holds the value."""
        return self.flag.removeprefix("--").replace("-", "_")


@dataclass(frozen=True, slots=True)
class Settings:
    """Validated settings. `allowed_hosts` and `allowed_origins` add to the loopback names, which are always allowed."""

    data_dir: Path
    transport: str
    host: str
    port: int
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    system_namespace_prefixes: tuple[str, ...]
    share_namespaces: tuple[str, ...]
    share_idle: bool
    cost_multiplier: float
    tokens_file: Path | None
    audit_log: str
    max_requests: int
    max_request_bytes: int
    client_timeout: int
    tls_cert_file: Path | None
    tls_key_file: Path | None
    metrics_port: int | None
    jwt_jwks: str
    jwt_issuer: str
    jwt_audience: str
    jwt_required_scopes: tuple[str, ...]
    jwt_namespaces_claim: str
    resource_url: str
    log_level: str


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "KL_MCP_DATA_DIR",
        "--data-dir",
        "DIR",
        "~/.kubeledger/data",
        "Directory the collector publishes to: its KL_DATA_DIR, which is used when this is not set.",
        casts.directory,
        fallback="KL_DATA_DIR",
    ),
    Setting(
        "KL_MCP_TRANSPORT",
        "--transport",
        "NAME",
        "http",
        "http: Streamable HTTP at /mcp. stdio: for a client that starts this command itself.",
        casts.one_of(TRANSPORTS),
    ),
    Setting(
        "KL_MCP_LISTEN_HOST",
        "--host",
        "ADDRESS",
        "127.0.0.1",
        "Address to listen on. Other than loopback, name the allowed hosts too.",
        casts.host,
    ),
    Setting("KL_MCP_LISTEN_PORT", "--port", "PORT", "5484", "Port to listen on; 0 takes any free port.", casts.port),
    Setting(
        "KL_MCP_ALLOWED_HOSTS",
        "--allowed-hosts",
        "NAMES",
        "",
        "Host headers to accept besides localhost and the listen address, separated by commas; * accepts any. "
        "Protects against DNS rebinding.",
        casts.hosts,
    ),
    Setting(
        "KL_MCP_ALLOWED_ORIGINS",
        "--allowed-origins",
        "ORIGINS",
        "",
        "Origins of web pages that may call besides those on localhost, separated by commas; * accepts any.",
        casts.origins,
    ),
    Setting(
        "KL_MCP_SYSTEM_NAMESPACE_PREFIXES",
        "--system-namespace-prefixes",
        "PREFIXES",
        "kube-,openshift-",
        "Namespaces that start with one of these are system namespaces, all others are application namespaces.",
        casts.names,
    ),
    Setting(
        "KL_SHARE_NAMESPACES",
        "--share-namespaces",
        "GLOBS",
        "",
        "Globs of namespaces, comma-separated, whose costs all others bear in proportion to their own.",
        casts.globs,
    ),
    Setting(
        "KL_SHARE_IDLE",
        "--share-idle",
        "BOOL",
        "false",
        "true: namespaces bear the cost of idle capacity too, where it is positive, in proportion to their own.",
        casts.flag,
        bare="true",
    ),
    Setting(
        "KL_COST_MULTIPLIER",
        "--cost-multiplier",
        "NUMBER",
        "1",
        "Multiplies every cost and the bill, after sharing: 1.15 is a mark-up of 15 per cent.",
        casts.multiplier,
    ),
    Setting(
        "KL_MCP_TOKENS_FILE",
        "--tokens-file",
        "FILE",
        "",
        "JSON file of the bearer tokens that callers need over HTTP, read again when it changes. Without it and "
        "without KL_MCP_JWT_JWKS, anybody may call.",
        casts.optional_file,
    ),
    Setting(
        "KL_MCP_AUDIT_LOG",
        "--audit-log",
        "FILE",
        "",
        "File to append one JSON line a call to: who asked what, and what came of it; - for standard error.",
        casts.log_target,
    ),
    Setting(
        "KL_MCP_MAX_REQUESTS",
        "--max-requests",
        "NUMBER",
        "256",
        "Requests answered at once; further ones are answered 503. Open subscriptions do not count.",
        casts.between(1, 100_000),
    ),
    Setting(
        "KL_MCP_MAX_REQUEST_BYTES",
        "--max-request-bytes",
        "BYTES",
        "262144",
        "Largest body of a request.",
        casts.between(1024, 64 * 1024 * 1024),
    ),
    Setting(
        "KL_MCP_CLIENT_TIMEOUT",
        "--client-timeout",
        "SECONDS",
        "20",
        "How long a TLS handshake may take, the headers of a request, its body, and a client to take its answer; and "
        "how long a connection may be idle between requests.",
        casts.between(1, 3600),
    ),
    Setting(
        "KL_MCP_TLS_CERT_FILE",
        "--tls-cert-file",
        "FILE",
        "",
        "Certificate chain in PEM form, to serve https; read again when it changes. Needs the key too.",
        casts.optional_file,
    ),
    Setting(
        "KL_MCP_TLS_KEY_FILE",
        "--tls-key-file",
        "FILE",
        "",
        "Private key of the certificate, in PEM form and without a passphrase.",
        casts.optional_file,
    ),
    Setting(
        "KL_MCP_METRICS_PORT",
        "--metrics-port",
        "PORT",
        "",
        "Serve /metrics on this port and no longer on the main one, so that a network policy can tell them apart.",
        casts.optional_port,
    ),
    Setting(
        "KL_MCP_JWT_JWKS",
        "--jwt-jwks",
        "URL",
        "",
        "JSON Web Key Set of the issuer, as an https URL or a file: callers may then present its JWTs as bearer "
        "tokens over HTTP.",
        casts.key_set,
        secret=True,
    ),
    Setting(
        "KL_MCP_JWT_ISSUER",
        "--jwt-issuer",
        "URL",
        "",
        "Issuer whose JWTs are accepted: their `iss`, and the authorization server that clients are sent to.",
        casts.optional_url,
        secret=True,
    ),
    Setting(
        "KL_MCP_JWT_AUDIENCE",
        "--jwt-audience",
        "TEXT",
        "",
        "What the `aud` of a JWT has to hold; the resource URL where this is not set.",
        str,
    ),
    Setting(
        "KL_MCP_JWT_REQUIRED_SCOPES",
        "--jwt-required-scopes",
        "SCOPES",
        "",
        "Scopes that a JWT has to grant, separated by commas or spaces.",
        casts.scopes,
    ),
    Setting(
        "KL_MCP_JWT_NAMESPACES_CLAIM",
        "--jwt-namespaces-claim",
        "NAME",
        "",
        "Claim of a JWT that holds the globs of the namespaces its bearer may see, as a list or separated by spaces. "
        "Without this setting a JWT shows all; with it, a JWT without the claim is refused.",
        str,
    ),
    Setting(
        "KL_MCP_RESOURCE_URL",
        "--resource-url",
        "URL",
        "",
        "URL under which clients reach /mcp, for the protected-resource metadata that tells them where to get a JWT.",
        casts.optional_url,
        secret=True,
    ),
    Setting(
        "KL_MCP_LOG_LEVEL",
        "--log-level",
        "LEVEL",
        "info",
        "debug, info, warning or error; logs go to standard error.",
        casts.one_of(LOG_LEVELS),
    ),
)


def _value(setting: Setting, flags: Mapping[str, str | None], environ: Mapping[str, str]) -> Any:
    """The parsed value of `setting`, and on failure a message that names where the text came from."""
    source, text = setting.flag, flags.get(setting.field)
    if text is None:
        names = [name for name in (setting.name, setting.fallback) if name]
        source = next((name for name in names if environ.get(name)), setting.name)
        text = environ.get(source) or setting.default
    try:
        return setting.parse(text)
    except ValueError as error:
        shown = source if setting.secret else f"{source}={text!r}"
        raise SettingsError(f"{shown} cannot be used: it must be {error}.") from None


def load(environ: Mapping[str, str] | None = None, argv: Sequence[str] | None = None) -> Settings:
    """Settings from `argv` (default: the command line) over `environ` (default: the process environment).

    Raises `SettingsError`. `--help` and `--version` print and raise `SystemExit(0)`, as argparse does.
    """
    flags = parse_flags(sys.argv[1:] if argv is None else argv, SETTINGS)
    variables = os.environ if environ is None else environ
    settings = Settings(**{setting.field: _value(setting, flags, variables) for setting in SETTINGS})
    _check_together(settings)
    return settings


def _check_together(settings: Settings) -> None:
    """SettingsError where settings that are fine one by one cannot be used together."""
    if (settings.tls_cert_file is None) != (settings.tls_key_file is None):
        missing = "KL_MCP_TLS_KEY_FILE" if settings.tls_key_file is None else "KL_MCP_TLS_CERT_FILE"
        raise SettingsError(f"https needs both KL_MCP_TLS_CERT_FILE and KL_MCP_TLS_KEY_FILE: {missing} is not set.")
    if settings.metrics_port and settings.metrics_port == settings.port:
        raise SettingsError(
            f"KL_MCP_METRICS_PORT={settings.metrics_port} is the main port. Choose another, or leave it unset to serve "
            "/metrics on the main port."
        )
    if settings.jwt_jwks:
        needed = {"KL_MCP_JWT_ISSUER": settings.jwt_issuer, "KL_MCP_RESOURCE_URL": settings.resource_url}
        if missing := " and ".join(name for name, value in needed.items() if not value):
            raise SettingsError(f"KL_MCP_JWT_JWKS is set, so JWTs are accepted, but {missing} is not: set it too.")
        return
    # Whoever set one of these takes the server for closed.
    idle = {
        "KL_MCP_JWT_ISSUER": settings.jwt_issuer,
        "KL_MCP_JWT_AUDIENCE": settings.jwt_audience,
        "KL_MCP_JWT_REQUIRED_SCOPES": settings.jwt_required_scopes,
        "KL_MCP_JWT_NAMESPACES_CLAIM": settings.jwt_namespaces_claim,
    }
    if found := next((name for name, value in idle.items() if value), None):
        raise SettingsError(
            f"{found} is set, but not KL_MCP_JWT_JWKS, which the keys of JWTs are read from: set it too."
        )
