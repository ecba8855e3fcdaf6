"""Writes what is generated of the documentation, schemas and manifests anew, or checks that it is current.

    python scripts/docs.py          rewrite them
    python scripts/docs.py --check  exit 1 and name the files that have gone stale

A generated part stands between `<!-- generated: NAME -->` and `<!-- /generated -->`. The schemas are in `spec/tools`:
a change of a tool is a change of a reviewed file, and so are the manifests by which clients install the server.
Files that name the version have the one in kl_mcp/__init__.py.
A folder other than the repository may be named as well.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from collector.settings import SETTINGS as COLLECTOR_SETTINGS
from kl_mcp.protocol.prompts import PROMPTS
from kl_mcp.settings import SETTINGS as SERVER_SETTINGS
from kl_mcp.tools import TABLE
from kl_mcp.tools.client_habits import ADDED_BY_CLIENTS
from kl_mcp.tools.tool import Tool
from release.manifests import manifests
from release.product import URL, VERSION
from simulator.clients import ClientConfiguration, client_configurations

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "kubeledger-mcp-spec.md")
NAMES_THE_VERSION = ("README.md", "Dockerfile", "helm/kubeledger/Chart.yaml", "deploy/*/*.yaml")
_VERSION = re.compile(r"((?:^v|^appV)ersion: |\bkubeledger:|\bVERSION=)\d+\.\d+\.\d+\b", re.MULTILINE)
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


def client_arguments() -> str:
    return table(
        ("ignored argument", "client and meaning"), ((f"`{name}`", said) for name, said in ADDED_BY_CLIENTS.items())
    )


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
    return "\n" + "\n".join(map(_client, client_configurations(URL))) + "\n"


def _client(client: ClientConfiguration) -> str:
    click = f" ([add it with one click]({client.link}))" if client.link else ""
    place = f": {client.where}" if client.where else ""
    return f"**{client.name}**{click}{place}\n\n```{client.language}\n{client.text}\n```\n"


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
    "client arguments": client_arguments,
    "clients": clients,
    "collector settings": collector_settings,
    "prompts": prompts,
    "server settings": server_settings,
    "tools": tools,
}


def rendered(text: str) -> str:
    """The page with each generated part written anew. KeyError for a part nobody generates."""
    return _PART.sub(lambda part: part[1] + PARTS[part["name"]]() + part[4], text)


def versioned(text: str) -> str:
    """The text with the version of this checkout wherever it names one of the chart, the image or the build."""
    return _VERSION.sub(rf"\g<1>{VERSION}", text)


def schemas(tool: Tool) -> str:
    """The file of a tool: what is advertised, and the described schemas behind it."""
    document = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "fullInputSchema": tool.full_input_schema,
        "fullOutputSchema": tool.full_output_schema,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def stale_files(root: Path) -> dict[Path, str | None]:
    """What each file that is not as it should be ought to hold; None for one that belongs to no tool."""
    named = {path: path.read_text(encoding="utf-8") for pattern in NAMES_THE_VERSION for path in root.glob(pattern)}
    pages = {path: versioned(text) for path, text in named.items()}
    pages |= {root / name: versioned(rendered((root / name).read_text(encoding="utf-8"))) for name in PAGES}
    tools_of = root / "spec" / "tools"
    expected = pages | {tools_of / f"{tool.name}.json": schemas(tool) for tool in TABLE.values()}
    expected |= {root / name: text for name, text in manifests().items()}
    files = (path for path in {*expected, *tools_of.glob("*.json")} if path.exists())
    present = {path: path.read_text(encoding="utf-8") for path in files}
    return {path: expected.get(path) for path in expected | present if expected.get(path) != present.get(path)}


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    root = next((Path(argument) for argument in arguments if argument != "--check"), ROOT)
    stale = stale_files(root)
    for path, text in () if check else stale.items():
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale and check:
        print(f"stale: {', '.join(path.name for path in stale)}; run `make docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
