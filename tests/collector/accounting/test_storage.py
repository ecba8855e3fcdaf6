"""What is requested of storage over an interval, by namespace and class."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.accounting.observation import account_interval
from collector.accounting.storage import total_storage
from collector.model import TickSample
from collector.observations import Cluster, VolumeClaim, VolumeClaimSpan
from tests.collector.accounting.sampling import TIME
from tests.support.observed import cluster, pod

GIB = 2.0**30


def span(namespace: str, storage_class: str, gib: float, seconds: float = 300.0) -> VolumeClaimSpan:
    return VolumeClaimSpan(VolumeClaim(namespace, storage_class, gib * GIB), seconds)


def sample_of(known: Cluster | None, interval: int = 300) -> TickSample:
    return account_interval(
        known, None, {}, time=TIME, interval=interval, charged=lambda name: name != "infra", dcgm_configured=False
    )[0]


def test_bytes_count_for_as_long_as_they_are_held_by_class() -> None:
    # 10 for all 300 s, 6 for 100 s: 10 + 2 = 12 GiB of `fast`; 3 for 150 s: 1.5 GiB of none.
    spans = [span("shop", "fast", 10), span("shop", "fast", 6, 100), span("shop", "", 3, 150)]
    assert total_storage(spans, 300, lambda _: True) == {"shop": {"fast": 12 * GIB, "": 1.5 * GIB}}


def test_what_holds_nothing_has_no_class() -> None:
    assert total_storage([span("shop", "fast", 0), span("web", "fast", 5, 0)], 300, lambda _: True) == {}


def test_namespaces_have_theirs_and_those_that_are_not_charged_share_one_entry() -> None:
    known = replace(
        cluster(namespaces=["shop", "web", "infra"]),
        volume_claims=(span("shop", "fast", 10), span("infra", "fast", 1), span("infra", "slow", 2)),
    )
    sample = sample_of(known)
    assert sample.storage_observed is True
    assert {name: entry.storage for name, entry in sample.namespaces.items()} == {"shop": {"fast": 10 * GIB}, "web": {}}
    assert sample.special["excluded"].storage == {"fast": 1 * GIB, "slow": 2 * GIB}


def test_a_namespace_that_is_not_listed_has_its_claims_all_the_same() -> None:
    sample = sample_of(replace(cluster(), volume_claims=(span("gone", "fast", 4, 75),)))
    assert sample.namespaces["gone"].storage == {"fast": GIB}
    assert sample.namespaces["gone"].requests == {"cpu": 0.0, "memory": 0.0}


def test_over_a_longer_interval_the_mean_is_less() -> None:
    sample = sample_of(replace(cluster(interval=900.0), volume_claims=(span("shop", "fast", 9),)), 900)
    assert sample.namespaces["shop"].storage == {"fast": 3 * GIB}


def test_claims_that_could_not_be_listed_are_unknown_and_spoil_nothing_else() -> None:
    sample = sample_of(cluster([pod("shop", "web", 2.0)], namespaces=["shop"]))
    assert sample.storage_observed is False
    assert sample.observed["kubernetes"] is True
    assert sample.namespaces["shop"].storage == {}
    assert sample.namespaces["shop"].requests["cpu"] == 2.0


def test_without_the_cluster_storage_is_not_observed_and_none_at_all_is() -> None:
    assert sample_of(None).storage_observed is False
    assert sample_of(replace(cluster(), volume_claims=())).storage_observed is True


SPANS = st.lists(
    st.builds(
        span,
        st.sampled_from(["a", "b", "infra"]),
        st.sampled_from(["", "fast", "slow"]),
        st.integers(0, 10_000),
        st.integers(0, 300),
    ),
    max_size=12,
)


@given(SPANS)
def test_no_byte_second_is_lost_or_counted_twice(spans: list[VolumeClaimSpan]) -> None:
    totals = total_storage(spans, 300, lambda name: name != "infra")
    assert "infra" not in totals
    for storage_class in ("", "fast", "slow"):
        held = sum(classes.get(storage_class, 0.0) for classes in totals.values())
        of_class = (each for each in spans if each.claim.storage_class == storage_class)
        assert held * 300 == pytest.approx(sum(each.claim.held * each.seconds for each in of_class))
