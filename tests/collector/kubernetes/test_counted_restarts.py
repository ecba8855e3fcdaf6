"""A watch that has to begin again is counted; one that ends as it should is not."""

from __future__ import annotations

from collector.metrics import Meter
from collector.settings import Settings
from collector.snapshot import LiveSources
from tests.collector.counted import values
from tests.collector.kubernetes.watching import streaming, watched
from tests.support.kubernetes_api import KubernetesApi
from tests.support.kubernetes_objects import container, pod
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import closed_port


def test_a_stream_that_is_left_for_a_question_and_ends_in_time_is_no_restart(api: KubernetesApi) -> None:
    with watched(api) as found:
        for name in ("c", "d"):
            streaming(api)
            api.put("pods", pod(container(cpu="1"), name=name))
            assert found.asked() is None
        assert (found.names(), found.restarts) == (["a", "b", "c", "d"], 0)


def test_each_stream_that_breaks_off_is_one(api: KubernetesApi) -> None:
    with watched(api) as found:
        for times in (1, 2):
            streaming(api)
            api.break_streams()
            eventually(lambda times=times: found.restarts == times)  # type: ignore[misc] # of the loop's turn
            streaming(api)
        assert found.restarts == 2


def test_a_version_that_expired_is_one(api: KubernetesApi) -> None:
    with watched(api) as found:
        streaming(api)
        api.forget_events()
        api.faults.watch_status["pods"] = 410
        api.break_streams()
        eventually(lambda: found.restarts >= 2)


def test_what_cannot_be_listed_is_counted_by_resource() -> None:
    meter = Meter()
    settings = Settings(k8s_api_endpoint=f"http://127.0.0.1:{closed_port()}", k8s_auth_token="good")
    with LiveSources(settings, meter=meter, reading_sec=LIMIT_SECONDS / 100):
        eventually(lambda: len(values(meter, "watch_restarts_total")) == 4)
    assert set(values(meter, "watch_restarts_total")) == {
        ("namespaces",),
        ("nodes",),
        ("pods",),
        ("persistentvolumeclaims",),
    }
