"""Writes the generated parts of the documentation, or checks that they are current.

    python scripts/docs.py          rewrite them
    python scripts/docs.py --check  exit 1 and name the pages that have gone stale

A generated part stands between `<!-- generated: NAME -->` and `<!-- /generated -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from collector.settings import SETTINGS as COLLECTOR_SETTINGS
from kl_mcp.protocol.prompts import PROMPTS
from kl_mcp.settings import SETTINGS as SERVER_SETTINGS
from kl_mcp.tools import TABLE
from simulator.clients import client_configurations

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "kubeledger-mcp-spec.md")
_PART = re.compile(r"(<!-- generated: (?P<name>[a-z ]+) -->\n)(?P<body>.*?)(<!-- /generated -->)", re.DOTALL)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; `|` in cells is escaped."""
    head = list(header)
    lines = [head, ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def tools() -> str:
    rows = (
        (f"`{name}`", ", ".join(f"`{key}`" for key in tool.input_schema.get("properties", {})) or "–", tool.title)
        for name, tool in TABLE.items()
    )
    return table(("tool", "arguments", "what it answers"), rows)


def prompts() -> str:
    rows = (
        (
            f"`{name}`",
            ", ".join(f"`{a.name}`{' (required)' if a.required else ''}" for a in prompt.arguments) or "–",
            prompt.description,
        )
        for name, prompt in PROMPTS.items()
    )
    return table(("prompt", "arguments", "what it leads to"), rows)


def clients() -> str:
    blocks = (
        f"**{client.name}**{': ' + client.where if client.where else ''}\n\n```{client.language}\n{client.text}\n```\n"
        for client in client_configurations("http://127.0.0.1:5484/mcp")
    )
    return "\n" + "\n".join(blocks) + "\n"


def collector_settings() -> str:
    return table(
        ("variable", "default", "meaning"),
        ((f"`{s.name}`", f"`{s.default}`" if s.default else "–", s.help) for s in COLLECTOR_SETTINGS),
    )


def server_settings() -> str:
    return table(
        ("variable", "flag", "default", "meaning"),
        (
            (f"`{s.name}`", f"`{s.flag}`" if s.flag else "–", f"`{s.default}`" if s.default else "–", s.help)
            for s in SERVER_SETTINGS
        ),
    )


PARTS: Mapping[str, Callable[[], str]] = {
    "clients": clients,
    "collector settings": collector_settings,
    "prompts": prompts,
    "server settings": server_settings,
    "tools": tools,
}


def rendered(text: str) -> str:
    """The page with each generated part written anew. KeyError for a part nobody generates."""
    return _PART.sub(lambda part: part[1] + PARTS[part["name"]]() + part[4], text)


def main(arguments: list[str]) -> int:
    stale = []
    for page in (ROOT / name for name in PAGES):
        text = page.read_text(encoding="utf-8")
        new = rendered(text)
        if new != text:
            stale.append(page.name)
            if "--check" not in arguments:
                page.write_text(new, encoding="utf-8")
    if stale and "--check" in arguments:
        print(f"stale: {', '.join(stale)}; run `make docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
