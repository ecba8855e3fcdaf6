"""The command where the collector's libraries are not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.patience import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("library", ["numpy", "rrdtool", "kubernetes"])
def test_a_missing_library_is_one_line_that_says_how_to_install_the_collector(library: str, tmp_path: Path) -> None:
    # None in sys.modules is what the import system leaves for a module that is not there.
    script = f"import sys; sys.modules[{library!r}] = None; from collector.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "once"]
    environ = {"HOME": str(tmp_path), "KL_K8S_API_ENDPOINT": "http://127.0.0.1:1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert library in done.stderr
    assert "pip install 'kubeledger[collector]'" in done.stderr


def test_the_command_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "collector", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("kl-collector ")


def test_health_and_help_need_none_of_the_libraries(tmp_path: Path) -> None:
    missing = "import sys; sys.modules.update(dict.fromkeys(('numpy', 'rrdtool', 'kubernetes')));"
    for arguments, code in ((["health"], 1), (["--help"], 0)):
        script = f"{missing} from collector.__main__ import main; sys.exit(main())"
        command = [sys.executable, "-c", script, *arguments]
        environ = {"HOME": str(tmp_path)}
        done = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
        )
        assert done.returncode == code, done.stderr
        assert "is not installed" not in done.stderr
