"""How typed answers become plain JSON: what is rounded how, what is null, and what numpy leaves nothing of."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pytest

from kl_mcp.tools.plain import plain
from kl_query.answers.compare_periods.causes import Change, WhatChanged
from kl_query.answers.efficiency import EfficiencyTotal
from kl_query.answers.namespace_page import AmountLine
from kl_query.answers.usage import Series
from kl_query.fields import InMoney, InUnit, LazyRows, Number
from kl_query.numbers import MONEY

LARGE = 1_234_567.891
SIX_DIGITS, CENTS = 1_234_570.0, 1_234_567.89


@dataclass(frozen=True, slots=True)
class Sample:
    """One field of each kind."""

    number: Number
    amount: InUnit
    price: InMoney
    count: int
    known: bool
    name: str | None
    columns: Mapping[str, Sequence[Number]]


def sample(number: Any, count: Any = 3, known: Any = True) -> Sample:
    return Sample(number, number, number, count, known, None, {"cpu": [number]})


@pytest.mark.parametrize(("unit", "amount"), [("core_hours", SIX_DIGITS), (None, SIX_DIGITS), (MONEY, CENTS)])
def test_only_amounts_of_an_answer_in_money_and_prices_have_cents(unit: str | None, amount: float) -> None:
    assert plain(sample(LARGE), unit) == {
        "number": SIX_DIGITS,
        "amount": amount,
        "price": CENTS,
        "count": 3,
        "known": True,
        "name": None,
        "columns": {"cpu": [SIX_DIGITS]},
    }


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf, np.float64("nan"), np.float32("inf")])
def test_what_is_unknown_is_null(unknown: float | None) -> None:
    written = plain(sample(unknown), MONEY)
    assert [written[name] for name in ("number", "amount", "price", "columns")] == [None, None, None, {"cpu": [None]}]


@pytest.mark.parametrize("value", [np.float64(LARGE), np.float64(1.5)])
def test_numbers_of_numpy_are_plain_ones(value: np.float64) -> None:
    written = plain(sample(value, np.int64(3), np.bool_(True)), MONEY)
    assert orjson.loads(orjson.dumps(written)) == written == plain(sample(float(value)), MONEY)
    assert {type(written[name]) for name in ("number", "amount", "price")} == {float}
    assert (type(written["count"]), type(written["known"])) == (int, bool)


@pytest.mark.parametrize("column", [array("d", [LARGE, math.nan]), np.array([LARGE, math.nan])])
def test_a_column_is_a_list_whatever_holds_it(column: Any) -> None:
    series = Series("web", column, LARGE, LARGE)
    assert plain(series, MONEY) == {
        "namespace": "web",
        "values": [CENTS, None],
        "total": CENTS,
        "latest_mean": SIX_DIGITS,
    }


def test_rates_are_money_whatever_was_asked_for_and_sizes_never_are() -> None:
    change = Change(before=LARGE, after=LARGE, change_pct=0.0)
    causes = WhatChanged("2026-01", "2026-02", None, change, change, change, change, change, [])

    for unit, amount in (("core_hours", SIX_DIGITS), (MONEY, CENTS)):
        written = plain(causes, unit)
        assert written["amount_per_hour"]["after"] == amount
        assert written["capacity_per_hour"]["after"] == written["cluster_share_pct"]["after"] == SIX_DIGITS
        assert written["metric_rate_per_hour"]["after"] == written["rate_per_hour"]["after"] == CENTS


def test_a_block_may_say_itself_what_its_amounts_are_in() -> None:
    for unit, amount in (("core_hours", SIX_DIGITS), (MONEY, CENTS)):
        line = AmountLine("cpu", unit, LARGE, 1.0, 1.0, LARGE, 1.0, None)
        assert plain(line, None)["usage"] == plain(line, MONEY)["usage"] == amount


def test_fields_stand_in_their_order_and_rows_that_are_still_to_be_made_are_left_out() -> None:
    @dataclass(frozen=True, slots=True)
    class Listing:
        """Rows between two names."""

        first: str
        rows: Sequence[Number]
        last: str

    def never(_place: int) -> float:
        raise AssertionError

    assert list(plain(Listing("a", LazyRows(2_000, never), "z"), None).items()) == [
        ("first", "a"),
        ("rows", []),
        ("last", "z"),
    ]
    assert "counts" in EfficiencyTotal.__slots__
