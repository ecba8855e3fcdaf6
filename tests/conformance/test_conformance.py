"""The official suite against real server processes, in both protocol eras.

The server as it is must pass what asks nothing of particular tools. With the suite's fixtures registered it must pass
everything but the baselines; with sessions and event streams as well, everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.npm import Packages
from tests.clients.sandbox import FROM_CHECKOUT
from tests.conformance import suite
from tests.conformance.everything import SESSIONS
from tests.support.mcp_clients import http_server

pytestmark = pytest.mark.conformance

HERE = Path(__file__).parent
EVERYTHING = "tests.conformance.everything"
MODERN, OLDER = "2026-07-28", "2025-11-25"
BASELINES = {MODERN: HERE / "baseline-2026.yml", OLDER: HERE / "baseline-2025.yml"}
REQUIRED = {
    MODERN: (
        "completion-complete",
        "tools-list",
        "resources-list",
        "prompts-list",
        "sep-2164-resource-not-found",
        "dns-rebinding-protection",
        "caching",
        "http-header-validation",
        "server-sse-multiple-streams",
        "input-required-result-unsupported-methods",
        "server-stateless",
    ),
    OLDER: (
        "server-initialize",
        "ping",
        "completion-complete",
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
    ),
}
CALL_FIXTURES = {
    "server-stateless": {
        "sep-2575-server-rejects-undeclared-capability",
        "sep-2575-missing-capability-http-400",
        "sep-2575-http-server-no-independent-requests-on-stream",
        "sep-2575-server-no-log-without-loglevel",
    }
}
"""Checks that call tools which the server does not have."""


@pytest.fixture(scope="module")
def plain_url(data_dir: Path) -> Iterator[str]:
    with http_server(data_dir) as server:
        yield server.url


@pytest.mark.parametrize("version", [MODERN, OLDER])
def test_the_server_as_it_is_passes_every_scenario_that_calls_no_fixture(
    version: str, packages: Packages, plain_url: str, tmp_path: Path
) -> None:
    report = suite.run(packages, plain_url, version, tmp_path)
    for scenario in REQUIRED[version]:
        assert report.passed(scenario), (scenario, report.output)
        assert report.failed(scenario) == CALL_FIXTURES.get(scenario, set()), (scenario, report.output)


@pytest.mark.parametrize("version", [MODERN, OLDER])
def test_with_the_fixtures_of_the_suite_nothing_fails_but_the_baseline(
    version: str, packages: Packages, data_dir: Path, tmp_path: Path
) -> None:
    with http_server(data_dir, module=EVERYTHING, env=FROM_CHECKOUT) as server:
        report = suite.run(packages, server.url, version, tmp_path, BASELINES[version])
    assert report.exit_code == 0, report.output
    assert all(report.passed(scenario) for scenario in REQUIRED[version])


@pytest.mark.parametrize("version", [MODERN, OLDER])
def test_with_sessions_and_event_streams_the_whole_suite_passes(
    version: str, packages: Packages, data_dir: Path, tmp_path: Path
) -> None:
    with http_server(data_dir, SESSIONS, module=EVERYTHING, env=FROM_CHECKOUT) as server:
        report = suite.run(packages, server.url, version, tmp_path)
    assert report.exit_code == 0, report.output
    assert {scenario for scenario in report.checks if not report.passed(scenario)} == set()


@pytest.mark.parametrize("version", [MODERN, OLDER])
def test_no_scenario_that_the_server_must_pass_stands_in_a_baseline(version: str) -> None:
    excused = {entry.strip(" -").partition(":")[0] for entry in _entries(BASELINES[version])}
    assert excused
    assert excused.isdisjoint(REQUIRED[version])


def _entries(baseline: Path) -> list[str]:
    return [line for line in baseline.read_text().splitlines() if line.startswith("  - ")]
