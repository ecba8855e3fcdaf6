"""What CI runs: all suites whichever fails, and on its last line what was skipped and why."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.patience import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = """\
#!/bin/sh
echo "$1" >>"$CALLS"
case $1 in
    test) echo "SKIPPED [2] tests/helm/conftest.py:21: npm cannot be reached" ;;
    clients) echo "SKIPPED [10] tests/clients/fixtures.py:16: npm cannot be reached" ;;
    image) echo "SKIPPED [1] tests/helm/test_image.py:9: no Debian" ;;
esac
echo "the closing line of $1"
[ "$1" != "$FAILING" ]
"""


def ci(directory: Path, *, failing: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run it with a stand-in for make of which one target fails; also what it was called with."""
    make, calls = directory / "make", directory / "calls"
    make.write_text(STAND_IN)
    make.chmod(0o755)
    environ = {"PATH": f"{directory}:{os.environ['PATH']}", "CALLS": str(calls), "FAILING": failing}
    done = subprocess.run(
        [ROOT / ".ci" / "run"], env=environ, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
    )
    return done, calls.read_text().split()


def suites() -> list[str]:
    """The markers of tests that are no part of `make test`."""
    options = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (found,) = re.findall(r'"-m", "not \((.*)\)"', options)
    return str(found).split(" or ")


def test_every_suite_has_a_target_which_ci_runs_after_the_tests(tmp_path: Path) -> None:
    _, called = ci(tmp_path, failing="")
    assert called[0] == "test"
    assert set(suites()) <= set(called)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in called:
        (recipe,) = re.findall(rf"^{name}: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
        assert "$(call within," in recipe, f"make {name} has no limit"


@pytest.mark.parametrize("failing", ["test", "clients"])
def test_all_suites_run_though_one_fails_and_then_it_fails(tmp_path: Path, failing: str) -> None:
    passed, every = ci(tmp_path, failing="")
    (tmp_path / "calls").unlink()
    done, called = ci(tmp_path, failing=failing)
    assert (passed.returncode, done.returncode) == (0, 1)
    assert called == every
    assert f"\nFAILED: {failing}\n" in done.stdout
    assert "the closing line of test\n" in done.stdout


def test_the_last_line_counts_what_was_skipped_once_with_its_reasons(tmp_path: Path) -> None:
    done, _ = ci(tmp_path, failing="")
    number, _, reasons = done.stdout.splitlines()[-1].partition(": ")
    assert number == "13 skipped"
    assert sorted(reasons.split("; ")) == ["1 no Debian", "12 npm cannot be reached"]
