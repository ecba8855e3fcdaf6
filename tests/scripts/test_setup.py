"""What `scripts/setup` says where it cannot install what is missing, and that it writes plain lines into a log."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.patience import LIMIT_SECONDS

SETUP = Path(__file__).resolve().parents[2] / "scripts" / "setup"
TOOLS = ("cat", "cksum", "dirname", "sed")
BOLD = b"\x1b[1m"


def machine(directory: Path, *, system: str = "Linux", user: int = 0, package_manager: str = "") -> dict[str, str]:
    """The environment of a machine without a compiler, on which these commands are all there is."""
    for name in TOOLS:
        source = shutil.which(name)
        assert source is not None
        (directory / name).symlink_to(source)
    scripts = {"python3": "", "uname": f"echo {system}", "id": f"echo {user}", "sudo": ""}
    if package_manager:
        scripts[package_manager] = "exit 1"
    for name, body in scripts.items():
        (directory / name).write_text(f"#!/bin/sh\n{body}\n")
        (directory / name).chmod(0o755)
    return {"PATH": str(directory)}


def set_up(environ: dict[str, str], copy: Path) -> subprocess.CompletedProcess[str]:
    """Run a copy of it, which knows no environment yet."""
    script = copy / "scripts" / "setup"
    script.parent.mkdir(parents=True)
    shutil.copy(SETUP, script)
    return subprocess.run(
        ["/bin/sh", script], env=environ, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
    )


@pytest.mark.parametrize(
    ("user", "command"),
    [
        (0, "dnf install gcc rrdtool-devel python3-devel glibc-devel"),
        (1000, "sudo dnf install gcc rrdtool-devel python3-devel glibc-devel"),
    ],
)
def test_on_fedora_it_names_the_command(tmp_path: Path, user: int, command: str) -> None:
    (tmp_path / "bin").mkdir()
    done = set_up(machine(tmp_path / "bin", user=user, package_manager="dnf"), tmp_path / "copy")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"This is no Debian. Run: {command}"


def test_on_macos_it_names_what_runs_there(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = set_up(machine(tmp_path / "bin", system="Darwin"), tmp_path / "copy")
    assert done.returncode == 1
    assert done.stderr == (
        "setup: the collector, and the demo with it, need Linux: use a virtual machine. "
        "On macOS run the server: uvx --from . kl-mcp\n"
    )


def test_elsewhere_it_names_the_packages_of_debian(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    done = set_up(machine(tmp_path / "bin"), tmp_path / "copy")
    assert done.stderr.splitlines()[0] == (
        "This is no Debian. Install the equivalents of these packages: gcc librrd-dev python3-dev libc6-dev"
    )


def test_its_lines_are_bold_on_a_terminal_and_plain_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    environ = machine(tmp_path / "bin")
    assert "\x1b" not in set_up(environ, tmp_path / "copy").stderr
    terminal, theirs = pty.openpty()
    try:
        subprocess.run(["/bin/sh", tmp_path / "copy" / "scripts" / "setup"], env=environ, stderr=theirs, check=False)
        assert os.read(terminal, 4096).startswith(BOLD)
    finally:
        os.close(terminal)
        os.close(theirs)
