from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.model import TickSample
from collector.observations import BlindSpot
from collector.publish.manifest import manifest
from collector.store.ledger.ledger import Ledger
from collector.store.rates import RateChange
from collector.store.registry import LabelValue, NamespaceRecord
from kl_core.calendar import DAY
from tests.collector.store.ledger.hours import CLUSTER, MIDNIGHT, day
from tests.support.datasets import validate

NOON = 1795262400
"""2026-11-21T12:00:00Z"""

FILE = {"name": "x-1.json", "size": 2, "sha256": "0" * 64}


def written(**changed: Any) -> dict[str, Any]:
    """A manifest with what publication adds, valid against its schema."""
    arguments: dict[str, Any] = {
        "version": "1.2.3",
        "cluster": "prod",
        "cost_model": "CHARGE_BACK",
        "currency": "€",
        "rates": (),
        "polling_interval_seconds": 300,
        "generated_at": NOON + 4,
        "last_sample_at": {"kubernetes": NOON, "metrics": NOON - 300, "dcgm": None},
        "metrics": ("cpu", "memory"),
        "namespaces": {},
        **changed,
    }
    document = manifest(**arguments)
    names = ("hourly_7d", "daily_14d", "monthly_12m", "nodes")
    validate({**document, "generation": 1, "files": dict.fromkeys(names, FILE)}, "manifest")
    return document


def test_times_are_iso_8601_in_utc() -> None:
    document = written()
    assert document["generated_at"] == "2026-11-21T12:00:04Z"
    assert document["last_sample_at"] == {
        "kubernetes": "2026-11-21T12:00:00Z",
        "metrics": "2026-11-21T11:55:00Z",
        "dcgm": None,
    }


def test_the_rate_history_is_copied() -> None:
    changes = (RateChange(NOON, 2.5, "€", None), RateChange(NOON + 3600, 0.0, "€", {"cpu": 1.0}))
    assert written(rates=changes)["rates"] == [
        {"effective": "2026-11-21T12:00:00Z", "rate": 2.5, "currency": "€", "weights": None},
        {"effective": "2026-11-21T13:00:00Z", "rate": 0.0, "currency": "€", "weights": {"cpu": 1.0}},
    ]


def test_labels_carry_each_value_with_the_time_it_was_first_seen() -> None:
    labels = {"team": (LabelValue("a", NOON), LabelValue(None, NOON + 300))}
    record = NamespaceRecord(NOON, NOON + 600, False, ((NOON, NOON + 600),), None, labels)
    assert written(namespaces={"shop": record})["namespaces"] == [
        {
            "name": "shop",
            "labels": {
                "team": [
                    {"value": "a", "first_seen": "2026-11-21T12:00:00Z"},
                    {"value": None, "first_seen": "2026-11-21T12:05:00Z"},
                ]
            },
            "first_seen": "2026-11-21T12:00:00Z",
            "last_seen": "2026-11-21T12:10:00Z",
            "active": False,
        }
    ]


def test_without_a_rate_there_is_no_currency() -> None:
    assert written(currency=None)["currency"] is None


def test_what_the_newest_tick_could_not_see_is_told_of_the_namespaces_that_are_reported() -> None:
    record = NamespaceRecord(NOON, NOON, True, ((NOON, NOON),), None, {})
    sample = TickSample(
        NOON,
        300,
        {"kubernetes": True, "metrics": True, "dcgm": None},
        {},
        {},
        {},
        {},
        unmeasured={"web": {"stale": 3, "absent": 1}, "excluded-by-setting": {"odd": 1}},
        blind_spots=(BlindSpot("odd_objects", "2 objects cannot be read. See the log."),),
    )
    document = written(namespaces={"web": record}, newest=sample)
    assert document["unmeasured"] == {"web": {"stale": 3, "absent": 1}}
    assert document["blind_spots"] == [{"code": "odd_objects", "text": "2 objects cannot be read. See the log."}]


def test_nothing_is_told_of_a_newest_tick_that_this_process_did_not_see() -> None:
    assert not {"unmeasured", "blind_spots"} & written().keys()


def test_a_ledger_whose_oldest_day_is_damaged_is_published_without_the_number_of_its_lines(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append([*day(), *day(MIDNIGHT + DAY, 2)], CLUSTER)
    whole = written(ledger=Ledger.open(tmp_path))["ledger"]
    assert whole["lines"] == 25 + 3
    (oldest,) = tmp_path.rglob("*.xz")
    oldest.write_bytes(oldest.read_bytes()[:-20])
    assert written(ledger=Ledger.open(tmp_path))["ledger"] == {"head": whole["head"], "last_hour": whole["last_hour"]}
