"""The command where the collector's libraries are not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("library", ["numpy", "rrdtool", "kubernetes"])
def test_a_missing_library_is_one_line_that_says_how_to_install_the_collector(library: str) -> None:
    # None in sys.modules is what the import system leaves for a module that is not there.
    script = f"import sys; sys.modules[{library!r}] = None; from collector.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert library in done.stderr
    assert "pip install 'kubeledger[collector]'" in done.stderr


def test_the_command_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "collector", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("kl-collector ")
