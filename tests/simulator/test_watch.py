"""Watches of the simulated API, over real HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3

from simulator.faults import parse_time
from simulator.server import RunningSimulator, running_simulator
from simulator.shapes import HOUR, STEP
from simulator.workload import Workload
from tests.support.patience import LIMIT_SECONDS

NOW = parse_time("2026-11-20T21:58:00Z")
NIGHT = parse_time("2026-11-20T22:02:00Z")
WORKLOAD = Workload(parse_time("2025-10-01T00:00:00Z"))


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator(WORKLOAD, at=NOW) as running:
        yield running


@contextmanager
def watching(simulator: RunningSimulator, path: str, **query: str) -> Iterator[Iterator[Any]]:
    with urllib3.PoolManager(timeout=LIMIT_SECONDS, retries=False) as pool:
        answer = pool.request(
            "GET", f"{simulator.url}/api/v1/{path}", fields={"watch": "true", **query}, preload_content=False
        )
        try:
            yield (json.loads(line) for line in answer)
        finally:
            answer.close()


def listed_version(simulator: RunningSimulator, path: str) -> str:
    listing = urllib3.request("GET", f"{simulator.url}/api/v1/{path}", timeout=LIMIT_SECONDS).json()
    version: str = listing["metadata"]["resourceVersion"]
    return version


def test_pods_come_and_go_at_their_hour(simulator: RunningSimulator) -> None:
    path = "namespaces/batch-nightly/pods"
    with watching(simulator, path, resourceVersion=listed_version(simulator, path)) as events:
        simulator.set_clock(at=NIGHT)
        added = [next(events) for _ in range(6)]
        assert {event["type"] for event in added} == {"ADDED"}
        # Two of eight are always there.
        assert len({event["object"]["metadata"]["name"] for event in added}) == 6
        assert {event["object"]["metadata"]["creationTimestamp"] for event in added} == {"2026-11-20T22:00:00Z"}
        gone = None
        for hour in range(1, 12):
            simulator.set_clock(at=NIGHT + hour * HOUR)
            if len(WORKLOAD.pods(simulator.simulator.clock.end)) < len(WORKLOAD.pods(NIGHT // STEP * STEP + STEP)):
                gone = next(event for event in events if event["type"] == "DELETED")
                break
        assert gone is not None
        ended = gone["object"]["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"]
        assert ended.endswith(":00:00Z")
        assert gone["object"]["metadata"]["deletionTimestamp"] == ended


def test_a_watch_without_a_version_begins_with_what_is_there(simulator: RunningSimulator) -> None:
    with watching(simulator, "namespaces", timeoutSeconds="1") as events:
        begun = list(events)
    assert {event["type"] for event in begun} == {"ADDED"}
    assert len(begun) == len(WORKLOAD.living(simulator.simulator.clock.end))


def test_what_was_missed_is_caught_up_from_the_version(simulator: RunningSimulator) -> None:
    version = listed_version(simulator, "nodes")
    simulator.set_clock(advance_seconds=2 * STEP)
    with watching(simulator, "nodes", resourceVersion=version, timeoutSeconds="1") as events:
        versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == [int(version) + 1] * 9 + [int(version) + 2] * 9


@pytest.mark.parametrize(("steps", "status"), [(HOUR // STEP, 200), (HOUR // STEP + 1, 410)])
def test_a_version_expires_after_an_hour(simulator: RunningSimulator, steps: int, status: int) -> None:
    version = listed_version(simulator, "nodes")
    simulator.set_clock(advance_seconds=steps * STEP)
    url = f"{simulator.url}/api/v1/nodes?watch=1&timeoutSeconds=1&resourceVersion={version}"
    assert urllib3.request("GET", url, timeout=LIMIT_SECONDS).status == status


def test_faults_of_watches(simulator: RunningSimulator) -> None:
    url = f"{simulator.url}/api/v1/nodes?watch=1&timeoutSeconds=1&resourceVersion="
    url += listed_version(simulator, "nodes")
    simulator.set_faults(watch="forbidden")
    assert urllib3.request("GET", url, timeout=LIMIT_SECONDS).status == 403
    simulator.set_faults(watch="expired", watch_times=1)
    (gone,) = urllib3.request("GET", url, timeout=LIMIT_SECONDS).data.splitlines()
    assert json.loads(gone)["object"]["code"] == 410
    assert urllib3.request("GET", url, timeout=LIMIT_SECONDS).data == b""
    simulator.set_faults(watch="cut")
    assert urllib3.request("GET", url, timeout=LIMIT_SECONDS).data == b""


def test_bookmarks_come_where_they_are_asked_for(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.watch.BOOKMARK_SECONDS", 0.0)
    version = listed_version(simulator, "pods")
    with watching(simulator, "pods", resourceVersion=version, allowWatchBookmarks="true") as events:
        bookmark = next(events)
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["resourceVersion"] == version


def test_a_bookmark_comes_before_the_end_of_a_watch(simulator: RunningSimulator) -> None:
    version = listed_version(simulator, "pods")
    query = {"resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "3"}
    with watching(simulator, "pods", **query) as events:
        assert [event["type"] for event in events] == ["BOOKMARK"]
