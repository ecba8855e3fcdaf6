"""What persistent volume claims hold of which storage class, and from when to when."""

from __future__ import annotations

from typing import Any

import pytest

from collector.errors import SourceError
from collector.kubernetes.cluster_state import ClusterState
from collector.kubernetes.listings import Resource
from collector.kubernetes.objects import Decoder, Odd
from collector.kubernetes.pods import Shared
from collector.kubernetes.volume_claims import (
    RESOURCE,
    RULE,
    VolumeClaimLife,
    VolumeClaimObject,
    parse_volume_claim,
    unread,
)
from collector.observations import VolumeClaim
from tests.support.decoded import LATER, at, page
from tests.support.kubernetes_objects import volume_claim

GIB = 2.0**30
START, END = 3000.0, 3300.0
ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def read(item: dict[str, Any], now: float = LATER, shared: Shared | None = None) -> VolumeClaimLife:
    (found,) = Decoder(VolumeClaimObject).page(page("PersistentVolumeClaimList", item)).items
    return parse_volume_claim(found, now, shared or Shared())


def life(storage: float, *, created: float = 0.0, storage_class: str = "fast") -> VolumeClaimLife:
    return VolumeClaimLife(VolumeClaim("shop", storage_class, storage), created)


def held(state: ClusterState, start: float = START, end: float = END) -> list[tuple[float, float]]:
    """(bytes, seconds) of the spans in which anything was held."""
    spans = state.interval(start, end).volume_claims
    assert spans is not None
    return [(span.claim.held, span.seconds) for span in spans if span.claim.held]


def knowing(**lives: VolumeClaimLife) -> ClusterState:
    state = ClusterState()
    state.volume_claims.replace(lives, START)
    return state


@pytest.mark.parametrize(
    ("spec_class", "annotation", "expected"),
    [
        ("fast", None, "fast"),
        (None, "slow", "slow"),
        ("fast", "slow", "fast"),
        ("", "slow", ""),
        (None, None, ""),
    ],
)
def test_the_class_is_that_of_the_spec_else_of_the_old_annotation(
    spec_class: str | None, annotation: str | None, expected: str
) -> None:
    told: dict[str, Any] = {} if annotation is None else {"annotations": {ANNOTATION: annotation}}
    assert read(volume_claim(storage_class=spec_class, **told)).claim.storage_class == expected


@pytest.mark.parametrize(
    ("quantity", "held_bytes"),
    [("10Gi", 10 * GIB), ("1e9", 1e9), ("1.5Ti", 1536 * GIB), ("500M", 5e8), ("0", 0.0), (None, 0.0)],
)
def test_what_the_spec_requests_counts_in_every_notation(quantity: str | None, held_bytes: float) -> None:
    assert read(volume_claim(storage=quantity)).claim == VolumeClaim("shop", "", held_bytes)


def test_what_the_volume_has_does_not_count() -> None:
    item = volume_claim(storage="10Gi")
    item["status"]["capacity"] = {"storage": "50Gi"}
    assert read(item).claim.held == 10 * GIB


@pytest.mark.parametrize(
    ("phase", "bytes_held"), [("Bound", 10 * GIB), ("Pending", 0.0), ("Lost", 0.0), ("", 0.0), (None, 0.0)]
)
def test_only_a_bound_claim_holds_anything(phase: str | None, bytes_held: float) -> None:
    assert read(volume_claim(phase=phase)).claim.held == bytes_held


def test_one_that_is_being_deleted_holds_what_it_held() -> None:
    assert read(volume_claim(deletionTimestamp=at(START))).claim.held == 10 * GIB
    assert read(volume_claim(deletionTimestamp=at(START))).deleted is None


def test_a_claim_is_there_since_its_creation_which_is_not_later_than_now() -> None:
    assert read(volume_claim()).created == 0.0
    assert read(volume_claim(creationTimestamp=at(START)), now=END).created == START
    assert read(volume_claim(creationTimestamp=at(END + 2)), now=END).created == END + 1


@pytest.mark.parametrize("quantity", ["much", "-1Gi", ""])
def test_an_odd_quantity_spoils_its_claim_alone(quantity: str) -> None:
    resource = Resource(RESOURCE, Decoder(VolumeClaimObject), lambda item, now: parse_volume_claim(item, now, Shared()))
    items = resource.decoder.page(
        page("PersistentVolumeClaimList", volume_claim(storage=quantity), volume_claim())
    ).items
    odd, fine = (resource.understood(item, LATER) for item in items)
    assert isinstance(odd, Odd)
    assert odd.name == "shop/data"
    assert isinstance(fine, VolumeClaimLife)


def test_claims_without_spec_or_status_hold_nothing_and_alike_ones_are_kept_once() -> None:
    assert read({"metadata": {"name": "a", "namespace": "b"}}).claim == VolumeClaim("b", "", 0.0)
    shared = Shared()
    assert read(volume_claim("a"), shared=shared).claim is read(volume_claim("b"), shared=shared).claim


def test_one_found_bound_is_bound_since_its_creation() -> None:
    assert held(knowing(u=life(5.0))) == [(5.0, 300.0)]
    assert held(knowing(u=life(5.0, created=START + 1))) == [(5.0, 299.0)]
    assert held(knowing(u=life(5.0, created=END - 1))) == [(5.0, 1.0)]
    assert held(knowing(u=life(5.0, created=END))) == []


def test_one_seen_to_become_bound_is_so_since_then() -> None:
    state = knowing(u=life(0.0, created=2000.0))
    state.volume_claims.put("u", life(5.0, created=2000.0), 3100.0)
    assert held(state) == [(5.0, 200.0)]
    assert held(state, END, END + 300) == [(5.0, 300.0)]


def test_one_bound_unseen_was_so_in_the_middle_of_the_gap() -> None:
    state = knowing(u=life(0.0, created=2000.0))
    state.volume_claims.replace({"u": life(5.0, created=2000.0)}, 3200.0)
    assert held(state) == [(5.0, 200.0)]


def test_a_grown_claim_holds_more_from_then_on_and_a_lost_one_nothing() -> None:
    state = knowing(u=life(5.0), v=life(2.0))
    state.volume_claims.put("u", life(8.0), 3100.0)
    state.volume_claims.put("v", life(0.0), 3150.0)
    assert sorted(held(state)) == [(2.0, 150.0), (5.0, 100.0), (8.0, 200.0)]


def test_a_deleted_claim_held_until_then_and_one_made_anew_under_its_name_is_another() -> None:
    state = knowing(u=life(5.0), v=life(2.0))
    state.volume_claims.remove("u", 3100.0, life(5.0))
    state.volume_claims.put("w", life(7.0, created=3110.0), 3110.0)
    state.volume_claims.replace({"w": life(7.0, created=3110.0)}, 3210.0)
    # (3110 + 3210) / 2 = 3160 is the end of `v`, which vanished unseen.
    assert sorted(held(state)) == [(2.0, 160.0), (5.0, 100.0), (7.0, 190.0)]
    assert held(state, END, END + 300) == [(7.0, 300.0)]
    assert len(state.volume_claims) == 1


def test_one_that_was_never_bound_is_forgotten_when_it_is_gone() -> None:
    state = knowing(u=life(0.0, created=2000.0))
    state.volume_claims.remove("u", 3100.0)
    assert held(state) == []
    state.interval(END, END + 300)
    assert len(state.volume_claims) == 0


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, f"Add this rule to its ClusterRole: {RULE}."),
        (404, "serves no persistentvolumeclaims (404)"),
        (None, "slow"),
    ],
)
def test_what_is_not_known_is_said_with_what_to_do(status: int | None, said: str) -> None:
    spot = unread(SourceError("kubernetes", "It is slow.", status))
    assert spot.code == "volume_claims_unread"
    assert said in spot.text
    assert "what namespaces request of storage is unknown" in spot.text
