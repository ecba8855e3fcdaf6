"""What the probes answer."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kl_mcp.counts import Counts
from kl_mcp.transport import probes
from kl_query.dataset import empty_dataset
from kl_query.dataset.watcher import Holder
from tests.support.published import publish
from tests.support.warned import warned

TICK = 1_795_262_400
"""2026-11-21T12:00:00Z, the last tick of the published test dataset."""

REPORT = {
    "detected_at": "2026-11-21T12:05:20Z",
    "ahead_seconds": 401 * 86400,
    "contradicted_by": ["api_server", "boot_clock"],
}


def _looked_at(directory: Path, counts: Counts) -> Holder:
    async def look() -> Holder:
        holder = Holder(directory, counts)
        async with holder.watching():
            await holder.dataset()
        return holder

    return anyio.run(look)


def test_it_is_not_ready_before_the_first_look_has_ended(tmp_path: Path) -> None:
    status, body = probes.readiness(Holder(tmp_path, Counts()), Counts(), 0.0)

    assert status == 503
    assert body["ready"] is False
    assert "being loaded" in body["reason"]


@pytest.mark.requirement("KL-X-3")
def test_it_is_ready_with_a_dataset_and_says_which_one_and_how_old(tmp_path: Path) -> None:
    publish(tmp_path, 6)
    counts = Counts()

    # Half a minute after the last tick, the age is 30 seconds.
    status, body = probes.readiness(_looked_at(tmp_path, counts), counts, TICK + 30.0)

    assert status == 200
    assert body["ready"] is True
    assert (body["layout"], body["generation"], body["namespaces"]) == ("native", 6, 2)
    assert (body["last_sample_utc"], body["age_seconds"]) == ("2026-11-21T12:00:00Z", 30)
    assert body["reason"] is None
    assert body["loads"] == {"loaded": 1}


@pytest.mark.requirement("KL-X-3")
def test_it_is_ready_without_a_dataset_once_the_absence_is_explained(tmp_path: Path) -> None:
    counts = Counts()

    status, body = probes.readiness(_looked_at(tmp_path / "absent", counts), counts, TICK)

    assert status == 200
    assert (body["layout"], body["generation"], body["age_seconds"]) == ("none", None, None)
    assert "absent" in body["reason"]
    assert body["loads"] == {"failed": 1}


@given(st.integers(min_value=-(10**9), max_value=10**9))
def test_the_age_is_never_negative_whatever_the_clocks_say(offset: int) -> None:
    holder = Holder(Path("/nowhere"), Counts())
    holder.held = type(holder.held)(
        empty_dataset(warned("")).__class__("native", "cumulative", last_sample_at={"kubernetes": TICK})
    )

    _, body = probes.readiness(holder, Counts(), float(TICK + offset))

    # Two polling intervals, which are two hours where nobody says how long one is.
    ahead = offset < -7200
    assert body["age_seconds"] == (None if ahead else max(0, offset))
    assert body["clocks_agree"] is not ahead


@pytest.mark.parametrize(("behind", "agree"), [(0, True), (600, True), (601, False), (401 * 86400, False)])
@pytest.mark.requirement("KL-X-3")
def test_a_newest_sample_ahead_of_the_servers_clock_is_ready_and_of_unknown_age(
    tmp_path: Path, behind: int, agree: bool
) -> None:
    publish(tmp_path, 6)
    counts = Counts()

    status, body = probes.readiness(_looked_at(tmp_path, counts), counts, float(TICK - behind))

    assert (status, body["clocks_agree"]) == (200, agree)
    assert body["age_seconds"] == (0 if agree else None)
    assert [warning.split(":")[0] for warning in body["warnings"]] == ([] if agree else ["Clocks disagree"])


@pytest.mark.requirement("KL-X-3")
@pytest.mark.parametrize("discreetly", [False, True])
def test_what_the_collector_says_of_its_clock_is_said_where_the_servers_own_is_right(
    tmp_path: Path, discreetly: bool
) -> None:
    publish(tmp_path, 6, clock_disagrees=REPORT)
    counts = Counts()

    status, body = probes.readiness(_looked_at(tmp_path, counts), counts, TICK + 330.0, discreetly=discreetly)

    assert (status, body["clocks_agree"], body["age_seconds"]) == (200, False, 330)
    (said,) = body["warnings"]
    assert said == (
        "No samples since 2026-11-21T12:05:20Z: the collector's clock is 401 days ahead by the API server's clock and "
        "the time since its last tick. Sampling resumes once the clock is right; `kl-collector health` says what to do."
    )


def test_without_a_dataset_nobody_knows_whether_clocks_agree(tmp_path: Path) -> None:
    counts = Counts()
    assert probes.readiness(_looked_at(tmp_path / "absent", counts), counts, TICK)[1]["clocks_agree"] is None
