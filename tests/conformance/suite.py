"""Runs the official conformance suite against a server and reads what it found."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.npm import Packages

RUN_SECONDS = 900
_FOLDER = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z")


@dataclass(frozen=True)
class Report:
    """What a run of the suite found; checks are `(id, status)`, a scenario that does not apply has none that passed."""

    exit_code: int
    output: str = field(repr=False)
    checks: Mapping[str, tuple[tuple[str, str], ...]] = field(repr=False)

    def failed(self, scenario: str) -> set[str]:
        """Ids of the checks of a scenario that failed."""
        return {check for check, status in self.checks[scenario] if status == "FAILURE"}

    def passed(self, scenario: str) -> set[str]:
        """Ids of the checks of a scenario that passed each time."""
        return {check for check, status in self.checks[scenario] if status == "SUCCESS"} - self.failed(scenario)


def run(packages: Packages, url: str, version: str, results: Path, baseline: Path | None = None) -> Report:
    """Every scenario that applies to a protocol version; `results` is an empty directory for what is found."""
    flags = ["--suite", "all", "--spec-version", version, "--output-dir", str(results)]
    expected = ["--expected-failures", str(baseline)] if baseline else []
    command = packages.command("@modelcontextprotocol/conformance", "dist/index.js", "server", "--url", url)
    done = subprocess.run(
        [*command, *flags, *expected],
        env={"PATH": "/usr/bin:/bin", "HOME": str(results)},
        cwd=results,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    return Report(done.returncode, done.stdout + done.stderr, _checks(results))


def _checks(results: Path) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for file in sorted(results.glob("*/checks.json")):
        folder = _FOLDER.fullmatch(file.parent.name)
        assert folder, file.parent.name
        found[folder["scenario"]] += [(check["id"], check["status"]) for check in json.loads(file.read_text())]
    return {scenario: tuple(checks) for scenario, checks in found.items()}
