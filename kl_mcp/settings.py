"""Settings of `kl-mcp`: each declared once, as a field of `Settings`. A flag wins over its variable."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kl_core import casts, settings
from kl_core.errors import SettingsError
from kl_core.settings import Loaded, declared, setting
from kl_mcp.command_line import parse_flags


@dataclass(frozen=True, slots=True)
class Settings(Loaded):
    """Validated settings. `allowed_hosts` and `allowed_origins` add to the loopback names, which are always allowed."""

    data_dir: Path = setting(
        "KL_MCP_DATA_DIR",
        "Directory the collector publishes to: its KL_DATA_DIR, which is used when this is not set.",
        casts.path,
        "~/.kubeledger/data",
        flag="--data-dir",
        metavar="DIR",
        fallback="KL_DATA_DIR",
    )
    transport: str = setting(
        "KL_MCP_TRANSPORT",
        "http: Streamable HTTP at /mcp. stdio: for a client that starts this command itself.",
        casts.OneOf(("http", "stdio")),
        "http",
        flag="--transport",
        metavar="NAME",
    )
    host: str = setting(
        "KL_MCP_LISTEN_HOST",
        "Address to listen on. Other than loopback, name the allowed hosts too.",
        casts.host,
        "127.0.0.1",
        flag="--host",
        metavar="ADDRESS",
    )
    port: int = setting(
        "KL_MCP_LISTEN_PORT",
        "Port to listen on; 0 takes any free port.",
        casts.integer(0, 65_535),
        "5484",
        flag="--port",
        metavar="PORT",
    )
    allowed_hosts: tuple[str, ...] = setting(
        "KL_MCP_ALLOWED_HOSTS",
        "Host headers to accept besides localhost and the listen address, separated by commas; * accepts any. "
        "Protects against DNS rebinding.",
        casts.hosts,
        flag="--allowed-hosts",
        metavar="NAMES",
    )
    allowed_origins: tuple[str, ...] = setting(
        "KL_MCP_ALLOWED_ORIGINS",
        "Origins of web pages that may call besides those on localhost, separated by commas; * accepts any.",
        casts.origins,
        flag="--allowed-origins",
        metavar="ORIGINS",
    )
    system_namespace_prefixes: tuple[str, ...] = setting(
        "KL_MCP_SYSTEM_NAMESPACE_PREFIXES",
        "Namespaces that start with one of these are system namespaces, all others are application namespaces.",
        casts.names,
        "kube-,openshift-",
        flag="--system-namespace-prefixes",
        metavar="PREFIXES",
    )
    share_namespaces: tuple[str, ...] = setting(
        "KL_SHARE_NAMESPACES",
        "Globs of namespaces, comma-separated, whose costs all others bear in proportion to their own.",
        casts.globs,
        flag="--share-namespaces",
        metavar="GLOBS",
    )
    share_idle: bool = setting(
        "KL_SHARE_IDLE",
        "true: namespaces bear the cost of idle capacity too, where it is positive, in proportion to their own.",
        casts.boolean,
        "false",
        flag="--share-idle",
        metavar="BOOL",
        bare="true",
    )
    cost_multiplier: float = setting(
        "KL_COST_MULTIPLIER",
        "Multiplies every cost and the bill, after sharing: 1.15 is a mark-up of 15 per cent.",
        casts.multiplier,
        "1",
        flag="--cost-multiplier",
        metavar="NUMBER",
    )
    history_cache_bytes: int = setting(
        "KL_MCP_HISTORY_CACHE_BYTES",
        "How much of the history is kept in memory when it was asked for; more is read again.",
        casts.integer(0, 64 * 1024 * 1024 * 1024),
        "134217728",
        flag="--history-cache-bytes",
        metavar="BYTES",
    )
    tokens_file: Path | None = setting(
        "KL_MCP_TOKENS_FILE",
        "JSON file of the bearer tokens that callers need over HTTP, read again when it changes. Without it and "
        "without KL_MCP_JWT_JWKS, anybody may call.",
        casts.or_none(casts.path),
        flag="--tokens-file",
        metavar="FILE",
    )
    audit_log: str = setting(
        "KL_MCP_AUDIT_LOG",
        "File to append one JSON line a call to: who asked what, and what came of it; - for standard error.",
        casts.file_name,
        flag="--audit-log",
        metavar="FILE",
    )
    max_requests: int = setting(
        "KL_MCP_MAX_REQUESTS",
        "Requests answered at once; further ones are answered 503. Open subscriptions do not count.",
        casts.integer(1, 100_000),
        "256",
        flag="--max-requests",
        metavar="NUMBER",
    )
    max_request_bytes: int = setting(
        "KL_MCP_MAX_REQUEST_BYTES",
        "Largest body of a request.",
        casts.integer(1024, 64 * 1024 * 1024),
        "262144",
        flag="--max-request-bytes",
        metavar="BYTES",
    )
    client_timeout: int = setting(
        "KL_MCP_CLIENT_TIMEOUT",
        "How long a TLS handshake may take, the headers of a request, its body, and a client to take its answer. "
        "Between requests a connection may be idle for 75 seconds.",
        casts.integer(1, 3600),
        "20",
        flag="--client-timeout",
        metavar="SECONDS",
    )
    tls_cert_file: Path | None = setting(
        "KL_MCP_TLS_CERT_FILE",
        "Certificate chain in PEM form, to serve https; read again when it changes. Needs the key too.",
        casts.or_none(casts.path),
        flag="--tls-cert-file",
        metavar="FILE",
    )
    tls_key_file: Path | None = setting(
        "KL_MCP_TLS_KEY_FILE",
        "Private key of the certificate, in PEM form and without a passphrase.",
        casts.or_none(casts.path),
        flag="--tls-key-file",
        metavar="FILE",
    )
    metrics_port: int | None = setting(
        "KL_MCP_METRICS_PORT",
        "Serve /metrics on this port and no longer on the main one, so that a network policy can tell them apart.",
        casts.or_none(casts.integer(0, 65_535)),
        flag="--metrics-port",
        metavar="PORT",
    )
    jwt_jwks: str = setting(
        "KL_MCP_JWT_JWKS",
        "JSON Web Key Set of the issuer, as an https URL or a file: callers may then present its JWTs as bearer "
        "tokens over HTTP.",
        casts.key_set,
        flag="--jwt-jwks",
        metavar="URL",
        secret=True,
    )
    jwt_issuer: str = setting(
        "KL_MCP_JWT_ISSUER",
        "Issuer whose JWTs are accepted: their `iss`, and the authorization server that clients are sent to.",
        casts.url,
        flag="--jwt-issuer",
        metavar="URL",
        secret=True,
    )
    jwt_audience: str = setting(
        "KL_MCP_JWT_AUDIENCE",
        "What the `aud` of a JWT has to hold; the resource URL where this is not set.",
        casts.printable,
        flag="--jwt-audience",
        metavar="TEXT",
    )
    jwt_required_scopes: tuple[str, ...] = setting(
        "KL_MCP_JWT_REQUIRED_SCOPES",
        "Scopes that a JWT has to grant, separated by commas or spaces.",
        casts.separated_names,
        flag="--jwt-required-scopes",
        metavar="SCOPES",
    )
    jwt_namespaces_claim: str = setting(
        "KL_MCP_JWT_NAMESPACES_CLAIM",
        "Claim of a JWT that holds the globs of the namespaces its bearer may see, as a list or separated by "
        "spaces. Without this setting a JWT shows all; with it, a JWT without the claim is refused.",
        casts.printable,
        flag="--jwt-namespaces-claim",
        metavar="NAME",
    )
    resource_url: str = setting(
        "KL_MCP_RESOURCE_URL",
        "URL under which clients reach /mcp, for the protected-resource metadata that tells them where to get a JWT.",
        casts.url,
        flag="--resource-url",
        metavar="URL",
        secret=True,
    )
    log_level: str | None = setting(
        "KL_MCP_LOG_LEVEL",
        "debug, info, warning or error; logs go to standard error. Default: info over HTTP, warning over stdio.",
        casts.or_none(casts.OneOf(("debug", "info", "warning", "error"))),
        flag="--log-level",
        metavar="LEVEL",
    )


SETTINGS = declared(Settings)


def load(environ: Mapping[str, str] | None = None, argv: Sequence[str] | None = None) -> Settings:
    """Return the settings of `argv` (default: the command line) over `environ` (default: that of the process).

    Raises `SettingsError`. `--help` and `--version` print and raise `SystemExit(0)`, as argparse does.
    """
    loaded = settings.load(Settings, environ, parse_flags(sys.argv[1:] if argv is None else argv, SETTINGS))
    _check_together(loaded)
    return loaded


def _check_together(settings: Settings) -> None:
    """Raise `SettingsError` where settings that are fine one by one cannot be used together."""
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
    if setting := next((name for name, value in idle.items() if value), None):
        raise SettingsError(
            f"{setting} is set, but not KL_MCP_JWT_JWKS, which the keys of JWTs are read from: set it too."
        )
