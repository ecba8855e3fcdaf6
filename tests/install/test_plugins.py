"""Bundle, plugins and extension: the clients' own tools accept them, install them and reach the server by them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kl_mcp import __version__
from release import manifests
from tests.clients.sandbox import Sandbox, methods
from tests.install.conftest import Release, run

pytestmark = pytest.mark.clients


def test_mcpb_accepts_the_bundle(release: Release, mcpb: list[str], tmp_path: Path) -> None:
    run(*mcpb, "unpack", release.bundle, tmp_path)
    assert "Manifest schema validation passes!" in run(*mcpb, "validate", tmp_path / "manifest.json")
    # Packed by it, the bundle holds the same files.
    run(*mcpb, "pack", tmp_path, tmp_path.parent / "again.mcpb")
    assert "kubeledger" in run(*mcpb, "info", release.bundle)


def test_claude_code_accepts_the_marketplace_and_the_plugin(release: Release, sandbox: Sandbox) -> None:
    for command in (
        ("claude", "plugin", "validate", "--strict", str(release.source)),
        ("claude", "plugin", "validate", "--profile", "directory", str(release.source / manifests.PLUGIN)),
    ):
        done = sandbox.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Validation passed" in done.stdout


def test_claude_code_reaches_the_server_once_the_plugin_is_installed(release: Release, sandbox: Sandbox) -> None:
    assert sandbox.run("claude", "plugin", "marketplace", "add", str(release.source)).returncode == 0
    assert sandbox.run("claude", "plugin", "install", "kubeledger@kubeledger").returncode == 0
    states = sandbox.run("claude", "mcp", "list").stdout
    assert "plugin:kubeledger:kubeledger: http://127.0.0.1:5484/mcp (HTTP) - ✔ Connected" in states
    assert any(line.startswith("tools/list ") for line in methods(sandbox.requests))


def test_gemini_cli_accepts_the_extension_and_reaches_the_server_by_it(release: Release, sandbox: Sandbox) -> None:
    done = sandbox.run("gemini", "extensions", "validate", str(release.source))
    assert "has been successfully validated" in done.stdout + done.stderr
    extension = sandbox.home / "extension"
    extension.mkdir()
    (extension / "gemini-extension.json").write_text((release.source / "gemini-extension.json").read_text())
    installed = sandbox.run("gemini", "extensions", "install", str(extension), "--consent")
    assert "installed successfully" in installed.stdout + installed.stderr
    assert f"kubeledger ({__version__})" in sandbox.run("gemini", "extensions", "list").stderr
    listed = sandbox.run("gemini", "mcp", "list")
    assert "✓ kubeledger (from kubeledger): http://127.0.0.1:5484/mcp" in listed.stdout + listed.stderr


def test_codex_installs_the_plugin_from_the_marketplace(release: Release, sandbox: Sandbox) -> None:
    for command in (
        ("plugin", "marketplace", "add", str(release.source)),
        ("plugin", "add", "kubeledger@kubeledger"),
    ):
        done = sandbox.run("codex", *command)
        assert done.returncode == 0, done.stdout + done.stderr
    (server,) = json.loads(sandbox.run("codex", "mcp", "list", "--json").stdout)
    assert (server["name"], server["transport"]["url"]) == ("kubeledger", "http://127.0.0.1:5484/mcp")
