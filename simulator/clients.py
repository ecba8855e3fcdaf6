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


def client_configurations(url: str, token: str = "") -> tuple[ClientConfiguration, ...]:
    """Configurations for the server at `url`, the address that ends in /mcp, and a `token` where it asks for one."""
    flag = f' --header "Authorization: Bearer {token}"' if token else ""
    headers = {"headers": {"Authorization": f"Bearer {token}"}} if token else {}
    add = f"--transport http kubeledger {url}{flag}"
    inspect = f"npx -y @modelcontextprotocol/inspector --cli {url} --transport http --method tools/list{flag}"
    return (
        ClientConfiguration("Claude Code", "", "sh", f"claude mcp add {add}"),
        ClientConfiguration("Claude Desktop", "claude_desktop_config.json", "json", _servers(_remote(url, token))),
        ClientConfiguration("Cursor", "~/.cursor/mcp.json", "json", _servers({"url": url, **headers})),
        ClientConfiguration(
            "Windsurf", "~/.codeium/windsurf/mcp_config.json", "json", _servers({"serverUrl": url, **headers})
        ),
        ClientConfiguration("Gemini CLI", "", "sh", f"gemini mcp add --scope user {add}"),
        ClientConfiguration("MCP Inspector", "", "sh", inspect),
    )


def _remote(url: str, token: str) -> dict[str, Any]:
    """Claude Desktop starts local programs only: mcp-remote carries the messages over."""
    args = ["-y", "mcp-remote", url, "--transport", "http-only"]
    if not token:
        return {"command": "npx", "args": args}
    # Some desktops split arguments at their spaces; a variable is left whole.
    args += ["--header", "Authorization:${AUTHORIZATION}"]
    return {"command": "npx", "args": args, "env": {"AUTHORIZATION": f"Bearer {token}"}}


def _servers(server: dict[str, Any]) -> str:
    # One line an argument list, as people write it.
    text = json.dumps({"mcpServers": {"kubeledger": server}}, indent=2)
    if "args" in server:
        long = json.dumps(server["args"], indent=2).replace("\n", "\n      ")
        text = text.replace(long, json.dumps(server["args"]))
    return text
