"""`kl-collector health`: the heartbeat of the loop, by the machine's boot-time clock."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector import cli
from collector import heartbeat as heartbeats
from collector.health import Health, examine
from tests.collector.commands import environment, kl_collector, running, wait_for
from tests.support.scripted_http import closed_port

NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp())


def heartbeat(
    root: Path, *, boot_id: str | None = None, clock: str | None = None, unsampled: float = 0.0
) -> dict[str, str]:
    """The environment of a collector whose loop turned 5000 seconds after this machine, or another one, started."""
    (root / "db").mkdir()
    file = root / "db" / "heartbeat"
    heartbeats.give(file, 5000.0, 5000.0 - unsampled, clock)
    if boot_id is not None:
        file.write_text(file.read_text().replace(heartbeats.boot_id() or "null", boot_id))
    # By the machine's clock it could be of any age.
    os.utime(file, (NOON - 10**9, NOON + 10**9))
    return environment(root, "http://127.0.0.1:1", KL_POLLING_INTERVAL_SEC="600")


def health(environ: Mapping[str, str], now: float, *arguments: str) -> int:
    """The exit code of `kl-collector health`, `now` seconds after the start of the machine."""
    return cli.main(["health", *arguments], environ, lambda: float(NOON), lambda: now)


# Three polling intervals of 600 s are 1800 s.
@pytest.mark.parametrize("arguments", [(), ("--live",)])
@pytest.mark.parametrize(("age", "code"), [(0, 0), (1799, 0), (1800, 1), (86400, 1), (-20, 1)])
def test_health_is_a_heartbeat_younger_than_three_polling_intervals_by_the_boot_time_clock(
    tmp_path: Path, age: int, code: int, arguments: tuple[str, ...]
) -> None:
    assert health(heartbeat(tmp_path), 5000.0 + age, *arguments) == code


def test_health_says_how_old_the_heartbeat_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = heartbeat(tmp_path)
    assert health(environ, 6000.0) == 0
    assert capsys.readouterr().out == "healthy: the heartbeat is 1000 s old\n"
    assert health(environ, 6900.0) == 1
    assert capsys.readouterr().err == (
        f"kl-collector: not healthy: the heartbeat {tmp_path / 'db' / 'heartbeat'} is 1900 s old, 1800 s are allowed\n"
    )


def test_a_heartbeat_from_before_the_machine_was_started_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert health(heartbeat(tmp_path, boot_id="another"), 5001.0) == 1
    assert "is from before the machine or this release was started" in capsys.readouterr().err


def test_a_heartbeat_of_an_earlier_release_is_none(tmp_path: Path) -> None:
    environ = heartbeat(tmp_path)
    (tmp_path / "db" / "heartbeat").write_bytes(b"")
    assert health(environ, 5001.0) == 1


def test_a_clock_that_is_contradicted_is_not_healthy_but_live_as_a_restart_does_not_put_it_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = heartbeat(tmp_path, clock="the clock says it is tomorrow")
    assert health(environ, 5001.0) == 1
    assert capsys.readouterr().err == "kl-collector: not healthy: the clock says it is tomorrow\n"
    assert health(environ, 5001.0, "--live") == 0


# Three polling intervals of 600 s are 1800 s.
@pytest.mark.parametrize(("unsampled", "code"), [(0, 0), (1800, 0), (1801, 1), (12 * 3600, 1)])
def test_a_loop_that_turns_without_a_sample_of_three_intervals_is_not_healthy_but_live(
    tmp_path: Path, unsampled: float, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = heartbeat(tmp_path, unsampled=unsampled)
    assert health(environ, 5000.0) == code
    said = capsys.readouterr().err
    assert said == (
        f"kl-collector: not healthy: the collector has stored nothing of the cluster for {unsampled} s, 1800 s are "
        "allowed. Its log says why\n"
        if code
        else ""
    )
    assert health(environ, 5000.0, "--live") == 0


def test_the_age_of_the_newest_sample_is_counted_to_now_and_not_to_the_heartbeat(tmp_path: Path) -> None:
    environ = heartbeat(tmp_path, unsampled=1700)
    assert health(environ, 5100.0) == 0
    assert health(environ, 5101.0) == 1


def test_health_before_the_first_tick_fails_in_one_line(tmp_path: Path) -> None:
    done = kl_collector("health", environ=environment(tmp_path, "http://127.0.0.1:1"))
    assert done.returncode == 1
    assert done.stderr == (
        f"kl-collector: not healthy: no heartbeat at {tmp_path / 'db' / 'heartbeat'} (No such file or directory); "
        "is `run` started?\n"
    )


def test_a_collector_that_runs_is_healthy_to_another_process(tmp_path: Path) -> None:
    environ = environment(tmp_path, f"http://127.0.0.1:{closed_port()}")
    with running(environ):
        wait_for(tmp_path / "db" / "heartbeat")
        done = kl_collector("health", environ=environ)
    assert (done.returncode, done.stderr) == (0, "")


def test_where_the_system_does_not_tell_its_starts_apart_the_boot_time_clock_alone_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeats, "_BOOT_ID", tmp_path / "none")
    environ = heartbeat(tmp_path)
    assert heartbeats.boot_id() is None
    assert [health(environ, 5000.0 + age) for age in (-20, 0, 1799, 1800)] == [1, 0, 0, 1]


def test_a_heartbeat_that_is_given_while_it_is_asked_for_is_one_of_now(tmp_path: Path) -> None:
    """The clock is read after the heartbeat: the loop turns meanwhile."""
    file = tmp_path / "heartbeat"
    heartbeats.give(file, 5000.0, 5000.0, None)

    def later() -> float:
        heartbeats.give(file, 5001.0, 5001.0, None)
        return 5000.5

    assert examine(file, later, 600) == Health(0.5, None)
