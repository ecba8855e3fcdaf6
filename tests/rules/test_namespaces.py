"""Namespaces come, go, come back, and are called as they please. A namespace at work uses 12 cores of 100."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.rules.telling import Told, Work, at, collected, column, machine, published, special, ticks, work

BIG = (machine(cores=100, gib=400),)
HOUR_OF = ("2026-11-21T13:00", "2026-11-21T14:00")


def busy(*names: str) -> list[Work]:
    return [work(name, cores=12.0, gib=6.0, asked="24", asked_memory="3Gi") for name in names]


def told(*names: str) -> Told:
    return Told(busy("web", *names), BIG)


@pytest.mark.parametrize(
    ("interval", "minute", "core_hours"),
    [(300, 20, 8.0), (300, 40, 4.0), (300, 55, 1.0), (600, 20, 8.0), (600, 40, 4.0), (900, 45, 3.0), (1800, 30, 6.0)],
)
def test_a_namespace_born_in_mid_hour_is_charged_from_its_birth(
    tmp_path: Path, interval: int, minute: int, core_hours: float
) -> None:
    # 12 cores for the rest of the hour: 12 x (60 - minute) / 60, such as 8 from 13:20 on; not 12 and not unknown.
    birth = at(HOUR_OF[0]) + minute * 60
    samples = ticks(told(), HOUR_OF[0], birth, interval) + ticks(told("born"), birth, HOUR_OF[1], interval)
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "born") == pytest.approx([core_hours])
    assert column(hourly, "born", "requests") == pytest.approx([2 * core_hours])
    assert column(hourly, "born", "usage", "memory") == pytest.approx([core_hours / 2])
    assert special(hourly, "idle") == pytest.approx([88.0 - core_hours])
    assert "coverage" not in hourly["namespaces"]["born"]


def test_the_hours_before_a_birth_are_zero_where_the_cluster_was_observed(tmp_path: Path) -> None:
    # 11 o'clock whole, 12 o'clock not at all, born at 13:20.
    samples = ticks(told(), "2026-11-21T11:00", "2026-11-21T12:00")
    samples += ticks(told(), "2026-11-21T13:00", "2026-11-21T13:20")
    samples += ticks(told("born"), "2026-11-21T13:20", "2026-11-21T14:00")
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "born") == [0.0, None, pytest.approx(8.0)]
    assert special(hourly, "idle") == pytest.approx([88.0, None, 80.0])


@pytest.mark.parametrize(("minute", "core_hours"), [(20, 4.0), (40, 8.0)])
def test_a_namespace_that_goes_in_mid_hour_is_charged_to_its_end(
    tmp_path: Path, minute: int, core_hours: float
) -> None:
    end = at(HOUR_OF[0]) + minute * 60
    samples = ticks(told("gone"), HOUR_OF[0], end) + ticks(told(), end, "2026-11-21T15:00")
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "gone") == pytest.approx([core_hours, 0.0])
    assert special(hourly, "idle") == pytest.approx([88.0 - core_hours, 88.0])


def test_a_namespace_that_comes_back_under_the_same_name_goes_on_in_the_same_row(tmp_path: Path) -> None:
    # There until 13:20, gone for a day, back at 13:40 of the next: 4 core-hours on either side, 23 zeros between.
    samples = ticks(told("again"), "2026-11-20T13:00", "2026-11-20T13:20")
    samples += ticks(told(), "2026-11-20T13:20", "2026-11-21T13:40")
    samples += ticks(told("again"), "2026-11-21T13:40", "2026-11-21T14:00")
    found = published(tmp_path, samples)
    assert column(found["hourly_7d"], "again") == pytest.approx([4.0, *[0.0] * 23, 4.0])
    assert column(found["daily_14d"], "again") == pytest.approx([4.0, 4.0])
    assert column(found["monthly_12m"], "again", "requests") == pytest.approx([16.0])


def test_a_namespace_that_flickers_within_an_hour_is_charged_for_the_steps_it_was_there(tmp_path: Path) -> None:
    # 13:00 to :15, :30 to :35 and :55 to 14:00: 5 steps of 12 cores.
    spans = [("13:00", "13:15", True), ("13:15", "13:30", False), ("13:30", "13:35", True), ("13:35", "13:55", False)]
    samples = []
    for start, end, there in [*spans, ("13:55", "14:00", True)]:
        names = ["flicker"] if there else []
        samples += ticks(told(*names), f"2026-11-21T{start}", f"2026-11-21T{end}")
    assert column(published(tmp_path, samples)["hourly_7d"], "flicker") == pytest.approx([5.0])


def test_a_namespace_that_goes_while_the_cluster_does_not_answer_is_unknown_there_and_zero_after(
    tmp_path: Path,
) -> None:
    # Seen to 13:50, no answer until 14:10. 13 o'clock: 12 over its 10 known steps. 14 o'clock: absent from 14:15 on.
    silent = Told(kubernetes=False, metrics=False)
    samples = ticks(told("gone"), "2026-11-21T13:00", "2026-11-21T13:50")
    samples += ticks(silent, "2026-11-21T13:50", "2026-11-21T14:10")
    samples += ticks(told(), "2026-11-21T14:10", "2026-11-21T16:00")
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "gone") == pytest.approx([12.0, 0.0, 0.0])


@pytest.mark.parametrize("name", ["idle", "non-allocatable", "excluded", "unattributed", "unmeasured", "n" * 63, "0"])
def test_a_namespace_may_have_any_legal_name(tmp_path: Path, name: str) -> None:
    # It uses 12 of 100 cores beside web; 5 are reserved: 71 idle. Kubernetes' own namespaces are excluded: 1 core.
    works = [*busy("web", name), work("kube-system", cores=1.0)]
    told = Told(works, [machine(cores=100, gib=400, reserved_cores=5)])
    samples = ticks(told, *HOUR_OF, charged=lambda each: each != "kube-system")
    for document in published(tmp_path, samples).values():
        assert column(document, name) == [12.0]
        assert column(document, name, "requests") == [24.0]
        assert special(document, "non-allocatable") == [5.0]
        assert special(document, "excluded") == [1.0]
        assert special(document, "idle") == [100.0 - 5.0 - 1.0 - 24.0]


def test_labels_are_published_with_the_time_each_value_was_first_seen(tmp_path: Path) -> None:
    first = at("2026-11-21T13:05")
    labels: list[dict[str, str]] = [
        {"team": "blue", "tier": "1"},
        {"team": "blue", "tier": "1"},
        {"team": "green", "tier": "1"},
        {"team": "green"},
        {"team": "blue"},
    ]
    story = [(first + 300 * place, Told(namespaces={"shop": each})) for place, each in enumerate(labels)]
    (shop,) = _manifest(collected(tmp_path, story))["namespaces"]
    assert shop["labels"] == {
        "team": [
            {"value": "blue", "first_seen": "2026-11-21T13:05:00Z"},
            {"value": "green", "first_seen": "2026-11-21T13:15:00Z"},
            {"value": "blue", "first_seen": "2026-11-21T13:25:00Z"},
        ],
        "tier": [
            {"value": "1", "first_seen": "2026-11-21T13:05:00Z"},
            {"value": None, "first_seen": "2026-11-21T13:20:00Z"},
        ],
    }


def test_a_namespace_that_is_gone_is_published_as_inactive_with_when_it_was_last_seen(tmp_path: Path) -> None:
    first = at("2026-11-21T13:05")
    data = collected(tmp_path, [(first, told("gone")), (first + 300, told("gone")), (first + 600, told())])
    gone, web = _manifest(data)["namespaces"]
    assert (gone["name"], gone["active"], gone["first_seen"], gone["last_seen"]) == (
        "gone",
        False,
        "2026-11-21T13:05:00Z",
        "2026-11-21T13:10:00Z",
    )
    assert (web["name"], web["active"], web["last_seen"]) == ("web", True, "2026-11-21T13:15:00Z")


def test_a_namespace_leaves_the_books_with_the_last_month_it_was_in(tmp_path: Path) -> None:
    # Seen in November 2025. In November 2026 that is the oldest of twelve whole months, in December 2026 none of them.
    samples = ticks(told("old"), "2025-11-30T00:00", "2025-12-01T00:00", 3600)
    november = published(tmp_path, samples + ticks(told(), "2026-11-30T23:00", "2026-11-30T23:55"))
    assert november["monthly_12m"]["buckets"][0] == "2025-11-01T00:00:00Z"
    assert column(november["monthly_12m"], "old")[0] == pytest.approx(24 * 12.0)
    december = published(tmp_path, ticks(told(), "2026-11-30T23:55", "2026-12-01T00:05"))
    assert december["monthly_12m"]["buckets"][0] == "2025-12-01T00:00:00Z"
    assert list(december["monthly_12m"]["namespaces"]) == ["web"]


def _manifest(directory: Path) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads((directory / "dataset.json").read_bytes())
    return document
