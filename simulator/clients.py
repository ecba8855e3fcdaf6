"""What to paste into MCP clients so that they find a running server."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

NAME = "kubeledger"


@dataclass(frozen=True, slots=True)
class ClientConfiguration:
    """How one client is told about the server."""

    name: str
    where: str
    """File or place the text goes into; empty for a command."""
    language: str
    """Of the text: `sh` or `json`."""
    text: str
    link: str = ""
    """Opens the client, which asks whether to add the server; empty where there is none."""


def client_configurations(url: str, token: str = "") -> tuple[ClientConfiguration, ...]:
    """Configurations for the server at `url`, the address that ends in /mcp, and a `token` where it asks for one."""
    flag = f' --header "Authorization: Bearer {token}"' if token else ""
    opencode_header = f' --header "Authorization=Bearer {token}"' if token else ""
    headers = {"headers": {"Authorization": f"Bearer {token}"}} if token else {}
    add = f"--transport http {NAME} {url}{flag}"
    inspect = f"npx -y @modelcontextprotocol/inspector --cli {url} --transport http --method tools/list{flag}"
    cursor = {"url": url, **headers}
    code = {"type": "http", "url": url, **headers}
    cline = {"type": "streamableHttp", "url": url, **headers}
    windsurf = {"serverUrl": url, **headers}
    return (
        ClientConfiguration("Claude Code", "", "sh", f"claude mcp add {add}"),
        ClientConfiguration("Claude Desktop", "claude_desktop_config.json", "json", _servers(_remote(url, token))),
        ClientConfiguration("Cursor", "~/.cursor/mcp.json", "json", _servers(cursor), cursor_link(cursor)),
        ClientConfiguration("VS Code", ".vscode/mcp.json", "json", _servers(code, "servers"), code_link(code)),
        ClientConfiguration("Cline", "cline_mcp_settings.json", "json", _servers(cline)),
        ClientConfiguration("Windsurf", "~/.codeium/windsurf/mcp_config.json", "json", _servers(windsurf)),
        ClientConfiguration("Gemini CLI", "", "sh", f"gemini mcp add --scope user {add}"),
        ClientConfiguration("Codex", "", "sh", _codex(url, token)),
        ClientConfiguration("opencode", "", "sh", f"opencode mcp add {NAME} --url {url}{opencode_header}"),
        ClientConfiguration("MCP Inspector", "", "sh", inspect),
    )


def cursor_link(server: dict[str, Any]) -> str:
    """Return the link that adds `server` to Cursor."""
    config = base64.b64encode(_compact(server).encode()).decode()
    return f"https://cursor.com/en/install-mcp?{urlencode({'name': NAME, 'config': config})}"


def code_link(server: dict[str, Any]) -> str:
    """Return the link that adds `server` to VS Code."""
    query = urlencode({"name": NAME, "config": _compact(server)}, quote_via=quote)
    return f"https://insiders.vscode.dev/redirect/mcp/install?{query}"


def _compact(server: dict[str, Any]) -> str:
    return json.dumps(server, separators=(",", ":"))


def _codex(url: str, token: str) -> str:
    """Codex keeps no token: it reads a variable of its environment, now and whenever it starts."""
    add = f"codex mcp add {NAME} --url {url}"
    return f"export KUBELEDGER_TOKEN={token}\n{add} --bearer-token-env-var KUBELEDGER_TOKEN" if token else add


def _remote(url: str, token: str) -> dict[str, Any]:
    """Claude Desktop starts local programs only: mcp-remote carries the messages over."""
    args = ["-y", "mcp-remote", url, "--transport", "http-only"]
    if not token:
        return {"command": "npx", "args": args}
    # Some desktops split arguments at their spaces; a variable is left whole.
    args += ["--header", "Authorization:${AUTHORIZATION}"]
    return {"command": "npx", "args": args, "env": {"AUTHORIZATION": f"Bearer {token}"}}


def _servers(server: dict[str, Any], member: str = "mcpServers") -> str:
    # One line an argument list, as people write it.
    text = json.dumps({member: {NAME: server}}, indent=2)
    if "args" in server:
        long = json.dumps(server["args"], indent=2).replace("\n", "\n      ")
        text = text.replace(long, json.dumps(server["args"]))
    return text
