"""Which clocks may contradict the machine's, by how much, and what is said then."""

from __future__ import annotations

import pytest

from collector.clock import ClockReading, Timekeeper, boot_time, disagreement
from tests.support.patience import eventually

NOON = 1_795_262_400.0
"""2026-11-21T12:00:00Z"""
ALLOWED = 600.0


def judged(
    now: float,
    *,
    boot: float = 1000.0,
    date: ClockReading | None = None,
    last: ClockReading | None = None,
    newest: ClockReading | None = None,
) -> list[str]:
    """Who contradicts."""
    found = disagreement(ClockReading(now, boot), ALLOWED, date=date, last=last, newest=newest)
    return [] if found is None else list(found.contradicted_by)


@pytest.mark.parametrize(
    ("by", "who"), [(0, []), (600, []), (-600, []), (601, ["contradicts"]), (-601, ["contradicts"])]
)
def test_the_api_server_and_the_boot_clock_contradict_a_clock_that_is_off_by_more_than_is_allowed(
    by: float, who: list[str]
) -> None:
    # Told 400 s of the boot-time clock ago, at noon.
    told = ClockReading(NOON, 600.0)
    assert judged(NOON + 400 + by, date=told) == ["api_server" for _ in who]
    assert judged(NOON + 400 + by, last=told) == ["boot_clock" for _ in who]


def test_the_newest_stored_tick_contradicts_a_clock_that_is_behind_it_alone() -> None:
    assert judged(NOON, newest=ClockReading(NOON + 600, 1000.0)) == []
    assert judged(NOON, newest=ClockReading(NOON + 601, 1000.0)) == ["newest_sample"]
    # An outage of a year.
    assert judged(NOON, newest=ClockReading(NOON - 365 * 86400, 1000.0)) == []


def test_a_clock_that_was_behind_the_newest_tick_is_still_behind_when_it_has_passed_it() -> None:
    # The process began at boot + 100 s, the newest tick was that of noon, and the clock said 11:15 then.
    newest = ClockReading(NOON, 100.0)
    assert judged(NOON - 2700, boot=100.0, newest=newest) == ["newest_sample"]
    assert judged(NOON - 2700 + 3600, boot=3700.0, newest=newest) == ["newest_sample"]


def test_what_a_clock_stored_that_ran_ahead_counts_no_longer_when_that_time_has_come() -> None:
    """It is noon, and there is a tick of one o'clock: by the API server that is an hour to wait, and no longer."""
    newest = ClockReading(NOON + 3600, 0.0)
    for passed, who in ((0, ["newest_sample"]), (3600, ["newest_sample"]), (3601, [])):
        assert judged(NOON + passed, boot=float(passed), date=ClockReading(NOON, 0.0), newest=newest) == who


def test_nobody_to_ask_contradicts_nothing() -> None:
    assert judged(0.0) == []


def test_a_clock_that_everybody_contradicts_is_said_with_what_each_says() -> None:
    found = disagreement(
        ClockReading(NOON - 86400, 1000.0),
        ALLOWED,
        date=ClockReading(NOON, 1000.0),
        last=ClockReading(NOON - 300, 701.0),
        newest=ClockReading(NOON - 300, 1000.0),
    )
    assert found is not None
    assert str(found) == (
        "the clock says 2026-11-20T12:00:00Z, but the API server's Date header says 2026-11-21T12:00:00Z and the time "
        "since the last tick makes it 2026-11-21T11:59:59Z and by the newest stored tick it is 2026-11-21T11:55:00Z or "
        "later: no tick is taken. Set this machine's clock right, or that of the API server"
    )
    assert (found.ahead, found.time) == (-86400, NOON - 1)


def test_where_only_the_boot_clock_contradicts_what_the_api_server_confirms_a_restart_is_advised() -> None:
    found = disagreement(
        ClockReading(NOON, 1000.0),
        ALLOWED,
        date=ClockReading(NOON, 1000.0),
        last=ClockReading(NOON - 9000, 900.0),
        newest=None,
    )
    assert str(found) == (
        "the clock says 2026-11-21T12:00:00Z, as does the API server, but the time since the last tick makes it "
        "2026-11-21T09:31:40Z: no tick is taken. If that is the right time, restart the collector: then the API "
        "server's clock decides"
    )


def test_where_only_the_store_contradicts_it_may_be_the_store_that_is_wrong() -> None:
    found = disagreement(ClockReading(NOON, 1.0), ALLOWED, date=None, last=None, newest=ClockReading(NOON + 86400, 1.0))
    assert str(found).endswith(
        "Set the clock right. If it is right, ticks were stored while it ran ahead: restore KL_DB_LOCATION from a "
        "backup, or wait until that time has come"
    )


def test_news_is_another_witness_or_another_distance() -> None:
    def found(now: float, last: ClockReading | None = None) -> object:
        return disagreement(ClockReading(now, 0.0), ALLOWED, date=ClockReading(NOON, 0.0), last=last, newest=None)

    first = disagreement(ClockReading(NOON + 9000, 0.0), ALLOWED, date=ClockReading(NOON, 0.0), last=None, newest=None)
    assert first is not None
    assert first.is_like(found(NOON + 9600), ALLOWED)  # type: ignore[arg-type]
    assert not first.is_like(found(NOON + 9601), ALLOWED)  # type: ignore[arg-type]
    assert not first.is_like(found(NOON - 9000), ALLOWED)  # type: ignore[arg-type]
    assert not first.is_like(found(NOON + 9000, ClockReading(NOON, 0.0)), ALLOWED)  # type: ignore[arg-type]


class Clocks:
    def __init__(self) -> None:
        self.wall, self.boot = NOON, 500.0
        self.keeper = Timekeeper(lambda: self.wall, lambda: self.boot, 300, None)

    def pass_(self, seconds: float, jump: float = 0.0) -> None:
        self.wall += seconds + jump
        self.boot += seconds


def test_the_time_is_the_clocks_until_it_is_contradicted() -> None:
    clocks = Clocks()
    clocks.keeper.hear(ClockReading(NOON + 5, 500.0))
    clocks.keeper.take(ClockReading(NOON + 5, 500.0))
    clocks.pass_(100)
    assert clocks.keeper.now() == NOON + 100
    clocks.pass_(100, jump=86400)
    assert clocks.keeper.now() == NOON + 205


def test_a_wrong_date_does_not_outweigh_clock_and_boot_clock() -> None:
    clocks = Clocks()
    clocks.keeper.take(ClockReading(NOON, 500.0))
    clocks.pass_(100)
    clocks.keeper.hear(ClockReading(NOON + 10**8, 600.0))
    found = clocks.keeper.judge(clocks.keeper.read())
    assert found is not None
    assert list(found.contradicted_by) == ["api_server"]
    assert clocks.keeper.now() == NOON + 100


def test_when_the_process_began_is_known_once_the_time_is() -> None:
    clocks = Clocks()
    clocks.pass_(300, jump=-86400)
    assert clocks.keeper.began() == NOON - 86400
    clocks.keeper.hear(ClockReading(NOON + 300, 800.0))
    assert clocks.keeper.began() == NOON


def test_the_boot_time_clock_runs_on() -> None:
    first = boot_time()
    eventually(lambda: boot_time() > first)


def test_a_clock_beyond_any_date_is_said_in_seconds() -> None:
    found = disagreement(ClockReading(1e15, 1000.0), ALLOWED, date=ClockReading(NOON, 1000.0), last=None, newest=None)
    assert str(found).startswith("the clock says 1000000000000000 s, but the API server's Date header says 2026-11-21T")
