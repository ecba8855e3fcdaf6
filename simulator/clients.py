"""What to paste into MCP clients so that they find a running server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ClientConfiguration:
    """How one client is told about the server."""

    name: str
    where: str
    """File or place the text goes into; empty for a command."""
    language: str
    """Of the text: `sh` or `json`."""
    text: str


def client_configurations(url: str) -> tuple[ClientConfiguration, ...]:
    """Configurations for the server at `url`, the address that ends in /mcp."""
    # Claude Desktop starts local programs only: mcp-remote carries the messages over.
    remote = {"command": "npx", "args": ["-y", "mcp-remote", url, "--transport", "http-only"]}
    inspect = f"npx -y @modelcontextprotocol/inspector --cli {url} --transport http --method tools/list"
    return (
        ClientConfiguration("Claude Code", "", "sh", f"claude mcp add --transport http kubeledger {url}"),
        ClientConfiguration("Claude Desktop", "claude_desktop_config.json", "json", _servers(remote)),
        ClientConfiguration("Cursor", "~/.cursor/mcp.json", "json", _servers({"url": url})),
        ClientConfiguration("Windsurf", "~/.codeium/windsurf/mcp_config.json", "json", _servers({"serverUrl": url})),
        ClientConfiguration("Gemini CLI", "", "sh", f"gemini mcp add --scope user --transport http kubeledger {url}"),
        ClientConfiguration("MCP Inspector", "", "sh", inspect),
    )


def _servers(server: dict[str, Any]) -> str:
    # One line an argument list, as people write it.
    text = json.dumps({"mcpServers": {"kubeledger": server}}, indent=2)
    if "args" in server:
        long = json.dumps(server["args"], indent=2).replace("\n", "\n      ")
        text = text.replace(long, json.dumps(server["args"]))
    return text
