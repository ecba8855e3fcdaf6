"""A watched server, and clean homes from which clients reach it and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.client.stdio import StdioServerParameters

from simulator.clients import client_configurations
from tests.clients import watched
from tests.clients.npm import Packages
from tests.support.certificates import signed
from tests.support.mcp_clients import http_server

RUN_SECONDS = 600
MILLISECONDS = str(RUN_SECONDS * 1000)
NOWHERE = "http://127.0.0.1:9"
DIRECTORIES_OF_PROGRAMS = (
    "@anthropic-ai/claude-code-linux-x64",
    "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin",
    "opencode-linux-x64-baseline/bin",
)
"""Of packages whose programs npm links into no common directory, since their install scripts would."""
FROM_CHECKOUT = {"PYTHONPATH": str(Path(__file__).parents[2])}
"""Lets Python find the modules of the tests from any directory."""


@dataclass(frozen=True)
class Sandbox:
    """A server, how to run commands where they can reach only that, and the requests that it got."""

    url: str
    data_dir: Path
    home: Path
    packages: Packages
    enter: Sequence[str]
    token: str = ""
    """What the server asks callers for; empty where it asks for nothing."""
    authority: Path | None = None
    """The certificate that clients have to trust; None where the server speaks http."""
    requests: Path = field(init=False)
    stdio_requests: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "requests", self.home.parent / "requests")
        object.__setattr__(self, "stdio_requests", self.home.parent / "stdio-requests")

    @property
    def environment(self) -> dict[str, str]:
        """A clean environment. npx finds the installed packages and is not to ask a registry."""
        modules = self.packages.modules
        programs = [modules / directory for directory in DIRECTORIES_OF_PROGRAMS]
        path = (self.packages.node.parent, *programs, modules / ".bin", "/usr/bin", "/bin")
        names = ("NODE_EXTRA_CA_CERTS", "CODEX_CA_CERTIFICATE") if self.authority else ()
        trusted = dict.fromkeys(names, str(self.authority))
        return {
            **trusted,
            "PATH": os.pathsep.join(map(str, path)),
            "HOME": str(self.home),
            "npm_config_offline": "true",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "MCP_TIMEOUT": MILLISECONDS,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "GOOGLE_GEMINI_BASE_URL": NOWHERE,
            "MCP_INSPECTOR_SECRET_STORE": "memory",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
        }

    @property
    def desktop(self) -> StdioServerParameters:
        """The program that Claude Desktop would start; npx takes the installed package where it finds one."""
        server = json.loads(self.printed("Claude Desktop"))["mcpServers"]["kubeledger"]
        command = [*self.enter, "/usr/bin/env", server["command"], *server["args"]]
        environment = {**self.environment, **server.get("env", {})}
        return StdioServerParameters(command=command[0], args=command[1:], env=environment, cwd=self.packages.directory)

    @property
    def kl_mcp(self) -> list[str]:
        """The installed command over stdio."""
        return [str(Path(sys.executable).with_name("kl-mcp")), *self._stdio_flags]

    @property
    def watched(self) -> list[str]:
        """The same, noting the requests."""
        return [sys.executable, watched.__file__, "--requests", str(self.stdio_requests), *self._stdio_flags]

    @property
    def _stdio_flags(self) -> list[str]:
        return ["--transport", "stdio", "--data-dir", str(self.data_dir)]

    def start(
        self, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command, by default in its home."""
        return subprocess.Popen(
            [*self.enter, *command],
            cwd=cwd or self.home,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with self.start(*command, cwd=cwd, env=env) as process:
            try:
                out, err = process.communicate(timeout=RUN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def shell(self, text: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run what a user would paste into a shell."""
        return self.run("sh", "-c", text, cwd=cwd)

    def make_gemini_patient(self) -> None:
        """Give Gemini CLI time to connect to the servers it knows; by itself it takes five seconds for a verdict."""
        path = self.home / ".gemini" / "settings.json"
        settings = json.loads(path.read_text())
        for server in settings["mcpServers"].values():
            server["timeout"] = int(MILLISECONDS)
        path.write_text(json.dumps(settings))

    def printed(self, client: str) -> str:
        """The configuration of a client as it is printed for this server."""
        return next(each.text for each in client_configurations(self.url, self.token) if each.name == client)


def methods(requests: Path) -> list[str]:
    """`METHOD VERSION` of the requests so far."""
    return [" ".join(line.split(" ", 2)[:2]) for line in _noted(requests)]


def calls(requests: Path) -> list[tuple[str, Any]]:
    """Tool and arguments of the calls so far, as they arrived."""
    parameters = [json.loads(line.split(" ", 2)[2]) for line in _noted(requests) if line.startswith("tools/call ")]
    return [(each["name"], each["arguments"]) for each in parameters]


def _noted(requests: Path) -> list[str]:
    return requests.read_text().splitlines() if requests.exists() else []


@contextmanager
def sandbox(data_dir: Path, directory: Path, packages: Packages, *, token: str = "") -> Iterator[Sandbox]:
    """A server over `data_dir`, and a home in the empty `directory`. With a `token` it asks for that, over https."""
    home = directory / "home"
    home.mkdir()
    flags, authority = ["--requests", str(directory / "requests"), "--alone"], None
    if token:
        tokens = directory / "tokens.json"
        tokens.write_text(json.dumps({"tokens": [{"name": "tester", "token": token}]}))
        authority, certificate, key = signed(directory)
        flags += ["--tokens-file", str(tokens), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    with http_server(data_dir, *flags, module="tests.clients.watched", env=FROM_CHECKOUT) as server:
        yield Sandbox(server.url, data_dir, home, packages, watched.joining(server.process.pid), token, authority)
