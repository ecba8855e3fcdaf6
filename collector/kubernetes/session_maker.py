"""Sessions with the credentials as they are now, whatever it takes to get these.

A credential plugin of a kubeconfig is a program that may never answer: it is waited for until the deadline, then ended.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

from kubernetes.client import Configuration
from kubernetes.client.rest import tcp_keepalive_socket_options  # type: ignore[attr-defined]

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.server_time import ServerTime
from collector.kubernetes.session import Session
from kl_core.errors import SettingsError

MAX_CREDENTIALS_AGE_SEC = 30.0
"""The connections of one reading share their credentials, so that a plugin runs once for all of them."""
_KEEP_ALIVE = tcp_keepalive_socket_options(idle=15, interval=5, count=3)
_WAIT_STEP_SEC = 0.2


class SessionMaker:
    """Makes sessions; may be asked by several threads."""

    def __init__(
        self,
        load: Callable[[], Configuration],
        timeout_sec: float,
        server: ServerTime,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` reads the credentials; it raises `SourceError`, or `SettingsError`, which becomes the cause of one."""
        self._load = load
        self._timeout_sec = timeout_sec
        self._server = server
        self._monotonic = monotonic
        self._lock = Lock()
        self._loading: _Loading | None = None
        self._abandoned: list[_Loading] = []

    def session(self, deadline: Deadline) -> Session:
        """Return a session, to be closed; `SourceError` where there are no credentials by the deadline."""
        if not deadline.left():
            reason = f"the cluster was not read {deadline.told()}. Check the API server and the network."
            raise SourceError("kubernetes", reason)
        with self._lock:
            self._end_abandoned()
            if self._loading is None or self._loading.began < self._monotonic() - MAX_CREDENTIALS_AGE_SEC:
                self._loading = _Loading(self._load, self._monotonic())
            loading = self._loading
        try:
            configuration = loading.result(deadline)
        except SettingsError as error:
            self.forget()
            raise SourceError("kubernetes", str(error)) from error
        except SourceError:
            self.forget()
            raise
        return Session(configuration, self._timeout_sec, deadline=deadline, server=self._server)

    def close(self) -> None:
        """End a credential plugin that still runs."""
        self.forget()
        with self._lock:
            self._end_abandoned()

    def forget(self) -> None:
        """Read the credentials anew for the next session."""
        with self._lock:
            if self._loading is not None:
                self._abandoned.append(self._loading)
            self._loading = None

    def _end_abandoned(self) -> None:
        """End what began only after it had been given up, too."""
        self._abandoned = [each for each in self._abandoned if each.end()]


class _Loading:
    """One reading of the credentials, in a thread that nobody has to wait for."""

    def __init__(self, load: Callable[[], Configuration], began: float) -> None:
        self.began = began
        self._load = load
        self._outcome: Future[Configuration] = Future()
        self._thread = Thread(target=self._run, name="credentials", daemon=True)
        self._thread.start()

    def result(self, deadline: Deadline) -> Configuration:
        """Return the configuration; ends the plugin and raises `SourceError` at the deadline."""
        while not self._outcome.done():
            wait([self._outcome], min(_WAIT_STEP_SEC, deadline.left()))
            if not deadline.left() and not self._outcome.done():
                self.end()
                raise _too_late(deadline)
        return self._outcome.result()

    def _run(self) -> None:
        try:
            configuration = self._load()
            configuration.socket_options = _KEEP_ALIVE
            self._outcome.set_result(configuration)
        except BaseException as error:  # noqa: BLE001 -- raised again where the result is awaited
            self._outcome.set_exception(error)

    def end(self) -> bool:
        """End the programs that the thread has started, as far as the system names them; says whether it goes on."""
        if self._outcome.done():
            return False
        _end_all(Path(f"/proc/self/task/{self._thread.native_id}/children"))
        return True


def _too_late(deadline: Deadline) -> SourceError:
    return SourceError(
        "kubernetes",
        f"the credential plugin of the kubeconfig did not answer {deadline.told()} and was ended. Run it by hand, and "
        "correct it or the network that it needs.",
    )


def _end_all(children: Path) -> None:
    """End the processes that a file of /proc names, and theirs."""
    with suppress(OSError):
        for child in children.read_text(encoding="ascii").split():
            for theirs in Path(f"/proc/{child}/task").glob("*/children"):
                _end_all(theirs)
            os.kill(int(child), signal.SIGKILL)
