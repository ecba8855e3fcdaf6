"""Sessions with the credentials as they are now, whatever it takes to get these.

A credential plugin of a kubeconfig is a program that may never answer: it is waited for until the deadline, then ended.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from kubernetes.client import Configuration
from kubernetes.client.rest import tcp_keepalive_socket_options  # type: ignore[attr-defined]

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline, LateError, Task
from collector.kubernetes.outages import Outages
from collector.kubernetes.server_time import ServerTime
from collector.kubernetes.session import Session
from kl_core.errors import SettingsError

MAX_CREDENTIALS_AGE_SEC = 30.0
"""The connections of one reading share their credentials, so that a plugin runs once for all of them."""
_KEEP_ALIVE = tcp_keepalive_socket_options(idle=15, interval=5, count=3)
MAX_ABANDONED_READINGS = 10
"""Readings that go on though they were given up; each of them keeps a thread, and files of a plugin."""
_END_STEP_SEC = 0.05
_CANNOT_BE_ENDED = (
    f"{MAX_ABANDONED_READINGS} readings of the credentials hang and cannot be ended. Correct the credential plugin of "
    "the kubeconfig, or the file system that the kubeconfig is on, and restart the collector."
)


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
        self.outages = Outages()
        """What fails of the server, in all sessions."""
        self._lock = Lock()
        self._loading: _Loading | None = None
        self._abandoned: list[_Loading] = []
        self._closed = False

    def session(self, deadline: Deadline) -> Session:
        """Return a session, to be closed; `SourceError` where there are no credentials by the deadline."""
        if self._closed or not deadline.left():
            reason = f"the cluster was not read {deadline.wording()}. Check the API server and the network."
            raise SourceError("kubernetes", reason, cause="timeout")
        with self._lock:
            loading = self._current()
        try:
            configuration = loading.result(deadline)
        except SettingsError as error:
            raise SourceError("kubernetes", str(error)) from error
        return Session(configuration, self._timeout_sec, deadline=deadline, server=self._server, outages=self.outages)

    def close(self, seconds: float = 0.0) -> None:
        """Begin no session any more, and end a credential plugin that still runs; one may be about to start."""
        with self._lock:
            self._closed = True
            self._abandon()
        deadline = Deadline(seconds)
        while self._abandoned and deadline.pause(_END_STEP_SEC):
            with self._lock:
                self._end_abandoned()

    def forget(self) -> None:
        """Read the credentials anew for the next session. Those that are being read just now are new."""
        with self._lock:
            if self._loading is not None and self._loading.is_done:
                self._loading = None

    def _current(self) -> _Loading:
        """Return the newest reading of the credentials if it may be used, else one that begins."""
        if self._loading is None or not self._loading.serves(self._monotonic() - MAX_CREDENTIALS_AGE_SEC):
            self._abandon()
            if len(self._abandoned) >= MAX_ABANDONED_READINGS:
                raise SourceError("kubernetes", _CANNOT_BE_ENDED)
            self._loading = _Loading(self._load, self._monotonic())
        return self._loading

    def _abandon(self) -> None:
        if self._loading is not None:
            self._abandoned.append(self._loading)
        self._loading = None
        self._end_abandoned()

    def _end_abandoned(self) -> None:
        """End what began only after it had been given up, too."""
        self._abandoned = [each for each in self._abandoned if each.end()]


class _Loading(Task[Configuration]):
    """One reading of the credentials."""

    def __init__(self, load: Callable[[], Configuration], began: float) -> None:
        self._began = began
        super().__init__(load, "credentials")

    def serves(self, since: float) -> bool:
        """Whether it brings credentials that are not from before `since`, as far as can be told."""
        if not self.is_done:
            return not self._is_late
        return not self.has_failed and self._began >= since

    def result(self, deadline: Deadline) -> Configuration:
        """Return the configuration; ends the plugin and raises `SourceError` at the deadline."""
        try:
            configuration = super().result(deadline)
        except LateError as error:
            self.end()
            raise _too_late(deadline) from error
        configuration.socket_options = _KEEP_ALIVE
        return configuration

    def end(self) -> bool:
        """End the programs that the thread has started, as far as the system names them; says whether it goes on."""
        if self.is_done:
            return False
        _end_all(Path(f"/proc/self/task/{self.thread_id}/children"))
        return True


def _too_late(deadline: Deadline) -> SourceError:
    return SourceError(
        "kubernetes",
        f"the credential plugin of the kubeconfig did not answer {deadline.wording()} and was ended. Run it by hand, "
        "and correct it or the network that it needs.",
        cause="timeout",
    )


def _end_all(children: Path) -> None:
    """End the processes that a file of /proc names, and theirs."""
    with suppress(OSError):
        for child in children.read_text(encoding="ascii").split():
            for theirs in Path(f"/proc/{child}/task").glob("*/children"):
                _end_all(theirs)
            os.kill(int(child), signal.SIGKILL)
