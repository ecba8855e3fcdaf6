"""The package as people install it: by pip into a fresh environment, by uvx, and as the bundle of Claude Desktop."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import anyio
import pytest
from mcp.client.stdio import StdioServerParameters

from kl_mcp import __version__
from kl_mcp.tools import TABLE
from tests.install.conftest import Release, beside_python, run
from tests.support.mcp_clients import connect

pytestmark = pytest.mark.clients

# Without a compiler and without librrd, as on a machine that only asks.
BARE = {"PATH": "/nonexistent", "CC": "/nonexistent/cc"}


def test_the_wheel_installs_in_a_fresh_environment_without_any_system_package(release: Release, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    run(
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--disable-pip-version-check",
        release.wheel,
        env=BARE,
    )
    for command in ("kl-mcp", "kubeledger"):
        assert run(tmp_path / "venv" / "bin" / command, "--version") == f"kl-mcp {__version__}\n"


@pytest.mark.parametrize("command", ["kl-mcp", "kubeledger"])
def test_uvx_runs_the_wheel(release: Release, command: str) -> None:
    printed = run(beside_python("uvx"), "--no-config", "--from", release.wheel, command, "--version")
    assert printed == f"kl-mcp {__version__}\n"


def test_uvx_runs_the_checkout(release: Release) -> None:
    printed = run(beside_python("uvx"), "--no-config", "--from", ".", "kl-mcp", "--version", cwd=release.source)
    assert printed == f"kl-mcp {__version__}\n"


def test_the_bundle_starts_a_server_that_answers(release: Release, data_dir: Path, tmp_path: Path) -> None:
    """As Claude Desktop runs it, with the wheel of the release in place of the one on PyPI."""
    with zipfile.ZipFile(release.bundle) as archive:
        archive.extractall(tmp_path)
    server = json.loads((tmp_path / "manifest.json").read_text())["server"]["mcp_config"]
    arguments = [word.replace("${__dirname}", str(tmp_path)) for word in server["args"]]
    environ = {"UV_FIND_LINKS": str(release.dist), "KL_MCP_DATA_DIR": str(data_dir), "HOME": str(tmp_path)}
    # Fetches the packages first, so that a client need not wait for them.
    run(beside_python("uv"), *arguments[:-1], "python", "-c", "import kl_mcp", env=environ)

    async def tools() -> list[str]:
        parameters = StdioServerParameters(command=str(beside_python("uv")), args=arguments, env=environ)
        async with connect(parameters) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert anyio.run(tools) == list(TABLE)
