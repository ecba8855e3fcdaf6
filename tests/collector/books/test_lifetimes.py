import numpy as np

from collector.books.lifetimes import lifetimes

HOUR = 3600
NINE, TEN, ELEVEN, TWELVE = (hour * HOUR for hour in (9, 10, 11, 12))
HOURS = np.array([NINE, TEN, ELEVEN, TWELVE])


def test_a_life_covers_the_whole_hours_of_its_first_and_last_tick() -> None:
    lived = lifetimes([(TEN + 1200, ELEVEN + 300)], active=False, gpu_since=None)
    assert lived.alive(HOURS).tolist() == [False, True, True, False]


def test_a_tick_on_the_hour_stands_for_the_hour_before() -> None:
    lived = lifetimes([(TEN, ELEVEN)], active=False, gpu_since=TEN)
    assert lived.alive(HOURS).tolist() == [True, True, False, False]
    assert lived.gpu_since == NINE


def test_an_active_namespace_lives_on_after_its_last_tick() -> None:
    lived = lifetimes([(TEN + 300, TEN + 300)], active=True, gpu_since=None)
    assert lived.alive(HOURS).tolist() == [False, True, True, True]


def test_several_lives_leave_the_hours_between_them_out() -> None:
    lived = lifetimes([(NINE + 300, NINE + 600), (ELEVEN + 300, ELEVEN + 900)], active=False, gpu_since=None)
    assert lived.alive(HOURS).tolist() == [True, False, True, False]


def test_a_step_is_alive_with_its_hour() -> None:
    lived = lifetimes([(TEN + 1200, TEN + 1500)], active=False, gpu_since=None)
    assert lived.alive(np.array([TEN - 300, TEN, TEN + 3300, ELEVEN])).tolist() == [False, True, True, False]


def test_a_window_is_touched_by_a_life_that_reaches_into_it() -> None:
    lived = lifetimes([(TEN + 300, TEN + 300)], active=False, gpu_since=None)
    assert lived.touch(TEN, ELEVEN)
    assert lived.touch(NINE, TEN + 1)
    assert not lived.touch(NINE, TEN)
    assert not lived.touch(ELEVEN, TWELVE)


def test_an_entry_without_a_life_was_never_there() -> None:
    assert not lifetimes([], active=False, gpu_since=None).alive(HOURS).any()
