"""How an outage of the API server stands in the log: where it begins, and where it ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from collector.kubernetes.outages import Outages, level_of
from collector.kubernetes.watch import Timing
from collector.settings import load
from collector.snapshot import LiveSources
from tests.support.kubernetes_api import KubernetesApi, serving_cluster
from tests.support.kubernetes_objects import container, pod
from tests.support.patience import LIMIT_SECONDS, eventually

READINGS = 4
DAY = 86_400.0


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with serving_cluster() as made:
        made.put("pods", pod(container(cpu="1"), name="a"))
        yield made


def test_a_failure_is_as_loud_as_it_is_then_told_once_more_and_then_for_those_who_look_for_it() -> None:
    levels = [logging.INFO, logging.INFO, logging.DEBUG, logging.DEBUG]
    assert [level_of(times) for times in range(1, 5)] == levels
    assert [level_of(times, logging.WARNING) for times in range(1, 4)] == [logging.WARNING, logging.INFO, logging.DEBUG]
    outages = Outages()
    assert [outages.failed("/pods") for _ in range(4)] == levels
    assert outages.failed("/nodes") == logging.INFO
    assert outages.passed("/pods")
    assert [outages.failed("/pods") for _ in range(4)] == levels


def test_the_end_is_told_once_and_not_of_what_a_repetition_ended() -> None:
    outages = Outages()
    assert not outages.passed("/pods")
    outages.failed("/pods")
    assert not outages.passed("/pods")
    for path in ("/pods", "/nodes") * 2:
        outages.failed(path)
    outages.failed("/namespaces")
    assert not outages.passed("/namespaces")
    assert outages.passed("/pods")
    assert not outages.passed("/nodes")


def test_a_server_that_cannot_be_reached_is_told_at_the_beginning_and_the_end(
    api: KubernetesApi, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of four resources breaks off and fails when it is repeated; then nothing, until one line for them all."""
    monkeypatch.setattr("collector.kubernetes.session._FIRST_PAUSE_SEC", 0.01)
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": api.url})
    timing = Timing(short_watch=3, silence=LIMIT_SECONDS, pauses=(0.01, 0.05))
    caplog.set_level(logging.DEBUG, logger="collector")
    with LiveSources(settings, timing=timing) as sources:
        assert sources.cluster(0, DAY) is not None
        caplog.clear()
        with api.away():
            for _ in range(READINGS):
                assert sources.cluster(0, DAY) is None
        # What was begun before may end only now.
        eventually(lambda: sources.cluster(0, DAY) is not None)
        assert sources.cluster(0, DAY) is not None

    def said(level: int, logger: str) -> list[str]:
        return [each.getMessage() for each in caplog.records if each.levelno == level and each.name == logger]

    loud = said(logging.INFO, "collector.kubernetes.session") + said(logging.INFO, "collector.kubernetes.watch")
    (end,) = (message for message in loud if message.endswith(" answers again"))
    assert end.startswith(f"{api.url}/api/v1/")
    assert len(loud) == 4 * 2 + 1
    readings = "collector.snapshot"
    told = [len(said(level, readings)) for level in (logging.WARNING, logging.INFO, logging.DEBUG)]
    assert told == [3, 3, 3 * (READINGS - 2)]
    assert len(said(logging.DEBUG, "collector.kubernetes.session")) > 3 * READINGS


def test_another_reason_is_told_anew(api: KubernetesApi, caplog: pytest.LogCaptureFixture) -> None:
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": api.url})
    with caplog.at_level(logging.WARNING), LiveSources(settings, watching=False) as sources:
        for status in (403, 403, 403, 401, 401, 200, 403):
            api.faults.list_status["pods"] = status
            if status == 200:
                api.faults.list_status.clear()
            sources.read_usage()
    warned = [each.getMessage() for each in caplog.records if each.name == "collector.snapshot"]
    assert ["(403)" in message for message in warned if "/pods" in message and "metrics" not in message] == [
        True,
        False,
        True,
    ]
