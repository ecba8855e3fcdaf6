"""The command as an operator runs it: a process, its exit code and what it writes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path

import orjson
import pytest

from collector import __version__, cli
from collector.settings import SETTINGS, load
from tests.collector.commands import cluster, environment, kl_collector, running, wait_for
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import Answer, Request, closed_port, serving

NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp())


class Api:
    """The server of that cluster, and what time it says it is: the real one, unless `now` is set."""

    def __init__(self) -> None:
        self.now: float | None = None
        self.url = ""

    def answer(self, request: Request) -> Answer:
        answer = cluster(request, self.now)
        if self.now is None:
            return answer
        return replace(answer, headers={**answer.headers, "Date": formatdate(self.now, usegmt=True)})

    def once(self, environ: Mapping[str, str], now: float) -> int:
        """The exit code of `kl-collector once` at `now`, by its clock and the server's."""
        self.now = now
        return cli.main(["once"], environ, lambda: now)


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    with serving(made.answer) as server:
        made.url = server.url
        yield made


@pytest.fixture
def endpoint(api: Api) -> str:
    return api.url


def test_once_stores_and_publishes_the_tick_that_is_due(tmp_path: Path, endpoint: str) -> None:
    done = kl_collector("once", environ=environment(tmp_path, endpoint))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("tick ")
    assert done.stdout.endswith(f"is stored; published generation 1 in {tmp_path / 'data'}\n")
    manifest = orjson.loads((tmp_path / "data" / "dataset.json").read_bytes())
    assert [namespace["name"] for namespace in manifest["namespaces"]] == ["shop"]


def test_once_stores_under_the_nominal_time_and_says_so_the_second_time(
    tmp_path: Path, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = environment(tmp_path, api.url)
    assert api.once(environ, NOON + 187.0) == 0
    assert capsys.readouterr().out.startswith("tick 2026-11-21T12:00:00Z is stored;")
    assert api.once(environ, NOON + 290.0) == 0
    assert capsys.readouterr().out == (
        "tick 2026-11-21T12:00:00Z is stored already (newest: 2026-11-21T12:00:00Z); published again as generation 2\n"
    )
    hourly = orjson.loads((tmp_path / "data" / "hourly_7d-2.json").read_bytes())
    assert hourly["buckets"] == ["2026-11-21T11:00:00Z"]
    assert hourly["coverage"]["kubernetes"] == pytest.approx([1 / 12])


@pytest.mark.parametrize(
    ("token", "reason"),
    [("good", "refuses connections: nothing listens there"), ("bad", "does not accept the credentials (401)")],
)
def test_once_fails_with_the_reason_when_the_cluster_does_not_answer(
    tmp_path: Path, endpoint: str, token: str, reason: str
) -> None:
    url = endpoint if token == "bad" else f"http://127.0.0.1:{closed_port()}"
    done = kl_collector("once", environ=environment(tmp_path, url, KL_K8S_AUTH_TOKEN=token))
    assert done.returncode == 1
    assert reason in done.stderr
    last_line = done.stderr.splitlines()[-1]
    assert last_line.startswith("kl-collector: nothing is stored for tick 20")
    assert last_line.endswith(
        "the cluster could not be listed, for the reason logged above. Put that right and repeat the command: it need "
        "not wait for the next tick"
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "data" / "dataset.json").exists()


def test_once_that_failed_can_be_repeated_for_the_same_tick(
    tmp_path: Path, api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.kubernetes.session.MAX_ATTEMPTS", 1)
    broken = environment(tmp_path, f"http://127.0.0.1:{closed_port()}")
    assert api.once(broken, NOON + 10.0) == 1
    capsys.readouterr()
    assert api.once(environment(tmp_path, api.url), NOON + 70.0) == 0
    assert capsys.readouterr().out == (
        f"tick 2026-11-21T12:00:00Z is stored; published generation 1 in {tmp_path / 'data'}\n"
    )
    hourly = orjson.loads((tmp_path / "data" / "hourly_7d-1.json").read_bytes())
    assert hourly["coverage"]["kubernetes"] == pytest.approx([1 / 12])
    assert list(hourly["namespaces"]) == ["shop"]


def test_once_that_failed_between_two_that_did_not_is_a_gap(
    tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.kubernetes.session.MAX_ATTEMPTS", 1)
    environ = environment(tmp_path, api.url)
    broken = environment(tmp_path, f"http://127.0.0.1:{closed_port()}")
    assert api.once(environ, NOON + 310.0) == 0
    assert api.once(broken, NOON + 610.0) == 1
    # Nothing changed, so nothing is published.
    assert sorted(path.name for path in (tmp_path / "data").glob("hourly_7d-*.json")) == ["hourly_7d-1.json"]
    assert api.once(environ, NOON + 910.0) == 0
    hourly = orjson.loads((tmp_path / "data" / "hourly_7d-2.json").read_bytes())
    # Of the three steps since noon the second is missing.
    assert hourly["buckets"] == ["2026-11-21T12:00:00Z"]
    assert hourly["coverage"]["kubernetes"] == pytest.approx([2 / 3])
    # Half a core for two of them: 2 x 0.5 / 12.
    assert hourly["namespaces"]["shop"]["cpu"]["usage"] == pytest.approx([1 / 12])


@pytest.mark.parametrize(("late", "code"), [(299.0, 0), (300.0, 0), (301.0, 1), (1200.0, 1), (3599.0, 1)])
def test_once_takes_a_tick_up_to_five_minutes_late(tmp_path: Path, api: Api, late: float, code: int) -> None:
    environ = environment(tmp_path, api.url, KL_POLLING_INTERVAL_SEC="3600")
    assert api.once(environ, NOON + late) == code
    assert (tmp_path / "data" / "dataset.json").exists() is (code == 0)


def test_once_that_is_too_late_says_when_the_next_tick_is_due_and_what_to_do(
    tmp_path: Path, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = environment(tmp_path, api.url, KL_POLLING_INTERVAL_SEC="3600")
    assert api.once(environ, NOON + 1200.0) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "kl-collector: nothing is stored: tick 2026-11-21T12:00:00Z was due 1200 s ago, and what is seen now is not of "
        "the interval that ended then. The next is due at 2026-11-21T13:00:00Z: repeat `once` within 300 s of it (cron "
        "can, every 60 minutes), or leave it to `kl-collector run`\n"
    )


def test_once_that_is_late_still_publishes_what_is_stored(
    tmp_path: Path, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = environment(tmp_path, api.url, KL_POLLING_INTERVAL_SEC="3600")
    assert api.once(environ, NOON + 30.0) == 0
    capsys.readouterr()
    assert api.once(environ, NOON + 1200.0) == 0
    assert "is stored already" in capsys.readouterr().out


def test_once_at_a_time_that_the_api_server_contradicts_stores_nothing_and_says_why(
    tmp_path: Path, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = environment(tmp_path, api.url)
    api.now = float(NOON)
    assert cli.main(["once"], environ, lambda: NOON + 401 * 86400.0) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith(
        "kl-collector: nothing is stored: the clock says 2027-12-27T12:00:00Z, but the API server's Date header says "
        "2026-11-21T12:00:00Z: no tick is taken. "
    )
    assert not list((tmp_path / "db" / "namespaces").iterdir())
    assert api.once(environ, NOON + 10.0) == 0


def test_once_by_a_clock_that_is_behind_the_newest_tick_does_not_say_that_its_tick_is_stored(
    tmp_path: Path, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = environment(tmp_path, api.url)
    assert api.once(environ, NOON + 10.0) == 0
    capsys.readouterr()
    assert cli.main(["once"], environ, lambda: NOON - 86400.0) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "but by the newest stored tick it is 2026-11-21T12:00:00Z or later" in captured.err


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"KL_POLLING_INTERVAL_SEC": "7"}, "KL_POLLING_INTERVAL_SEC='7' cannot be used"),
        ({"KL_COST_MODEL": "CHARGE_BACK"}, "KL_COST_MODEL is CHARGE_BACK, which needs a rate"),
        ({"KL_BILLING_HOURLY_RATE": "ten"}, "KL_BILLING_HOURLY_RATE='ten' cannot be used"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(tmp_path: Path, settings: dict[str, str], reason: str) -> None:
    done = kl_collector("run", environ=environment(tmp_path, "http://127.0.0.1:1", **settings))
    assert done.returncode == 2
    assert done.stderr.startswith(f"kl-collector: {reason}")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "db").exists()


def test_a_data_directory_that_is_a_file_is_one_line_and_exit_code_1(tmp_path: Path, endpoint: str) -> None:
    (tmp_path / "data").write_text("mine")
    done = kl_collector("once", environ=environment(tmp_path, endpoint))
    assert done.returncode == 1
    assert done.stderr.startswith(f"kl-collector: cannot publish the dataset to {tmp_path / 'data'}: ")
    assert done.stderr.count("\n") == 1


def test_a_second_collector_on_the_same_databases_is_refused(tmp_path: Path, endpoint: str) -> None:
    environ = environment(tmp_path, endpoint)
    with running(environ) as first:
        wait_for(tmp_path / "data" / "dataset.json")
        second = kl_collector("once", environ=environ)
        assert first.poll() is None
    assert second.returncode == 1
    assert str(tmp_path / "db") in second.stderr
    assert second.stderr.count("\n") == 1


def test_once_goes_on_when_a_namespaces_database_is_damaged(tmp_path: Path, endpoint: str) -> None:
    environ = environment(tmp_path, endpoint)
    assert kl_collector("once", environ=environ).returncode == 0
    path = tmp_path / "db" / "namespaces" / "shop.rrd"
    path.write_bytes(b"damaged")
    done = kl_collector("once", environ=environ)
    assert done.returncode == 0
    assert f"{path} cannot be used: it is too short to be a round-robin database. It is set aside as" in done.stderr
    assert path.with_name("shop.rrd.damaged").read_bytes() == b"damaged"


def test_an_old_name_of_a_setting_is_accepted_with_a_warning(tmp_path: Path, endpoint: str) -> None:
    environ = environment(tmp_path, endpoint, KOA_BILLING_CURRENCY_SYMBOL="€")
    done = kl_collector("once", environ=environ)
    assert done.returncode == 0
    assert "WARNING collector.cli: KOA_BILLING_CURRENCY_SYMBOL is deprecated" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_does_the_due_tick_at_once_and_stops_on_a_signal(
    tmp_path: Path, endpoint: str, number: signal.Signals
) -> None:
    with running(environment(tmp_path, endpoint)) as process:
        wait_for(tmp_path / "data" / "dataset.json")
        process.send_signal(number)
        _, errors = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0
    lines = errors.splitlines()
    (begun,) = (line for line in lines if "INFO collector.cli: kl-collector" in line)
    assert (
        f"cluster kubernetes at {endpoint}; databases in {tmp_path / 'db'}; publishing to {tmp_path / 'data'}" in begun
    )
    assert "every 300 s, tick " in begun
    assert f"{number.name}: stopping after the tick in progress" in errors
    assert lines[-1].endswith("stopped")
    assert "Traceback" not in errors


def test_run_goes_on_when_the_endpoint_does_not_answer(tmp_path: Path) -> None:
    with running(environment(tmp_path, f"http://127.0.0.1:{closed_port()}")) as process:
        wait_for(tmp_path / "db" / "heartbeat")
        assert process.poll() is None
        process.terminate()
        _, errors = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 0
    assert "refuses connections: nothing listens there" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("path", ["/apis/metrics.k8s.io/v1beta1/pods", "/api/v1/pods"])
def test_run_gives_heartbeats_and_stops_while_a_source_hangs(tmp_path: Path, path: str) -> None:
    """For longer than the test would wait."""
    asked, may_end = threading.Event(), threading.Event()

    def answer(request: Request) -> Answer:
        if request.path == path:
            asked.set()
            may_end.wait(LIMIT_SECONDS)
        return cluster(request)

    with serving(answer) as server:
        environ = environment(tmp_path, server.url, KL_REQUEST_TIMEOUT_SEC="300")
        with running(environ) as process:
            assert asked.wait(LIMIT_SECONDS)
            heartbeat = tmp_path / "db" / "heartbeat"
            wait_for(heartbeat)
            before = heartbeat.stat().st_mtime_ns
            eventually(lambda: heartbeat.stat().st_mtime_ns > before)
            process.terminate()
            _, errors = process.communicate(timeout=LIMIT_SECONDS)
        may_end.set()
    assert process.returncode == 0
    assert errors.splitlines()[-1].endswith("stopped")
    assert "Traceback" not in errors


@pytest.fixture
def background_job() -> Iterator[None]:
    """Ignore SIGINT, as a shell lets its background jobs."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("background_job")
def test_once_that_is_interrupted_ends_with_the_code_of_that_and_without_a_traceback(tmp_path: Path) -> None:
    asked, may_end = threading.Event(), threading.Event()

    def answer(request: Request) -> Answer:
        asked.set()
        may_end.wait(LIMIT_SECONDS)
        return cluster(request)

    with serving(answer) as server:
        environ = environment(tmp_path, server.url, KL_REQUEST_TIMEOUT_SEC="300")
        with running(environ, "once") as process:
            assert asked.wait(LIMIT_SECONDS)
            process.send_signal(signal.SIGINT)
            may_end.set()
            _, errors = process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_help_names_every_setting_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["run", "--help"], ["once", "--help"], ["health", "--help"]):
        with pytest.raises(SystemExit) as exit_:
            cli.main(arguments, {})
        assert exit_.value.code == 0
        text = capsys.readouterr().out
        for setting in SETTINGS:
            assert f"  {setting.name}" in text
        assert "KL_POLLING_INTERVAL_SEC (default: 300)" in text


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"], {})
    assert capsys.readouterr().out == f"kl-collector {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["walk"], ["run", "--fast"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments, {})
    assert exit_.value.code == 2
    assert "usage: kl-collector" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({"KL_K8S_API_ENDPOINT": "https://api:6443"}, "https://api:6443"),
        (
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"},
            "https://10.0.0.1:443 (service account)",
        ),
        ({"KUBECONFIG": "/etc/kube"}, "the current context of /etc/kube"),
        ({}, "the current context of ~/.kube/config"),
    ],
)
def test_the_start_says_which_cluster_is_meant(environ: dict[str, str], endpoint: str) -> None:
    assert cli._endpoint(load({"HOME": "/nonexistent", **environ})) == endpoint
