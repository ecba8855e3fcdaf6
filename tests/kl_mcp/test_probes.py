"""What the probes answer."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kl_mcp import probes
from kl_mcp.counts import Counts
from kl_mcp.dataset import EMPTY
from kl_mcp.holder import Holder
from tests.support.published import publish
from tests.support.warned import warned

TICK = 1_795_262_400
"""2026-11-21T12:00:00Z, the last tick of the published test dataset."""


def _looked_at(directory: Path, counts: Counts) -> Holder:
    async def look() -> Holder:
        holder = Holder(directory, counts)
        async with holder.watching():
            await holder.dataset()
        return holder

    return anyio.run(look)


def test_the_process_is_healthy_as_soon_as_it_answers() -> None:
    assert probes.health() == {"status": "ok"}


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
        EMPTY(warned("")).__class__("native", "cumulative", last_sample_at={"kubernetes": TICK})
    )

    _, body = probes.readiness(holder, Counts(), float(TICK + offset))

    assert body["age_seconds"] == max(0, offset)
