from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rrdtool

from collector.errors import DamagedError, StoreError
from collector.model import STEP
from collector.store.rrd import database as rrd
from collector.store.rrd.database import Span
from kl_core.calendar import HOUR
from tests.support.ordinary_user import ordinary_user
from tests.support.samples import DAY, NOON

ONE = ("value",)


def database(directory: Path, start: int = NOON) -> Path:
    path = directory / "a.rrd"
    rrd.create(path, ONE, start)
    return path


def hourly(path: Path, start: int = NOON, hours: int = 1) -> list[float | None]:
    return plain(rrd.fetch(path, ONE, start, start + hours * HOUR, HOUR)["value"])


def fine(path: Path, start: int = NOON, steps: int = 12) -> list[float | None]:
    return plain(rrd.fetch(path, ONE, start, start + steps * STEP, STEP)["value"])


def plain(column: rrd.Array) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in column]


def steps(values: list[float | None], start: int = NOON) -> list[Span]:
    return [Span(start + i * STEP, start + (i + 1) * STEP, (value,)) for i, value in enumerate(values)]


def test_step_heartbeat_and_archives_are_what_the_design_says(tmp_path: Path) -> None:
    info = rrdtool.info(str(database(tmp_path)))
    assert (info["step"], info["ds[value].minimal_heartbeat"], info["ds[value].type"]) == (300, 300, "GAUGE")
    assert (info["rra[0].cf"], info["rra[0].pdp_per_row"], info["rra[0].xff"]) == ("AVERAGE", 1, 0.5)
    assert (info["rra[1].cf"], info["rra[1].pdp_per_row"], info["rra[1].xff"]) == ("AVERAGE", 12, 0.5)
    # 14 days and an hour of 300 s steps; 400 days of hours.
    assert info["rra[0].rows"] == (14 * 24 + 1) * 12 == 4044
    assert info["rra[1].rows"] == 400 * 24 == 9600


def test_an_hour_of_the_closed_archive_is_the_mean_of_its_steps(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.update(path, steps([float(i) for i in range(1, 13)]))
    # (1 + 2 + ... + 12) / 12 = 6.5
    assert hourly(path) == [6.5]


@pytest.mark.parametrize("first", [NOON, NOON - 20 * DAY, NOON - 500 * DAY])
def test_the_place_of_a_row_follows_from_its_time_so_that_an_earlier_head_fits_a_file_begun_anew(
    tmp_path: Path, first: int
) -> None:
    path = database(tmp_path, first)
    rrd.update(path, steps([9.0], first))
    # The pause is longer than a ring, for all but the first of the three.
    rrd.update(path, steps([1.0, 2.0]))
    earlier = rrd.head(path, ONE).content
    path.unlink()
    rrd.create(path, ONE, NOON)
    rrd.update(path, steps([1.0, 2.0, 3.0]))
    rrd.restore(path, earlier, NOON + 3 * STEP)
    assert fine(path, steps=3) == [1.0, 2.0, None]
    rrd.update(path, steps([3.0], NOON + 2 * STEP))
    assert fine(path, steps=3) == [1.0, 2.0, 3.0]


def test_an_address_of_a_caching_daemon_in_the_environment_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # librrd itself looks at the variable. A plain update reports success there and stores nothing.
    monkeypatch.setenv("RRDCACHED_ADDRESS", f"unix:{tmp_path / 'nobody'}")
    path = database(tmp_path)
    assert rrd.update(path, steps([1.0, 3.0] * 6)) == 12
    rrd.head(path, ONE)
    assert rrd.last(path) == NOON + HOUR
    assert hourly(path) == [2.0]


def test_unaligned_ticks_would_move_amounts_between_hours(tmp_path: Path) -> None:
    """The counter-example that ticks are aligned for: 10 in the first hour, 100 in the second, sampled 137 s late."""
    path = database(tmp_path)
    rows = [f"{NOON + 137 + i * STEP}:{10.0 if i < 12 else 100.0}" for i in range(1, 26)]
    rrdtool.update(str(path), f"{NOON + 137}:10.0", *rows)
    first, second = hourly(path, hours=2)
    # The sample taken at 13:02:17 fills the time since 12:57:17, 163 s of which belong to the first hour:
    # sample 11 (12:57:17) still says 10, sample 12 (13:02:17) says 100. (3600 - 163) x 10 + 163 x 100 = 3600 x 14.075
    assert first == pytest.approx(14.075, rel=1e-9)
    assert second == pytest.approx(100.0)


def test_without_an_explicit_unknown_librrd_makes_the_step_after_a_pause_unknown_too(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrdtool.update(str(path), f"{NOON + 300}:1.0", f"{NOON + 900}:3.0")
    assert fine(path, steps=3) == [1.0, None, None]


def test_a_pause_within_the_heartbeat_would_be_filled_with_the_next_value(tmp_path: Path) -> None:
    """Why the heartbeat is 300 and not a multiple of it."""
    path = tmp_path / "long.rrd"
    rrdtool.create(str(path), "--start", str(NOON), "--step", "300", "DS:value:GAUGE:900:U:U", "RRA:AVERAGE:0.5:1:99")
    rrdtool.update(str(path), f"{NOON + 300}:1.0", f"{NOON + 900}:3.0")
    (start, _, _), _, rows = rrdtool.fetch(str(path), "AVERAGE", "-s", str(NOON), "-e", str(NOON + 900))
    assert (start, rows[:3]) == (NOON, [(1.0,), (3.0,), (3.0,)])


def test_a_pause_is_unknown_and_the_step_after_it_is_known(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.update(path, [Span(NOON, NOON + 300, (1.0,))])
    rrd.update(path, [Span(NOON + 1200, NOON + 1500, (5.0,))])
    assert fine(path, steps=6) == [1.0, None, None, None, 5.0, None]


def test_a_pause_inside_one_update_is_unknown(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.update(path, [Span(NOON, NOON + 300, (1.0,)), Span(NOON + 600, NOON + 900, (3.0,))])
    assert fine(path, steps=3) == [1.0, None, 3.0]


def test_an_unknown_span_ends_the_pause_with_one_row(tmp_path: Path) -> None:
    path = database(tmp_path)
    assert rrd.update(path, [Span(NOON, NOON + HOUR, (None,))]) == 1
    assert rrd.last(path) == NOON + HOUR
    assert fine(path) == [None] * 12


def test_a_longer_span_is_written_to_each_of_its_steps(tmp_path: Path) -> None:
    path = database(tmp_path)
    assert rrd.update(path, [Span(NOON, NOON + 1800, (2.0,)), Span(NOON + 1800, NOON + 3600, (4.0,))]) == 12
    assert fine(path) == [2.0] * 6 + [4.0] * 6
    assert hourly(path) == [3.0]


@pytest.mark.parametrize(("known", "expected"), [(12, 2.0), (7, 2.0), (6, 2.0), (5, None), (0, None)])
def test_an_hour_with_fewer_than_half_of_its_steps_is_unknown(
    tmp_path: Path, known: int, expected: float | None
) -> None:
    path = database(tmp_path)
    unknown: list[float | None] = [None] * (12 - known)
    rrd.update(path, steps([*unknown, *[2.0] * known]))
    assert hourly(path) == [expected]


def test_the_mean_of_an_hour_is_over_its_known_steps_only(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.update(path, steps([None, 1.0, None, 2.0, 3.0, None, 4.0, 5.0, None, None, 6.0, None]))
    # (1 + 2 + 3 + 4 + 5 + 6) / 6 = 3.5
    assert hourly(path) == [3.5]


def test_an_hour_that_is_not_over_is_unknown_in_the_hourly_archive(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.update(path, steps([1.0] * 11))
    assert hourly(path) == [None]


def test_steps_that_are_there_are_left_as_they_are(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.update(path, steps([1.0, 2.0, 3.0]))
    assert rrd.update(path, steps([9.0, 9.0, 9.0, 4.0])) == 1
    assert fine(path, steps=4) == [1.0, 2.0, 3.0, 4.0]


def test_a_span_that_is_partly_there_gives_only_its_rest(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.update(path, steps([1.0]))
    assert rrd.update(path, [Span(NOON, NOON + 900, (7.0,))]) == 2
    assert fine(path, steps=3) == [1.0, 7.0, 7.0]


def test_the_5_minute_archive_reaches_back_14_days_and_an_hour(tmp_path: Path) -> None:
    path = database(tmp_path)
    end = NOON + 15 * DAY
    rrd.update(path, [Span(NOON, end, (1.0,))])
    depth = 14 * DAY + HOUR
    values = rrd.fetch(path, ONE, NOON, end, STEP)["value"]
    assert len(values) == 15 * 288
    assert int(np.isnan(values).sum()) == (15 * DAY - depth) // STEP
    assert np.isnan(values[(15 * DAY - depth) // STEP - 1])
    assert values[(15 * DAY - depth) // STEP] == 1.0


def test_the_hourly_archive_reaches_back_400_days(tmp_path: Path) -> None:
    path = database(tmp_path)
    end = NOON + 401 * DAY
    rrd.update(path, [Span(NOON + i * DAY, NOON + (i + 1) * DAY, (float(i),)) for i in range(401)])
    values = rrd.fetch(path, ONE, NOON, end, HOUR)["value"]
    assert len(values) == 401 * 24
    assert plain(values[:24]) == [None] * 24
    assert plain(values[24::24]) == [float(i) for i in range(1, 401)]


def test_a_window_before_and_after_everything_is_unknown_and_as_long_as_asked(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.update(path, steps([1.0] * 12))
    assert fine(path, NOON - HOUR, 36) == [None] * 12 + [1.0] * 12 + [None] * 12
    assert hourly(path, NOON - 2 * HOUR, 5) == [None, None, 1.0, None, None]
    assert fine(path, NOON - 900 * DAY, 3) == [None] * 3
    assert fine(path, NOON + 900 * DAY, 3) == [None] * 3
    assert fine(path, steps=0) == []


def test_values_survive_to_the_last_digits(tmp_path: Path) -> None:
    path = database(tmp_path)
    values: list[float | None] = [0.1 + 0.2, 1.2345678901234567e17, 1e-7, 7 * 2.0**40, 0.0, -0.5]
    rrd.update(path, steps(values))
    assert fine(path, steps=6) == pytest.approx(values, rel=1e-15)


def test_what_is_no_finite_number_is_unknown(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.update(path, steps([float("nan"), float("inf"), 1.0]))
    assert fine(path, steps=3) == [None, None, 1.0]


def test_an_update_of_more_rows_than_one_call_takes_is_complete(tmp_path: Path) -> None:
    path = database(tmp_path)
    count = 12_000
    assert rrd.update(path, [Span(NOON, NOON + count * STEP, (1.0,))]) == count
    assert hourly(path, hours=count // 12) == [1.0] * (count // 12)


def test_a_window_off_the_grid_is_refused(tmp_path: Path) -> None:
    path = database(tmp_path)
    with pytest.raises(ValueError, match="multiples"):
        rrd.fetch(path, ONE, NOON + 1, NOON + HOUR, STEP)
    with pytest.raises(ValueError, match="neither 300 nor 3600"):
        rrd.fetch(path, ONE, NOON, NOON + HOUR, 600)


def test_create_does_not_leave_half_a_file_behind(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/a\.rrd"):
        rrd.create(tmp_path / "nowhere" / "a.rrd", ONE, NOON)
    with pytest.raises(StoreError, match="DS"):
        rrd.create(tmp_path / "a.rrd", ("a name that librrd refuses",), NOON)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database at all", b"RRD\x000003\x00"])
def test_a_foreign_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.rrd"
    path.write_bytes(content)
    for action in (rrd.last, lambda p: rrd.head(p, ONE), lambda p: rrd.update(p, steps([1.0]))):
        with pytest.raises(StoreError, match=r"a\.rrd.*(backup|moved away)"):
            action(path)
    assert path.read_bytes() == content


def test_a_truncated_file_is_named_and_left_alone(tmp_path: Path) -> None:
    path = database(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match=r"a\.rrd.*backup"):
        rrd.update(path, steps([1.0]))
    assert path.read_bytes() == whole[: len(whole) // 2]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone\.rrd"):
        rrd.last(tmp_path / "gone.rrd")


def test_a_database_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = database(tmp_path)
    rrd.head(path, ONE)
    with pytest.raises(StoreError, match="found value, expected other"):
        rrd.head(path, ("other",))
    rrd.update(path, steps([1.0]))
    with pytest.raises(StoreError, match="found value, expected other"):
        rrd.fetch(path, ("other",), NOON, NOON + STEP, STEP)
    short = tmp_path / "short.rrd"
    rrdtool.create(str(short), "--step", "300", "DS:value:GAUGE:300:U:U", "RRA:AVERAGE:0.5:1:100")
    with pytest.raises(StoreError, match=r"short\.rrd"):
        rrd.head(short, ONE)


def test_the_order_of_sources_is_part_of_the_shape(tmp_path: Path) -> None:
    path = tmp_path / "two.rrd"
    rrd.create(path, ("b", "a"), NOON)
    rrd.head(path, ("b", "a"))
    with pytest.raises(StoreError):
        rrd.head(path, ("a", "b"))


@pytest.mark.parametrize(("place", "other"), [(4, b"0099"), (12, b"\x01" * 8)])
def test_a_database_of_another_version_or_machine_is_refused(tmp_path: Path, place: int, other: bytes) -> None:
    path = database(tmp_path)
    content = bytearray(path.read_bytes())
    # The version is text after the four bytes of librrd's mark, the number that tells machines apart is at 16.
    content[place : place + len(other)] = other
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="of another version or machine"):
        rrd.head(path, ONE)


def test_a_head_that_cannot_be_put_back_is_an_error_that_names_the_file() -> None:
    with ordinary_user() as directory:
        path = database(directory)
        before = rrd.head(path, ONE)
        rrd.update(path, steps([1.0]))
        path.chmod(0o400)
        with pytest.raises(StoreError, match="Permission denied") as refused:
            rrd.restore(path, before.content, NOON + STEP)
        assert str(path) in str(refused.value)
        path.chmod(0o600)
        rrd.restore(path, before.content, NOON + STEP)
        assert rrd.head(path, ONE) == before
