"""The simulated API over real HTTP."""

import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from simulator.faults import parse_time
from simulator.server import RunningSimulator, kubeconfig, running_simulator
from simulator.workload import Workload
from tests.support.patience import LIMIT_SECONDS, eventually

NOW = parse_time("2026-11-20T14:03:00Z")
ORIGIN = parse_time("2025-10-01T00:00:00Z")


@pytest.fixture(scope="module")
def _shared() -> Iterator[RunningSimulator]:
    with running_simulator(Workload(ORIGIN), at=NOW) as simulator:
        yield simulator


@pytest.fixture
def simulator(_shared: RunningSimulator) -> RunningSimulator:
    _shared.set_faults()
    _shared.set_clock(at=NOW, interval=300)
    _shared.forget_calls()
    return _shared


def fetch(url: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def post(url: str, body: object) -> tuple[int, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def names(listing: Any) -> list[str]:
    return [item["metadata"]["name"] for item in listing["items"]]


@pytest.mark.parametrize(("resource", "limit"), [("pods", 20), ("persistentvolumeclaims", 5)])
def test_pages_join_to_the_whole_list_without_repeats(simulator: RunningSimulator, resource: str, limit: int) -> None:
    whole = fetch(f"{simulator.url}/api/v1/{resource}")[1]
    paged, token, remaining = [], "", []
    while True:
        page = fetch(f"{simulator.url}/api/v1/{resource}?limit={limit}&continue={token}")[1]
        paged += names(page)
        token = page["metadata"].get("continue", "")
        if not token:
            break
        remaining.append(page["metadata"]["remainingItemCount"])
    assert paged == names(whole)
    assert remaining[0] == len(paged) - limit
    assert "continue" not in whole["metadata"]


def test_a_paged_listing_shows_the_step_it_began_in(simulator: RunningSimulator) -> None:
    simulator.set_clock(at=parse_time("2026-11-20T21:55:30Z"))
    first = fetch(f"{simulator.url}/api/v1/namespaces/batch-nightly/pods?limit=1")[1]
    simulator.set_clock(at=parse_time("2026-11-20T22:05:30Z"))
    token = first["metadata"]["continue"]
    rest = fetch(f"{simulator.url}/api/v1/namespaces/batch-nightly/pods?limit=50&continue={token}")[1]
    assert len(names(first) + names(rest)) == 2
    assert len(names(fetch(f"{simulator.url}/api/v1/namespaces/batch-nightly/pods")[1])) == 8


def test_an_expired_token_is_gone_once_and_offers_a_fresh_one(simulator: RunningSimulator) -> None:
    simulator.set_faults(expire_page=2)
    token = fetch(f"{simulator.url}/api/v1/pods?limit=20")[1]["metadata"]["continue"]
    code, status = fetch(f"{simulator.url}/api/v1/pods?limit=20&continue={token}")
    assert (code, status["kind"], status["reason"]) == (410, "Status", "Expired")
    fresh = status["metadata"]["continue"]
    code, page = fetch(f"{simulator.url}/api/v1/pods?limit=20&continue={fresh}")
    assert (code, len(page["items"])) == (200, 20)


def test_a_token_that_is_none_is_a_bad_request(simulator: RunningSimulator) -> None:
    code, status = fetch(f"{simulator.url}/api/v1/pods?limit=20&continue=zzz")
    assert (code, status["message"]) == (400, "continue key is not valid")


def test_field_selectors_leave_out_what_they_say(simulator: RunningSimulator) -> None:
    query = "fieldSelector=status.phase!=Succeeded,status.phase!=Failed"
    unfinished = fetch(f"{simulator.url}/api/v1/pods?{query}")[1]
    everything = fetch(f"{simulator.url}/api/v1/pods")[1]
    assert len(unfinished["items"]) == len(everything["items"]) - 1
    on_node = fetch(f"{simulator.url}/api/v1/pods?fieldSelector=spec.nodeName=gpu-0")[1]
    assert {item["spec"]["nodeName"] for item in on_node["items"]} == {"gpu-0"}
    one = fetch(f"{simulator.url}/api/v1/namespaces?fieldSelector=metadata.name=registry")[1]
    assert names(one) == ["registry"]
    assert fetch(f"{simulator.url}/api/v1/pods?fieldSelector=spec.color=red")[0] == 400


def test_selected_pages_do_not_tell_how_many_remain(simulator: RunningSimulator) -> None:
    page = fetch(f"{simulator.url}/api/v1/pods?limit=5&fieldSelector=status.phase=Running")[1]
    assert len(page["items"]) == 5
    assert "remainingItemCount" not in page["metadata"]


def test_label_selectors(simulator: RunningSimulator) -> None:
    ml = fetch(f"{simulator.url}/api/v1/namespaces?labelSelector=team=ml")[1]
    assert names(ml) == ["ml-inference", "ml-notebooks", "ml-training"]
    without = fetch(f"{simulator.url}/api/v1/namespaces?labelSelector=!team")[1]
    assert names(without) == ["default"]


def test_objects_that_are_not_there_are_not_found(simulator: RunningSimulator) -> None:
    assert fetch(f"{simulator.url}/api/v1/nodes/none")[1]["reason"] == "NotFound"
    assert fetch(f"{simulator.url}/apis/apps/v1/deployments")[0] == 404
    assert fetch(f"{simulator.url}/api/v1/nodes/gpu-0")[1]["kind"] == "Node"


@pytest.mark.parametrize(
    ("now", "end"),
    [("2026-11-20T14:00:01Z", "2026-11-20T14:05:00Z"), ("2026-11-20T14:05:00Z", "2026-11-20T14:05:00Z")],
)
def test_metrics_show_the_step_that_goes_on(simulator: RunningSimulator, now: str, end: str) -> None:
    simulator.set_clock(at=parse_time(now))
    metrics = fetch(f"{simulator.url}/apis/metrics.k8s.io/v1beta1/namespaces/registry/pods")[1]
    assert metrics["items"][0]["timestamp"] == now.replace(":01Z", ":00Z")
    nanocores = sum(
        int(container["usage"]["cpu"].removesuffix("n"))
        for item in metrics["items"]
        for container in item["containers"]
    )
    expected = simulator.workload.usage("registry", "cpu", parse_time(end))
    assert nanocores / 1e9 == pytest.approx(expected, rel=1e-8)


def test_the_interval_of_the_shown_mean_can_be_an_hour(simulator: RunningSimulator) -> None:
    post(f"{simulator.url}/simulator/clock", {"at": "2026-11-20T13:00:01Z", "interval": 3600})
    metrics = fetch(f"{simulator.url}/apis/metrics.k8s.io/v1beta1/pods")[1]["items"]
    mine = [item for item in metrics if item["metadata"]["namespace"] == "registry"]
    nanocores = sum(int(item["containers"][0]["usage"]["cpu"].removesuffix("n")) for item in mine)
    end = parse_time("2026-11-20T14:00:00Z")
    assert nanocores / 1e9 == pytest.approx(simulator.workload.usage("registry", "cpu", end, 3600), rel=1e-8)


def test_the_clock_can_be_moved_and_refuses_nonsense(simulator: RunningSimulator) -> None:
    assert post(f"{simulator.url}/simulator/clock", {"advance_seconds": 300})[1]["now"] == "2026-11-20T14:08:00Z"
    assert post(f"{simulator.url}/simulator/clock", {"at": "tomorrow"})[0] == 400
    assert post(f"{simulator.url}/simulator/clock", {"interval": 7})[0] == 400
    assert post(f"{simulator.url}/simulator/clock", {"real_time": True})[1]["frozen"] is False


def test_metrics_can_be_absent_unavailable_or_partial(simulator: RunningSimulator) -> None:
    base = f"{simulator.url}/apis/metrics.k8s.io/v1beta1"
    every = names(fetch(f"{base}/namespaces/search/pods")[1])
    simulator.set_faults(metrics="absent")
    assert fetch(f"{base}/pods")[0] == 404
    assert fetch(f"{simulator.url}/apis")[1]["groups"] == []
    simulator.set_faults(metrics="unavailable")
    assert fetch(f"{base}/pods")[0] == 503
    simulator.set_faults(metrics="partial", metrics_known_share=0.34)
    # 34 % of 3 pods, rounded up: 2.
    assert names(fetch(f"{base}/namespaces/search/pods")[1]) == every[:2]


def test_a_dcgm_exporter_can_be_down(simulator: RunningSimulator) -> None:
    with urllib.request.urlopen(simulator.dcgm_url, timeout=LIMIT_SECONDS) as answer:
        assert b"# TYPE DCGM_FI_DEV_GPU_UTIL gauge" in answer.read()
    simulator.set_faults(dcgm="down")
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(simulator.dcgm_url, timeout=LIMIT_SECONDS)


def test_faults_by_path_strike_as_often_as_told(simulator: RunningSimulator) -> None:
    simulator.set_faults(paths=[{"prefix": "/api/v1/nodes", "status": 500, "times": 2}])
    codes = [fetch(f"{simulator.url}/api/v1/nodes")[0] for _ in range(3)]
    assert codes == [500, 500, 200]
    assert fetch(f"{simulator.url}/api/v1/pods")[0] == 200


def test_a_truncated_answer_breaks_the_connection(simulator: RunningSimulator) -> None:
    simulator.set_faults(paths=[{"prefix": "/api/v1/pods", "truncate": 0.5}])
    with pytest.raises(http.client.IncompleteRead):
        fetch(f"{simulator.url}/api/v1/pods")


def test_a_slow_answer_is_slow(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(simulator.simulator, "pause", sleep)
    simulator.set_faults(paths=[{"prefix": "/api/v1/nodes", "delay_seconds": 0.3}])
    assert fetch(f"{simulator.url}/api/v1/nodes")[0] == 200
    assert slept == [0.3]


def test_faults_are_switched_over_http_and_unknown_ones_refused(simulator: RunningSimulator) -> None:
    assert post(f"{simulator.url}/simulator/faults", {"metrics": "absent"})[1]["metrics"] == "absent"
    assert fetch(f"{simulator.url}/apis/metrics.k8s.io/v1beta1/pods")[0] == 404
    code, answer = post(f"{simulator.url}/simulator/faults", {"metricz": "absent"})
    assert code == 400
    assert "metricz" in json.dumps(answer)


def test_calls_are_recorded_with_their_query(simulator: RunningSimulator) -> None:
    fetch(f"{simulator.url}/api/v1/pods?limit=3")
    expected = [{"method": "GET", "path": "/api/v1/pods", "query": "limit=3"}]
    assert fetch(f"{simulator.url}/simulator/calls")[1] == expected == simulator.calls()


def test_tokens_are_asked_for_and_a_restricted_one_is_forbidden() -> None:
    with running_simulator(Workload(ORIGIN), at=NOW, token="all", restricted_token="little") as guarded:
        url = f"{guarded.url}/api/v1/nodes"
        code, status = fetch(url)
        assert (code, status["reason"], status["message"]) == (401, "Unauthorized", "Unauthorized")
        assert fetch(url, Authorization="Bearer wrong")[0] == 401
        code, status = fetch(url, Authorization="Bearer little")
        assert (code, status["reason"]) == (403, "Forbidden")
        assert 'cannot list resource "nodes"' in status["message"]
        assert fetch(url, Authorization="Bearer all")[0] == 200
        assert json.loads(kubeconfig(guarded.url, "all"))["users"][0]["user"] == {"token": "all"}


def test_a_thousand_namespaces_are_listed_in_pages() -> None:
    with running_simulator(Workload.synthetic(ORIGIN, 1000, 2), at=NOW) as large:
        first = fetch(f"{large.url}/api/v1/pods?limit=500")[1]
        assert len(first["items"]) == 500
        assert first["metadata"]["remainingItemCount"] == 1500
        assert len(fetch(f"{large.url}/apis/metrics.k8s.io/v1beta1/pods")[1]["items"]) == 2000


def test_the_command_serves_until_terminated(tmp_path: Path) -> None:
    arguments = ["serve", "--origin", "2025-10-01", "--at", "2026-11-20T14:03:00Z"]
    files = ["--port-file", str(tmp_path / "port"), "--kubeconfig", str(tmp_path / "config")]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", *arguments, *files], stdout=subprocess.PIPE, text=True
    )
    try:
        eventually(lambda: (tmp_path / "port").exists() or process.poll() is not None)
        assert process.poll() is None
        url = f"http://127.0.0.1:{int((tmp_path / 'port').read_text())}"
        assert json.loads((tmp_path / "config").read_text())["clusters"][0]["cluster"]["server"] == url
        assert len(fetch(f"{url}/api/v1/nodes")[1]["items"]) == 9
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=LIMIT_SECONDS)
    assert f"Simulated cluster at {url}" in output


def test_a_taken_port_is_one_clear_line(simulator: RunningSimulator) -> None:
    port = simulator.url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "serve", "--port", port],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"simulator: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_the_date_of_an_answer_is_that_of_the_simulated_clock() -> None:
    def date(simulator: RunningSimulator) -> list[str]:
        with urllib.request.urlopen(f"{simulator.url}/api/v1/nodes", timeout=LIMIT_SECONDS) as answer:
            return answer.headers.get_all("Date") or []

    with running_simulator(Workload(ORIGIN), at=NOW) as simulator:
        assert date(simulator) == [formatdate(NOW, usegmt=True)]
        simulator.set_clock(advance_seconds=86400)
        assert date(simulator) == [formatdate(NOW + 86400, usegmt=True)]
