"""Writes, or checks, the full schemas of the tools under spec/tools: `python -m kl_mcp.tools.snapshot --check|--write`.

A change of a tool is a change of a reviewed file: the check fails on any difference, also on a file too many.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from kl_mcp.tools import TABLE
from kl_mcp.tools.schema import full_input_schema
from kl_mcp.tools.tool import Tool

DIRECTORY = Path(__file__).parents[2] / "spec" / "tools"


def snapshot(tool: Tool) -> str:
    """Return the file of a tool: what is advertised, and the described schemas behind it."""
    document = {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "fullInputSchema": full_input_schema(tool.arguments),
        "fullOutputSchema": tool.full_output_schema,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def differences(directory: Path) -> list[str]:
    """Return what differs between the tools and the files: one sentence each."""
    expected = {f"{tool.name}.json": snapshot(tool) for tool in TABLE.values()}
    found = {path.name: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.json"))}
    return [
        *(f"{name} is missing" for name in expected if name not in found),
        *(f"{name} differs from the tool" for name in expected if name in found and found[name] != expected[name]),
        *(f"{name} belongs to no tool" for name in found if name not in expected),
    ]


def write(directory: Path) -> None:
    """Write every file, and remove those of tools that are gone."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in directory.glob("*.json"):
        if path.stem not in TABLE:
            path.unlink()
    for tool in TABLE.values():
        (directory / f"{tool.name}.json").write_text(snapshot(tool), encoding="utf-8")


def main(arguments: Sequence[str] | None = None, directory: Path = DIRECTORY) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--check", action="store_true", help="fail when a file differs from its tool")
    mode.add_argument("--write", action="store_true", help="write the files")
    if parser.parse_args(arguments).write:
        write(directory)
        return 0
    found = differences(directory)
    for difference in found:
        sys.stderr.write(f"{directory.name}/{difference}: run python -m kl_mcp.tools.snapshot --write\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
