from __future__ import annotations

from pathlib import Path

import pytest

from collector.errors import StoreError
from collector.store import rates
from collector.store.rates import RateChange, RateHistory
from tests.support.samples import DAY, HOUR, NOON


def change(effective: int, rate: float, currency: str = "$") -> RateChange:
    return RateChange(effective, rate, currency, None)


def record(history: RateHistory, rate: float | None, now: int, *, has_samples: bool = True) -> RateHistory:
    return rates.record(history, rate, "$", None, now=now, has_samples=has_samples)


FIRST = (change(NOON, 10.0),)


def test_the_first_rate_of_an_empty_store_takes_effect_at_the_current_hour() -> None:
    assert record((), 10.0, NOON + 1234, has_samples=False) == FIRST


def test_the_first_rate_of_a_store_with_samples_takes_effect_at_the_next_full_hour() -> None:
    assert record((), 10.0, NOON - 1) == FIRST


def test_a_change_takes_effect_at_the_next_full_hour() -> None:
    assert record(FIRST, 12.0, NOON + DAY + 1) == (*FIRST, change(NOON + DAY + HOUR, 12.0))
    # At 12:00:00 sharp the hour that begins is whole.
    assert record(FIRST, 12.0, NOON + DAY) == (*FIRST, change(NOON + DAY, 12.0))


def test_the_same_values_change_nothing() -> None:
    assert record(FIRST, 10.0, NOON + DAY) is FIRST


def test_another_currency_or_other_weights_are_a_change() -> None:
    euro = rates.record(FIRST, 10.0, "€", None, now=NOON + 1, has_samples=True)
    assert euro[-1] == RateChange(NOON + HOUR, 10.0, "€", None)
    weighted = rates.record(FIRST, 10.0, "$", {"cpu": 1.0}, now=NOON + 1, has_samples=True)
    assert weighted[-1] == RateChange(NOON + HOUR, 10.0, "$", {"cpu": 1.0})
    assert rates.record(weighted, 10.0, "$", {"cpu": 1.0}, now=NOON + DAY, has_samples=True) is weighted


def test_a_rate_that_is_taken_away_ends_charging() -> None:
    ended = record(FIRST, None, NOON + 1)
    assert ended == (*FIRST, change(NOON + HOUR, 0.0))
    assert record(ended, None, NOON + DAY) is ended
    assert record(ended, 10.0, NOON + DAY) == (*ended, change(NOON + DAY, 10.0))


def test_no_rate_leaves_an_empty_history_empty() -> None:
    assert record((), None, NOON) == ()


def test_a_change_that_did_not_take_effect_yet_is_replaced() -> None:
    pending = record(FIRST, 12.0, NOON + 60)
    assert record(pending, 15.0, NOON + 120) == (*FIRST, change(NOON + HOUR, 15.0))
    assert record(pending, 10.0, NOON + 120) == FIRST
    assert record((change(NOON + HOUR, 5.0),), None, NOON + 120) == ()


YEAR = 365 * DAY


def test_a_first_rate_of_a_clock_a_year_ahead_is_dated_anew_when_the_clock_is_right() -> None:
    ahead = record((), 10.0, NOON + YEAR + 120, has_samples=False)
    assert ahead == (change(NOON + YEAR, 10.0),)
    # The same settings, another rate and none at all, still without a sample; and after ticks were taken.
    assert record(ahead, 10.0, NOON + 420, has_samples=False) == (change(NOON, 10.0),)
    assert record(ahead, 12.0, NOON + 420, has_samples=False) == (change(NOON, 12.0),)
    assert record(ahead, None, NOON + 420, has_samples=False) == ()
    assert record(ahead, 10.0, NOON + 420) == (change(NOON + HOUR, 10.0),)


def test_a_first_rate_of_a_clock_an_hour_ahead_is_dated_anew_until_there_is_a_sample() -> None:
    ahead = record((), 10.0, NOON + HOUR + 120, has_samples=False)
    assert ahead == (change(NOON + HOUR, 10.0),)
    assert record(ahead, 10.0, NOON + 420, has_samples=False) == (change(NOON, 10.0),)
    # With samples it takes effect at the next full hour, which is what it says.
    assert record(ahead, 10.0, NOON + 420) is ahead


def test_a_change_of_a_clock_that_ran_ahead_is_dated_anew_and_leaves_what_was_in_force() -> None:
    for early, now in ((YEAR, NOON + DAY + 120), (HOUR, NOON + DAY + 120)):
        ahead = record(FIRST, 12.0, now + early)
        assert ahead == (*FIRST, change(NOON + DAY + HOUR + early, 12.0))
        for corrected in (12.0, 15.0):
            assert record(ahead, corrected, now) == (*FIRST, change(NOON + DAY + HOUR, corrected))
        # Set back to what is in force, there is no change at all.
        assert record(ahead, 10.0, now) == FIRST
        assert record(ahead, None, now) == (*FIRST, change(NOON + DAY + HOUR, 0.0))


def test_several_changes_of_a_clock_that_ran_ahead_are_all_taken_back() -> None:
    ahead = (*FIRST, change(NOON + DAY, 11.0), change(NOON + YEAR, 12.0), change(NOON + YEAR + DAY, 13.0))
    assert record(ahead, 13.0, NOON + 2 * DAY) == (*FIRST, change(NOON + DAY, 11.0), change(NOON + 2 * DAY, 13.0))


def test_a_clock_that_steps_back_does_not_rewrite_the_past() -> None:
    # Who asks takes the newest stored tick for now, if the clock shows less: hours up to it have been priced.
    history = (*FIRST, change(NOON + DAY, 12.0))
    newest_tick = NOON + DAY + 300
    assert record(history, 15.0, newest_tick) == (*history, change(NOON + DAY + HOUR, 15.0))
    assert record(history, 12.0, newest_tick) is history


def test_the_history_survives_its_file(tmp_path: Path) -> None:
    assert rates.load(tmp_path) == ()
    history = (*FIRST, RateChange(NOON + DAY, 0.1 + 0.2, "€", {"cpu": 0.25, "memory": 0.75}))
    rates.save(tmp_path, history)
    assert rates.load(tmp_path) == history
    assert [path.name for path in tmp_path.iterdir()] == ["rates.json"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"rates": [{}]}', '{"rates": [{"effective": "x"}]}', '{"rates": 1}']
)
def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "rates.json").write_text(content)
    with pytest.raises(StoreError, match=r"rates\.json.*backup"):
        rates.load(tmp_path)
    assert (tmp_path / "rates.json").read_text() == content
