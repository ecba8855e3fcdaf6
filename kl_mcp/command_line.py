"""The command line of `kl-mcp`: its flags, which are the settings, and its help."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from kl_core.errors import SettingsError
from kl_core.settings import Setting
from kl_core.wording import did_you_mean
from kl_mcp import __version__

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


def _parser(options: Sequence[Setting]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="kl-mcp",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for setting in options:
        default = f"default {setting.default}" if setting.default else "default: none"
        text = f"{setting.help} [{setting.name}, {default}]"
        bare: dict[str, Any] = {} if setting.bare is None else {"nargs": "?", "const": setting.bare}
        parser.add_argument(setting.flag, metavar=setting.metavar, dest=setting.field, help=text, **bare)
    parser.add_argument("--version", action="version", version=f"kl-mcp {__version__}")
    return parser


def parse_flags(argv: Sequence[str], options: Sequence[Setting]) -> dict[str, str]:
    """Return the text of each flag that is given.

    Raises `SettingsError` for an argument that does not exist. `--help` and `--version` raise `SystemExit(0)`.
    """
    namespace, unknown = _parser(options).parse_known_args(list(argv))
    if unknown:
        flags = [*(setting.flag for setting in options), "--help", "--version"]
        wrong = unknown[0].partition("=")[0]  # a value may be a password
        raise SettingsError(
            f"unknown argument {wrong!r}.{did_you_mean(wrong, flags)} `kl-mcp --help` lists the settings."
        )
    given = vars(namespace)
    return {setting.flag: given[setting.field] for setting in options if given[setting.field] is not None}
