"""What sources know of persistent volume claims, and that a cluster is known without them."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from collector import snapshot
from collector.observations import Cluster
from tests.collector.listed_cluster import GIB, cluster_of, live
from tests.collector.test_snapshot_watched import watching
from tests.support.decoded import at
from tests.support.kubernetes_api import KubernetesApi, serving_cluster
from tests.support.kubernetes_objects import container, listing, node, pod, volume_claim
from tests.support.patience import eventually
from tests.support.scripted_http import Answer, json_answer, status_answer

CLAIMS = "/api/v1/persistentvolumeclaims"


@pytest.fixture
def api() -> Any:
    with serving_cluster() as made:
        made.put("nodes", node("n1"))
        made.put("pods", pod(container(cpu="1"), name="a"))
        yield made


def byte_seconds(found: Cluster | None) -> Any:
    """By namespace and class; None where claims are unknown."""
    assert found is not None
    if found.volume_claims is None:
        return None
    sums: dict[tuple[str, str], float] = {}
    for span in found.volume_claims:
        key = span.claim.namespace, span.claim.storage_class
        sums[key] = sums.get(key, 0.0) + span.claim.held * span.seconds
    return sums


def asked(sources: snapshot.LiveSources) -> Cluster:
    now = time.time()
    found = sources.cluster(now - 300, now)
    assert found is not None
    return found


def test_claims_are_listed_where_nothing_is_watched() -> None:
    with live() as sources:
        found = cluster_of(sources)
    sums = byte_seconds(found)
    assert sums == {("ml", "fast"): pytest.approx(10 * GIB * 300), ("ml", ""): 0.0}
    assert found is not None
    assert found.blind_spots == ()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status_answer(403, "no"), "Add this rule to its ClusterRole"),
        (Answer(404), "serves no persistentvolumeclaims"),
        (status_answer(501, "no"), "answered 501"),
        (json_answer({}), "did not answer with a list"),
        (json_answer({"kind": "PersistentVolumeClaimList", "items": [1]}), "did not answer with a list"),
    ],
    ids=["forbidden", "not served", "failing", "no list", "no objects"],
)
def test_claims_that_fail_cost_storage_alone_and_that_is_said(
    answer: Answer, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), live({CLAIMS: answer}) as sources:
        for _ in range(2):
            found = cluster_of(sources)
            assert found is not None
            assert found.volume_claims is None
            assert len(list(found.pods)) == 2
            (spot,) = found.blind_spots
            assert spot.code == "volume_claims_unread"
            assert said in spot.text
    # Loud once, for it may last.
    told = [each.levelname for each in caplog.records if each.getMessage() == spot.text]
    assert told == ["WARNING", "INFO"]


def test_one_odd_claim_is_left_out_and_named() -> None:
    items = [volume_claim("data", "ml", "10Gi"), volume_claim("odd", "ml", "lots")]
    with live({CLAIMS: json_answer(listing("PersistentVolumeClaimList", items))}) as sources:
        found = cluster_of(sources)
    assert byte_seconds(found) == {("ml", ""): pytest.approx(10 * GIB * 300)}
    assert found is not None
    (spot,) = found.blind_spots
    assert (spot.code, "ml/odd" in spot.text) == ("odd_objects", True)


def test_watched_claims_come_grow_and_go(api: KubernetesApi) -> None:
    begin = int(time.time()) - 400
    api.put("persistentvolumeclaims", volume_claim("old", storage="4Gi"), volume_claim("new", phase="Pending"))
    with watching(api) as sources:
        assert byte_seconds(asked(sources)) == {("shop", ""): pytest.approx(4 * GIB * 300)}
        api.put("persistentvolumeclaims", volume_claim("made", "web", "1Gi", creationTimestamp=at(begin)))
        api.delete("persistentvolumeclaims", volume_claim("old", storage="4Gi"))
        api.put("persistentvolumeclaims", volume_claim("new", storage="10Gi"))
        changed = time.time()
        asked(sources)
        found = byte_seconds(sources.cluster(changed + 100, changed + 200))
        assert found == {("web", ""): pytest.approx(GIB * 100), ("shop", ""): pytest.approx(10 * GIB * 100)}
        assert len(api.listings("persistentvolumeclaims")) == 1


def test_forbidden_claims_spoil_no_watched_interval_and_are_known_once_they_are_allowed(api: KubernetesApi) -> None:
    api.faults.list_status["persistentvolumeclaims"] = 403
    api.put("persistentvolumeclaims", volume_claim(storage="4Gi"))
    with watching(api) as sources:
        found = asked(sources)
        assert found.volume_claims is None
        assert [spot.code for spot in found.blind_spots] == ["volume_claims_unread"]
        api.faults.list_status.clear()
        found = asked(sources)
        assert byte_seconds(found) == {("shop", ""): pytest.approx(4 * GIB * 300)}
        assert found.blind_spots == ()


def test_a_listing_of_claims_that_hangs_keeps_no_tick_waiting(
    api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "STORAGE_SEC", 1.0)
    api.faults.hang.add("persistentvolumeclaims")
    with watching(api) as sources:
        eventually(lambda: bool(api.listings("persistentvolumeclaims")))
        for _ in range(2):
            found = asked(sources)
            assert found.volume_claims is None
            assert [span.pod.name for span in found.pods] == ["a"]
            assert [spot.code for spot in found.blind_spots] == ["volume_claims_unread"]
            assert "was not read within 1 s" in found.blind_spots[0].text
        # A reading of usage needs no claims.
        assert sources.read_usage() is not None
        assert len(api.listings("persistentvolumeclaims")) == 1
