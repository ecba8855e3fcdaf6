"""Why a source told nothing: what its failure is called, and what the sample of the interval says of it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import urllib3.exceptions as http

from collector.accounting.observation import observe
from collector.clock import ClockReading
from collector.model import TickSample, UnobservedCause
from collector.observations import PodMetrics
from collector.settings import load
from collector.snapshot import LiveSources
from collector.source_requests import failed
from collector.store.store import Store
from collector.tick import Collector
from kl_core.vocabulary import SOURCES, Source
from tests.collector.clocks import working
from tests.collector.listed_cluster import METRICS, cluster_of, live
from tests.collector.place import NOON, SILENT, Asked, Place, Said, answering
from tests.support import observed
from tests.support.kubernetes_objects import listing
from tests.support.scripted_http import Answer, closed_port, json_answer, status_answer

T = NOON + 300


UNVERIFIED, NO_TLS = ssl.SSLCertVerificationError(), ssl.SSLError()
UNVERIFIED.verify_message, NO_TLS.reason = "self-signed certificate", "WRONG_VERSION_NUMBER"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(), "unreachable"),
        (socket.gaierror(), "unreachable"),
        (UNVERIFIED, "unreachable"),
        (NO_TLS, "unreachable"),
        (TimeoutError(), "timeout"),
        (http.ReadTimeoutError(None, "u", "m"), "timeout"),  # type: ignore[arg-type]
        (http.ConnectTimeoutError(), "timeout"),
        (http.NewConnectionError(None, "no route to host"), "unreachable"),  # type: ignore[arg-type]
        (ConnectionResetError(), "error"),
        (http.IncompleteRead(1, 2), "error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_request_that_broke_off_is_told_by_its_most_telling_cause(error: Exception, cause: str) -> None:
    assert failed("kubernetes", "https://api", error).cause == cause


def test_a_refused_connection_among_timeouts_was_refused() -> None:
    timeout = http.ConnectTimeoutError()
    timeout.__cause__ = ConnectionRefusedError()
    assert failed("metrics", "https://api", timeout).cause == "unreachable"


PODS = "/api/v1/pods"


@pytest.mark.parametrize(
    ("changed", "causes"),
    [
        ({}, {}),
        ({PODS: status_answer(401, "no")}, {"kubernetes": "unauthorized"}),
        ({PODS: status_answer(403, "no")}, {"kubernetes": "forbidden"}),
        ({PODS: status_answer(404, "no")}, {"kubernetes": "not_served"}),
        ({PODS: status_answer(501, "no")}, {"kubernetes": "error"}),
        ({PODS: json_answer({})}, {"kubernetes": "empty"}),
        ({PODS: Answer(200, b"<html>")}, {"kubernetes": "error"}),
        ({"/api/v1/nodes": status_answer(403, "no"), PODS: status_answer(401, "no")}, {"kubernetes": "forbidden"}),
        ({"/api/v1/namespaces": status_answer(403, "no")}, {}),
        ({"/api/v1/persistentvolumeclaims": status_answer(403, "no")}, {}),
        ({"/metrics": Answer(404)}, {"dcgm": "not_served"}),
        ({"/metrics": Answer(200, b"<html>")}, {"dcgm": "error"}),
    ],
)
def test_sources_tell_why_they_told_nothing_when_asked_last(changed: dict[str, Answer], causes: dict[str, str]) -> None:
    with live(changed) as sources:
        sources.read_usage()
        cluster_of(sources)
        assert sources.causes == causes


def test_a_cluster_that_nothing_listens_for_is_unreachable() -> None:
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": f"http://127.0.0.1:{closed_port()}"})
    with LiveSources(settings, watching=False, reading_sec=0.2) as sources:
        assert cluster_of(sources) is None
        assert sources.causes == {"kubernetes": "unreachable"}


def test_one_that_does_not_answer_by_the_deadline_timed_out() -> None:
    with live({PODS: Answer(200, b"{", delay_sec=5.0)}, KL_REQUEST_TIMEOUT_SEC="1") as sources:
        sources._reading_sec = 0.5
        assert cluster_of(sources) is None
        assert sources.causes == {"kubernetes": "timeout"}


def test_a_cause_is_over_with_the_failure() -> None:
    pages = {PODS: status_answer(403, "no"), "/metrics": Answer(404)}
    with live(pages) as sources:
        sources.read_usage()
        assert sources.causes == {"dcgm": "not_served", "kubernetes": "forbidden"}
    with live() as sources:
        sources.read_usage()
        assert sources.causes == {}


@contextmanager
def sampled(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Asked, Collector, list[TickSample]]]:
    """A collector with an exporter, and the samples that it stores."""
    samples: list[TickSample] = []
    append = Store.append

    def noted(store: Store, ticks: list[TickSample]) -> Any:
        samples.extend(ticks)
        return append(store, ticks)

    monkeypatch.setattr(Store, "append", noted)
    with working(place, nvidia_dcgm_endpoints=("http://dcgm",)) as (_, asked, collector):
        yield asked, collector, samples


def told(asked: Asked, said: Said, **causes: UnobservedCause) -> None:
    asked.now = replace(said, date=ClockReading(NOON + 2.0, 5002.0))
    asked.causes = {source: causes[source] for source in SOURCES if source in causes}


def unmeasured(said: Said, items: list[PodMetrics] | None = None) -> Said:
    """What a cluster says whose metrics-server lists these items, or does not answer."""
    return replace(said, usage=observed.reading([observed.pod("shop", "web", 2.0)], items))


def causes_of(samples: list[TickSample]) -> Mapping[Source, UnobservedCause]:
    (sample,) = samples
    assert set(sample.causes) == {source for source, answered in sample.observed.items() if answered is False}
    return sample.causes


def test_a_sample_says_why_each_source_told_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with sampled(place, monkeypatch) as (asked, collector, samples):
        told(asked, unmeasured(answering(3.0)), metrics="forbidden", dcgm="timeout")
        collector.read_usage(T)
        collector.tick(T)
    assert causes_of(samples) == {"metrics": "forbidden", "dcgm": "timeout"}


def test_what_was_not_read_says_so_and_the_cluster_why_it_was_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sampled(place, monkeypatch) as (asked, collector, samples):
        told(asked, SILENT, kubernetes="timeout", dcgm="error")
        collector.read_usage(T)
        told(asked, SILENT, kubernetes="unauthorized")
        collector.tick(T)
    assert causes_of(samples) == {"kubernetes": "unauthorized", "metrics": "unread", "dcgm": "unread"}


def test_a_cluster_that_answers_too_late_for_usage_leaves_it_unread(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sampled(place, monkeypatch) as (asked, collector, samples):
        told(asked, SILENT, kubernetes="timeout")
        collector.read_usage(T)
        told(asked, answering(3.0))
        collector.tick(T)
    assert causes_of(samples) == {"metrics": "unread", "dcgm": "unread"}


@pytest.mark.parametrize(
    ("items", "cause"),
    [
        ([], "empty"),
        ([observed.item(at=observed.MOMENT - 301)], "stale"),
        ([observed.item(at=observed.MOMENT - 300)], None),
    ],
    ids=["nothing", "too old", "just fresh"],
)
def test_what_metrics_server_lists_may_be_of_no_use(
    place: Place, monkeypatch: pytest.MonkeyPatch, items: list[PodMetrics], cause: str | None
) -> None:
    with sampled(place, monkeypatch) as (asked, collector, samples):
        told(asked, unmeasured(answering(3.0), items), dcgm="error")
        collector.read_usage(T)
        collector.tick(T)
    assert causes_of(samples).get("metrics") == cause


def test_of_several_readings_the_newest_failure_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with sampled(place, monkeypatch) as (asked, collector, samples):
        for cause in ("timeout", "unreachable"):
            told(asked, unmeasured(answering(3.0)), metrics=cause, dcgm="error")
            collector.read_usage(T)
        # That another source failed later takes nothing away.
        told(asked, SILENT, kubernetes="forbidden")
        collector.read_usage(T)
        told(asked, answering(3.0))
        collector.tick(T)
    assert causes_of(samples) == {"metrics": "unreachable", "dcgm": "error"}


def test_what_was_read_later_has_no_cause(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with sampled(place, monkeypatch) as (asked, collector, samples):
        told(asked, unmeasured(answering(3.0)), metrics="timeout", dcgm="error")
        collector.read_usage(T)
        told(asked, answering(3.0), dcgm="timeout")
        collector.read_usage(T)
        collector.tick(T)
    assert causes_of(samples) == {"dcgm": "timeout"}


def test_a_failure_is_of_its_interval_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with sampled(place, monkeypatch) as (asked, collector, samples):
        told(asked, unmeasured(answering(3.0)), metrics="timeout", dcgm="error")
        collector.read_usage(T)
        collector.tick(T)
        samples.clear()
        told(asked, answering(3.0))
        collector.read_usage(T + 300)
        told(asked, answering(3.0), metrics="forbidden")
        collector.tick(T + 300)
    assert causes_of(samples) == {"dcgm": "unread"}


def test_metrics_that_are_forbidden_are_told_by_what_comes_of_the_listing() -> None:
    with live({f"{METRICS}/pods": status_answer(403, "no")}) as sources:
        reading = sources.read_usage()
        assert reading is not None
        assert observe(reading, 300, lambda _: True, sources.causes).causes == {"metrics": "forbidden"}
    with live({f"{METRICS}/pods": json_answer(listing("PodMetricsList", []))}) as sources:
        reading = sources.read_usage()
        assert reading is not None
        assert observe(reading, 300, lambda _: True, sources.causes).causes == {"metrics": "empty"}
