"""Settings of `kl-mcp`: one table with name, flag, default and help, read from flags first and the environment second.

The only module of the package that reads the environment. An empty variable counts as unset.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from kl_mcp import __version__
from kl_mcp.errors import KlMcpError, ToolArgumentError
from kl_mcp.queries.select import check_patterns

TRANSPORTS = ("http", "stdio")
LOG_LEVELS = ("debug", "info", "warning", "error")
FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class SettingsError(KlMcpError):
    """A setting cannot be used. The message names the setting, its value, what is allowed and what to do."""


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
    log_level: str


def _directory(text: str) -> Path:
    if "\0" in text:
        raise ValueError("a directory without NUL bytes")
    return Path(text).expanduser()


def _optional_file(text: str) -> Path | None:
    if "\0" in text:
        raise ValueError("a file name without NUL bytes")
    return Path(text).expanduser() if text else None


def _audit_log(text: str) -> str:
    if "\0" in text:
        raise ValueError("a file name without NUL bytes, or - for standard error")
    return text


def _one_of(allowed: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(" or ".join(allowed))
        return text.lower()

    return parse


def _host(text: str) -> str:
    if any(character.isspace() or character == "/" for character in text):
        raise ValueError("a host name or an IP address, without scheme, port or path")
    return text.removeprefix("[").removesuffix("]")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise ValueError("a whole number from 0 to 65535 (0 takes any free port)")
    return int(text)


def _between(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def _names(text: str) -> tuple[str, ...]:
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def _hosts(text: str) -> tuple[str, ...]:
    names = _names(text)
    if any("://" in name or "/" in name for name in names):
        raise ValueError("host names separated by commas, each with or without a port, or * for any")
    return names


def _origins(text: str) -> tuple[str, ...]:
    names = _names(text)
    if any(name != "*" and "://" not in name for name in names):
        raise ValueError("origins such as https://tools.example.com separated by commas, or * for any")
    return tuple(name.rstrip("/") for name in names)


def _globs(text: str) -> tuple[str, ...]:
    patterns = tuple(dict.fromkeys(_names(text)))
    if any(character.isspace() for pattern in patterns for character in pattern):
        raise ValueError("names or globs of namespaces separated by commas, none with a space in it")
    try:
        return check_patterns(patterns, "the setting") if patterns else ()
    except ToolArgumentError as error:
        raise ValueError(f"names or globs of namespaces. {error.message.rstrip('.')}") from None


def _flag(text: str) -> bool:
    if text.lower() not in FLAGS:
        raise ValueError("true or false")
    return FLAGS[text.lower()]


def _multiplier(text: str) -> float:
    # float() takes more than anybody means: underscores, digits of other scripts, infinity, and 1e400 for infinity
    factor = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else 0.0
    if not factor > 0:
        raise ValueError("a number above 0, such as 1.15 for a mark-up of 15 per cent")
    return factor


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "KL_MCP_DATA_DIR",
        "--data-dir",
        "DIR",
        "~/.kubeledger/data",
        "Directory the collector publishes to: its KL_DATA_DIR, which is used when this is not set.",
        _directory,
        fallback="KL_DATA_DIR",
    ),
    Setting(
        "KL_MCP_TRANSPORT",
        "--transport",
        "NAME",
        "http",
        "http: Streamable HTTP at /mcp. stdio: for a client that starts this command itself.",
        _one_of(TRANSPORTS),
    ),
    Setting(
        "KL_MCP_LISTEN_HOST",
        "--host",
        "ADDRESS",
        "127.0.0.1",
        "Address to listen on. Other than loopback, name the allowed hosts too.",
        _host,
    ),
    Setting("KL_MCP_LISTEN_PORT", "--port", "PORT", "5484", "Port to listen on; 0 takes any free port.", _port),
    Setting(
        "KL_MCP_ALLOWED_HOSTS",
        "--allowed-hosts",
        "NAMES",
        "",
        "Host headers to accept besides localhost and the listen address, separated by commas; * accepts any. "
        "Protects against DNS rebinding.",
        _hosts,
    ),
    Setting(
        "KL_MCP_ALLOWED_ORIGINS",
        "--allowed-origins",
        "ORIGINS",
        "",
        "Origins of web pages that may call besides those on localhost, separated by commas; * accepts any.",
        _origins,
    ),
    Setting(
        "KL_MCP_SYSTEM_NAMESPACE_PREFIXES",
        "--system-namespace-prefixes",
        "PREFIXES",
        "kube-,openshift-",
        "Namespaces that start with one of these are system namespaces, all others are application namespaces.",
        _names,
    ),
    Setting(
        "KL_SHARE_NAMESPACES",
        "--share-namespaces",
        "GLOBS",
        "",
        "Globs of namespaces, comma-separated, whose costs all others bear in proportion to their own.",
        _globs,
    ),
    Setting(
        "KL_SHARE_IDLE",
        "--share-idle",
        "BOOL",
        "false",
        "true: namespaces bear the cost of idle capacity too, where it is positive, in proportion to their own.",
        _flag,
        bare="true",
    ),
    Setting(
        "KL_COST_MULTIPLIER",
        "--cost-multiplier",
        "NUMBER",
        "1",
        "Multiplies every cost and the bill, after sharing: 1.15 is a mark-up of 15 per cent.",
        _multiplier,
    ),
    Setting(
        "KL_MCP_TOKENS_FILE",
        "--tokens-file",
        "FILE",
        "",
        "JSON file of the bearer tokens that callers need over HTTP, read again when it changes. Without it, "
        "anybody may call.",
        _optional_file,
    ),
    Setting(
        "KL_MCP_AUDIT_LOG",
        "--audit-log",
        "FILE",
        "",
        "File to append one JSON line a call to: who asked what, and what came of it; - for standard error.",
        _audit_log,
    ),
    Setting(
        "KL_MCP_MAX_REQUESTS",
        "--max-requests",
        "NUMBER",
        "256",
        "Requests answered at once; further ones are answered 503. Open subscriptions do not count.",
        _between(1, 100_000),
    ),
    Setting(
        "KL_MCP_MAX_REQUEST_BYTES",
        "--max-request-bytes",
        "BYTES",
        "1048576",
        "Largest body of a request.",
        _between(1024, 64 * 1024 * 1024),
    ),
    Setting(
        "KL_MCP_CLIENT_TIMEOUT",
        "--client-timeout",
        "SECONDS",
        "20",
        "How long the headers of a request may take to arrive, and how long its body.",
        _between(1, 3600),
    ),
    Setting(
        "KL_MCP_LOG_LEVEL",
        "--log-level",
        "LEVEL",
        "info",
        "debug, info, warning or error; logs go to standard error.",
        _one_of(LOG_LEVELS),
    ),
)

DESCRIPTION = """\
Answers questions about Kubernetes capacity, usage, requests and cost per namespace, to AI assistants that speak
the Model Context Protocol. Reads the JSON files that kl-collector publishes and nothing else; it never writes and
never talks to a cluster. A data directory that is still empty is picked up when the first files appear.
"""

EPILOG = """\
examples:
  kl-mcp                                          serve http://127.0.0.1:5484/mcp from ~/.kubeledger/data
  kl-mcp --data-dir /data --port 8080             another directory, another port
  kl-mcp --host 0.0.0.0 --allowed-hosts mcp.example.com
  kl-mcp --transport stdio --data-dir /data       for clients that start the server themselves

clients:
  claude mcp add --transport http kubeledger http://127.0.0.1:5484/mcp
  claude mcp add kubeledger -- kl-mcp --transport stdio --data-dir /data
  gemini mcp add --scope user --transport http kubeledger http://127.0.0.1:5484/mcp
  {"mcpServers": {"kubeledger": {"url": "http://127.0.0.1:5484/mcp"}}}          Cursor, Windsurf (serverUrl)
  {"mcpServers": {"kubeledger": {"command": "npx",
    "args": ["-y", "mcp-remote", "http://127.0.0.1:5484/mcp", "--transport", "http-only"]}}}   Claude Desktop

A flag wins over its environment variable. /healthz answers while the process lives; /readyz says which data it serves,
/metrics is for Prometheus.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message}. `kl-mcp --help` lists the settings.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="kl-mcp",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for setting in SETTINGS:
        default = f"default {setting.default}" if setting.default else "default: none"
        text = f"{setting.help} [{setting.name}, {default}]"
        bare: dict[str, Any] = {} if setting.bare is None else {"nargs": "?", "const": setting.bare}
        parser.add_argument(setting.flag, metavar=setting.metavar, dest=setting.field, help=text, **bare)
    parser.add_argument("--version", action="version", version=f"kl-mcp {__version__}")
    return parser


def _parse_flags(argv: Sequence[str]) -> dict[str, str | None]:
    namespace, unknown = _parser().parse_known_args(list(argv))
    if unknown:
        flags = [*(setting.flag for setting in SETTINGS), "--help", "--version"]
        nearest = difflib.get_close_matches(unknown[0].partition("=")[0], flags, n=1)
        hint = f" Did you mean {nearest[0]}?" if nearest else ""
        raise SettingsError(f"unknown argument {unknown[0]!r}.{hint} `kl-mcp --help` lists the settings.")
    return vars(namespace)


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
        raise SettingsError(f"{source}={text!r} cannot be used: it must be {error}.") from None


def load(environ: Mapping[str, str] | None = None, argv: Sequence[str] | None = None) -> Settings:
    """Settings from `argv` (default: the command line) over `environ` (default: the process environment).

    Raises `SettingsError`. `--help` and `--version` print and raise `SystemExit(0)`, as argparse does.
    """
    flags = _parse_flags(sys.argv[1:] if argv is None else argv)
    variables = os.environ if environ is None else environ
    return Settings(**{setting.field: _value(setting, flags, variables) for setting in SETTINGS})
