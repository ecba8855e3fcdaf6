"""Every address behind a name is scraped, over real sockets on loopback."""

import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.dcgm import scrape as module
from collector.dcgm.scrape import resolve, scrape
from tests.support.certificates import self_signed
from tests.support.no_thread_left import no_thread_left
from tests.support.patience import LIMIT_SECONDS
from tests.support.scripted_http import Answer, Request, closed_port, serving

DATA = Path(__file__).parent / "data"


def page(name: str) -> Answer:
    return Answer(200, (DATA / f"{name}.prom").read_bytes())


def uuids(devices: Sequence[object]) -> list[str]:
    return sorted(str(device.uuid)[:8] for device in devices)  # type: ignore[attr-defined]


def test_all_addresses_behind_a_name_are_asked_under_that_name() -> None:
    with (
        serving(lambda _: page("labelled")) as one,
        serving(lambda _: page("mig"), host="127.0.0.2", port=one.port) as two,
    ):
        result = scrape(
            [f"http://dcgm.gpu.svc:{one.port}/metrics"], LIMIT_SECONDS, lambda host, port: ["127.0.0.1", "127.0.0.2"]
        )
        assert [request.headers["host"] for request in one.requests + two.requests] == [f"dcgm.gpu.svc:{one.port}"] * 2
    assert result.errors == ()
    assert uuids(result.devices) == ["GPU-0f8c", "GPU-604a", "GPU-7d1e", "GPU-7d1e", "GPU-7d1e"]


def test_a_device_that_two_endpoints_report_is_one_device() -> None:
    with serving(lambda _: page("labelled")) as server:
        result = scrape([server.url, f"{server.url}/metrics"], LIMIT_SECONDS)
    assert uuids(result.devices) == ["GPU-0f8c", "GPU-604a"]


def test_an_endpoint_without_a_path_is_asked_for_metrics() -> None:
    paths: list[str] = []

    def script(request: Request) -> Answer:
        paths.append(request.path)
        return page("labelled")

    with serving(script) as server:
        scrape([server.url, f"{server.url}/federate"], LIMIT_SECONDS)
    assert sorted(paths) == ["/federate", "/metrics"]


def test_an_exporter_that_is_down_is_told_beside_the_devices_of_the_others() -> None:
    dead = f"http://127.0.0.1:{closed_port()}"
    with serving(lambda _: page("labelled")) as server:
        result = scrape([dead, server.url], LIMIT_SECONDS, sleep=lambda _: None)
    assert uuids(result.devices) == ["GPU-0f8c", "GPU-604a"]
    (error,) = result.errors
    assert f"{dead} (127.0.0.1) refuses connections" in str(error)
    assert error.cause == "unreachable"
    assert "KL_NVIDIA_DCGM_ENDPOINT" in str(error)


@pytest.mark.parametrize(
    ("answer", "message", "cause"),
    [
        (Answer(404), "answered 404; expected 200", "not_served"),
        (Answer(302, headers={"Location": "http://127.0.0.1:1/"}), "answered 302; expected 200", "error"),
        (Answer(200, b"<html>login</html>"), "is not Prometheus text", "error"),
        (Answer(200, b"x" * 10, length=500), "broke off", "error"),
        (Answer(200, b"# x\n", delay_sec=LIMIT_SECONDS), "did not answer in time", "timeout"),
        (Answer(200, b"#" * 1000, delay_sec=0.05, chunk_bytes=1), "did not answer in time", "timeout"),
    ],
    ids=["absent", "moved", "other page", "truncated", "silent", "dripping"],
)
def test_an_exporter_that_fails_is_explained(answer: Answer, message: str, cause: str) -> None:
    with serving(lambda _: answer) as server:
        result = scrape([server.url], 0.2, sleep=lambda _: None)
    assert result.devices == ()
    assert message in str(result.errors[0])
    assert server.url in str(result.errors[0])
    assert result.errors[0].cause == cause


@pytest.mark.parametrize(
    ("first", "paused"),
    [
        (Answer(503), 1.0),
        (Answer(429, headers={"Retry-After": "7"}), 7.0),
        (Answer(500), 1.0),
        (Answer(200, b"x" * 10, length=500), 1.0),
    ],
    ids=["503", "429 with a time", "500", "broken off"],
)
def test_an_exporter_that_fails_for_a_moment_is_asked_again(first: Answer, paused: float) -> None:
    answers = [page("labelled"), first]
    pauses: list[float] = []
    with serving(lambda _: answers.pop()) as server:
        result = scrape([server.url], LIMIT_SECONDS, sleep=pauses.append)
    assert uuids(result.devices) == ["GPU-0f8c", "GPU-604a"]
    assert result.errors == ()
    assert [paused / 2 <= pause <= paused for pause in pauses] == [True]


def test_an_exporter_that_goes_on_failing_is_given_up_after_three_times_with_longer_pauses() -> None:
    pauses: list[float] = []
    with serving(lambda _: Answer(503)) as server:
        result = scrape([server.url], LIMIT_SECONDS, sleep=pauses.append)
        assert len(server.requests) == 3
    assert "answered 503" in str(result.errors[0])
    assert 0.5 <= pauses[0] <= 1.0 <= pauses[1] <= 2.0


@pytest.mark.parametrize("answer", [Answer(404), Answer(200, b"<html>login</html>")], ids=["404", "other page"])
def test_what_does_not_pass_is_not_repeated(answer: Answer) -> None:
    with serving(lambda _: answer) as server:
        scrape([server.url], LIMIT_SECONDS, sleep=lambda _: pytest.fail("it is not to be asked again"))
        assert len(server.requests) == 1


def test_an_exporter_that_wants_to_be_asked_later_than_there_is_time_is_given_up() -> None:
    # The whole answer may take four times the timeout.
    with serving(lambda _: Answer(429, headers={"Retry-After": "41"})) as server:
        result = scrape([server.url], 10.0, sleep=lambda _: pytest.fail("there is no time"))
    assert "answered 429" in str(result.errors[0])


def test_a_page_beyond_all_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PAGE_BYTES", 1 << 20)
    with serving(lambda _: Answer(200, b"# \n" * (1 << 19))) as server:
        result = scrape([server.url], LIMIT_SECONDS)
    assert "larger than 1 MiB" in str(result.errors[0])


def test_a_name_without_addresses_is_explained() -> None:
    def nowhere(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    result = scrape(["http://dcgm.gpu.svc:9400"], 5.0, nowhere)
    assert "the host name of http://dcgm.gpu.svc:9400 cannot be resolved" in str(result.errors[0])


def test_a_system_without_a_thread_left_is_one_failure_of_all_exporters() -> None:
    with no_thread_left():
        result = scrape(["http://127.0.0.1:9400", "http://127.0.0.2:9400"], LIMIT_SECONDS)
    (error,) = result.errors
    assert error.source == "dcgm"
    assert "the DCGM exporters are not read, for the system has no thread left (can't start new thread)" in str(error)
    assert result.devices == ()


def test_the_systems_resolver_gives_each_address_once() -> None:
    assert resolve("127.0.0.1", 80) == ("127.0.0.1",)


def test_an_exporter_with_https_is_read_where_its_authority_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path, "dcgm.gpu.svc")
    with serving(lambda _: page("labelled"), tls=(certificate, key)) as server:
        url = f"https://dcgm.gpu.svc:{server.port}/metrics"
        unknown = scrape([url], LIMIT_SECONDS, lambda host, port: ["127.0.0.1"], sleep=lambda _: None)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        known = scrape([url], LIMIT_SECONDS, lambda host, port: ["127.0.0.1"])
    assert unknown.devices == ()
    assert "cannot be verified" in str(unknown.errors[0])
    assert "Set SSL_CERT_FILE" in str(unknown.errors[0])
    assert uuids(known.devices) == ["GPU-0f8c", "GPU-604a"]
