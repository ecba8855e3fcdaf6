"""The pods of an API as a watcher knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.cluster_state import POD_KIND
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.listings import Resource
from collector.kubernetes.lives import Lives
from collector.kubernetes.objects import Decoder, PodObject
from collector.kubernetes.pods import Shared, parse_pod
from collector.kubernetes.server_time import ServerTime
from collector.kubernetes.session_maker import SessionMaker
from collector.kubernetes.watch import Timing, Watcher
from collector.observations import Pod
from tests.support.kubernetes_api import KubernetesApi
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import ScriptedServer

QUICK = Timing(short_watch=3, silence=LIMIT_SECONDS, pauses=(0.01, 0.05), relist=LIMIT_SECONDS)


class Watched:
    """The pods of an API as a watcher knows them."""

    def __init__(
        self, api: KubernetesApi | ScriptedServer, timing: Timing = QUICK, now: Callable[[], float] | None = None
    ) -> None:
        server, shared = ServerTime(), Shared()
        self.loaded = self.restarts = 0
        self.lives: Lives[Pod] = Lives(POD_KIND)
        self.lock = Lock()

        def load() -> Configuration:
            self.loaded += 1
            configuration = Configuration(host=api.url, retries=False)
            configuration.api_key["BearerToken"] = f"Bearer {self.loaded}"
            return configuration

        def restarted() -> None:
            self.restarts += 1

        # Credentials do not age.
        sessions = SessionMaker(load, LIMIT_SECONDS, server, lambda: 0.0)
        self.watcher: Watcher[PodObject, Pod] = Watcher(
            Resource("pods", Decoder(PodObject), lambda item, now: parse_pod(item, now, shared)),
            self.lives,
            self.lock,
            sessions,
            now or server.now,
            reading_sec=LIMIT_SECONDS,
            keep_sec=1e9,
            timing=timing,
            restarted=restarted,
        )

    def names(self) -> list[str]:
        with self.lock:
            return sorted(pod.name for pod in self.lives.present())

    def asked(self) -> SourceError | None:
        """Bring it up to date; what went wrong."""
        return self.watcher.wait(self.watcher.ask(), Deadline(LIMIT_SECONDS))

    def has(self, *names: str) -> None:
        """Wait until these are the pods, without asking."""
        eventually(lambda: self.names() == sorted(names))


@contextmanager
def watched(
    api: KubernetesApi | ScriptedServer, timing: Timing = QUICK, now: Callable[[], float] | None = None
) -> Iterator[Watched]:
    found = Watched(api, timing, now)
    found.watcher.start()
    try:
        yield found
    finally:
        found.watcher.stop()
        found.watcher.join(LIMIT_SECONDS / 100)


def streaming(api: KubernetesApi) -> None:
    eventually(lambda: api.streams == 1)
