"""Namespaces that are not charged: they are summed into `excluded`, and the books still balance."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.accounting.who_is_charged import charged_by
from collector.settings import load
from collector.store.rates import RateChange
from tests.rules.telling import Told, at, column, machine, published, special, ticks, work

START, END = "2026-11-21T00:00", "2026-11-21T02:00"
WORKS = [
    work("kube-system", "dns", cores=1.0, gib=1.0, asked="2", asked_memory="2Gi"),
    work("kube-public", "info", cores=0.5, gib=0.5),
    work("shop", cores=3.0, gib=4.0, asked="6", asked_memory="4Gi"),
    work("shop-test", cores=0.25, gib=1.0, asked="1"),
]
TOLD = Told(WORKS, [machine(cores=10, gib=40, reserved_cores=1, reserved_gib=2)])


@pytest.mark.parametrize(
    ("settings", "listed", "excluded"),
    [
        ({}, {"kube-public", "kube-system", "shop", "shop-test"}, 0.0),
        ({"KL_EXCLUDED_NAMESPACES": "kube-*"}, {"shop", "shop-test"}, 1.5),
        ({"KL_INCLUDED_NAMESPACES": "shop*"}, {"shop", "shop-test"}, 1.5),
        ({"KL_INCLUDED_NAMESPACES": "shop*", "KL_EXCLUDED_NAMESPACES": "*-test"}, {"shop"}, 1.75),
        ({"KL_EXCLUDED_NAMESPACES": "*"}, set(), 4.75),
    ],
)
def test_what_is_not_charged_is_the_special_entry_excluded(
    tmp_path: Path, settings: dict[str, str], listed: set[str], excluded: float
) -> None:
    # Per hour: 1 + 0.5 + 3 + 0.25 = 4.75 of 9 allocatable cores are used, 4.25 idle, whoever is charged.
    found = load({"HOME": "/root", **settings})
    charged = charged_by(found.included_namespaces, found.excluded_namespaces)
    for scale, document in published(tmp_path, ticks(TOLD, START, END, charged=charged)).items():
        hours = [1.0, 1.0] if scale == "hourly_7d" else [2.0]
        assert set(document["namespaces"]) == listed
        if excluded:
            assert special(document, "excluded") == [excluded * each for each in hours]
        else:
            assert "excluded" not in document["special"]
        assert special(document, "idle") == [4.25 * each for each in hours]
        assert special(document, "non-allocatable") == hours


def test_the_excluded_have_requests_and_cost_like_anybody(tmp_path: Path) -> None:
    # 10.00 an hour, all on cpu: 1.00 a core-hour. kube-system and kube-public use 1.5 cores for 2 hours: 3.00.
    rate = RateChange(at(START), 10.0, "$", {"cpu": 1.0})
    charged = charged_by((), ("kube-*",))
    daily = published(tmp_path, ticks(TOLD, START, END, charged=charged), rate)["daily_14d"]
    assert special(daily, "excluded", "cpu", "requests") == [4.0]
    assert special(daily, "excluded", "memory") == [3.0]
    assert special(daily, "excluded", "cpu", "cost") == [pytest.approx(3.0)]
    # Namespaces 6.50, excluded 3.00, idle 8.50, non-allocatable 2.00: the bill of 20.00.
    parts = [column(daily, name, "cost") for name in ("shop", "shop-test")]
    parts += [special(daily, name, "cpu", "cost") for name in ("idle", "non-allocatable", "excluded")]
    assert sum(part[0] or 0.0 for part in parts) == pytest.approx(20.0)
    assert daily["bill"]["cpu"] == [20.0]


def test_a_namespace_that_is_excluded_from_some_time_on_keeps_its_history(tmp_path: Path) -> None:
    # An hour as itself, an hour among the excluded: zero in its own row from then on.
    samples = ticks(TOLD, START, "2026-11-21T01:00")
    samples += ticks(TOLD, "2026-11-21T01:00", END, charged=charged_by((), ("shop-test",)))
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "shop-test") == [0.25, 0.0]
    assert special(hourly, "excluded") == [0.0, 0.25]
    assert special(hourly, "idle") == [4.25, 4.25]
