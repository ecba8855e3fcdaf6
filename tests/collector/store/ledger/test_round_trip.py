"""What was closed is read as it was, whatever it was, and as it was written in one go or hour by hour."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.hour import ClosedHour, HourAmounts
from collector.store.ledger.ledger import Ledger
from kl_core.calendar import HOUR
from kl_core.vocabulary import BILLED_METRICS
from tests.collector.store.ledger.hours import (
    CLUSTER,
    MIDNIGHT,
    day,
    days_of_hours,
    hour,
    read_back,
    row,
    unobserved,
)

ALL = (0, 2**35)


@given(days_of_hours(), st.data())
def test_what_was_closed_is_read_as_it_was(hours: list[ClosedHour], data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(hours)), max_size=3).map(sorted))
    with TemporaryDirectory() as folder:
        for begin, end in zip([0, *cuts], [*cuts, len(hours)], strict=True):
            Ledger.open(Path(folder)).append(hours[begin:end], CLUSTER)
        read = list(Ledger.open(Path(folder)).hours(*ALL))
    assert read == read_back(hours)


def test_an_hour_without_a_namespace_that_the_day_has_named_says_that_it_used_nothing(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append([hour(MIDNIGHT), hour(MIDNIGHT + HOUR, {"web": row(5)})], CLUSTER)
    shop = list(ledger.hours(*ALL))[1].namespaces["shop"]
    assert (shop.usage["cpu"], shop.charged["cpu"], shop.measured, shop.present) == (0, 0, HOUR, False)


def test_of_an_hour_that_nobody_observed_every_amount_is_unknown(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append([hour(MIDNIGHT), unobserved(MIDNIGHT + HOUR)], CLUSTER)
    shop = list(ledger.hours(*ALL))[1].namespaces["shop"]
    assert (shop.usage["cpu"], shop.requests["cpu"], shop.charged["cpu"], shop.measured) == (None, None, None, 0)


def test_what_an_imported_hour_charged_is_unknown_and_costs_no_column(tmp_path: Path) -> None:
    nothing: HourAmounts = dict.fromkeys(BILLED_METRICS)
    imported = hour(MIDNIGHT, {"shop": row(5, charged=5, requests=3)}, origin="import")
    imported = replace(imported, namespaces={"shop": replace(imported.namespaces["shop"], charged=nothing)})
    ledger = Ledger.open(tmp_path)
    ledger.append([imported], CLUSTER)
    assert next(ledger.hours(*ALL)).namespaces["shop"].charged == nothing
    assert "charged" not in next(tmp_path.rglob("*.jsonl")).read_text()


def test_less_charged_than_requested_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    with pytest.raises(ValueError, match="2026-10-03T00:00:00Z: less of cpu is charged than is requested"):
        ledger.append([hour(MIDNIGHT, {"shop": row(requests=2, charged=1)})], CLUSTER)
    assert list(tmp_path.rglob("*.jsonl")) == []


def test_only_hours_that_begin_in_the_range_are_read(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append([*day(), *day(MIDNIGHT + 24 * HOUR)], CLUSTER)
    starts = [each.start for each in ledger.hours(MIDNIGHT + 23 * HOUR, MIDNIGHT + 25 * HOUR)]
    assert starts == [MIDNIGHT + 23 * HOUR, MIDNIGHT + 24 * HOUR]
