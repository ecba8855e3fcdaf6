"""The history of rates from `.billing-hourly-rate`, as librrd has it."""

from __future__ import annotations

from pathlib import Path

from collector.import_legacy.importer import continued_rates, recorded_rates
from collector.import_legacy.source import open_source
from collector.store.rates import RateChange
from tests.support.legacy_rrd import DAY, HOUR, Pair, at, steps, write_database

BEGIN = at("2026-11-20T00:00")


def rates_of(directory: Path, values: dict[int, Pair]) -> list[tuple[int, float]]:
    write_database(directory / ".billing-hourly-rate", values)
    write_database(directory / "shop", steps(BEGIN, BEGIN + DAY, 1.0, 1.0))
    found = recorded_rates(open_source(directory).billing_rate, "€")
    assert {change.currency for change in found} <= {"€"}
    return [(change.effective, change.rate) for change in found]


def test_a_rate_holds_from_the_hour_in_which_it_was_recorded(tmp_path: Path) -> None:
    found = rates_of(
        tmp_path, steps(BEGIN, BEGIN + 2 * HOUR, 8.0, 8.0) | steps(BEGIN + 2 * HOUR, BEGIN + DAY, 9.5, 9.5)
    )
    assert found == [(BEGIN, 8.0), (BEGIN + 2 * HOUR, 9.5)]


def test_an_hour_in_which_the_rate_changed_has_the_mean_of_both(tmp_path: Path) -> None:
    # 8 for 20 minutes, then 11: 8 / 3 + 11 * 2 / 3.
    found = rates_of(tmp_path, steps(BEGIN, BEGIN + 1200, 8.0, 8.0) | steps(BEGIN + 1200, BEGIN + DAY, 11.0, 11.0))
    assert found == [(BEGIN, 10.0), (BEGIN + HOUR, 11.0)]


def test_below_zero_means_that_no_rate_was_set(tmp_path: Path) -> None:
    # The existing installation writes -1 until a rate is set.
    found = rates_of(tmp_path, steps(BEGIN, BEGIN + HOUR, -1.0, -1.0) | steps(BEGIN + HOUR, BEGIN + DAY, 8.0, 8.0))
    assert found == [(BEGIN + HOUR, 8.0)]


def test_an_outage_does_not_end_a_rate(tmp_path: Path) -> None:
    found = rates_of(tmp_path, steps(BEGIN, BEGIN + HOUR, 8.0, 8.0) | steps(BEGIN + 5 * HOUR, BEGIN + DAY, 8.0, 8.0))
    assert found == [(BEGIN, 8.0)]


def test_what_is_stored_already_goes_on_with_what_the_source_recorded_since() -> None:
    def change(effective: int, rate: float) -> RateChange:
        return RateChange(effective, rate, "€", None)

    stored = (change(BEGIN, 8.0), change(BEGIN + 2 * HOUR, 9.0))
    source = (change(BEGIN, 7.0), change(BEGIN + 3 * HOUR, 9.5), change(BEGIN + 5 * HOUR, 10.0))
    # Up to 03:00 is stored, which is when 9.5 begins.
    assert continued_rates(stored, source, BEGIN + 3 * HOUR) == (*stored, *source[1:])
    assert continued_rates((), source, 0) == source


def test_without_the_file_there_is_no_rate() -> None:
    assert recorded_rates(None, "€") == ()
