"""Keeps what is known of one kind of objects up to date: lists once, then watches, in a thread of its own.

Whether a stream is alive cannot be told from its silence, for a cluster may be still. So whoever needs to know all that
has happened asks: the stream is left, and a short watch goes on from the version that was reached. It brings what has
changed since, and then a bookmark, which the API server sends two seconds before a watch times out: nothing is missing
before it. That costs no listing, and it does not rely on a connection, a load balancer or a memory of the server that
may have died in silence. Only where no bookmark comes, everything is listed anew. Between such questions a stream that
is silent for longer than the server's bookmarks are apart (a minute) counts as dead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from random import SystemRandom
from threading import Condition, Lock, Thread
from typing import Generic

import urllib3

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.listings import Resource, T, list_all
from collector.kubernetes.lives import Lives
from collector.kubernetes.objects import Event, K, StatusError
from collector.kubernetes.session import Lines, Session
from collector.kubernetes.session_maker import SessionMaker
from collector.kubernetes.watched_changes import WatchedChanges
from collector.observations import BlindSpot
from collector.source_requests import causes, without_thread

log = logging.getLogger(__name__)

CANNOT_WATCH = frozenset({400, 403, 404, 405, 406, 501})
RIGHTS = "Grant the verbs list and watch on namespaces, nodes, pods and persistentvolumeclaims with a ClusterRole."
_WAIT_STEP_SEC = 0.2
_chance = SystemRandom()


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds."""

    short_watch: int = 4
    """Its bookmark comes two seconds before its end."""
    long_watch: tuple[int, int] = (240, 360)
    silence: float = 75.0
    """The API server sends a bookmark a minute."""
    backlog: float = 2.0
    """For how long what happened before a watch may come at its beginning."""
    last_bookmark: float = 2.5
    """An earlier one, so long before the end of a short watch, is not the one that says that all has come."""
    relist: float = 60.0
    retry_watch: float = 600.0
    pauses: tuple[float, float] = (1.0, 60.0)
    """The first and the longest after failures, half of each by chance."""
    lasting: float = 10.0
    """A watch that held for so long and broke off is no reason for a longer pause: load balancers and proxies end
    whatever lasts."""


class Watcher(Generic[K, T]):
    """Keeps `lives` up to date; `lock` is held whenever they change."""

    def __init__(
        self,
        resource: Resource[K, T],
        lives: Lives[T],
        lock: Lock,
        sessions: SessionMaker,
        now: Callable[[], float],
        *,
        reading_sec: float,
        keep_sec: float,
        timing: Timing | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        restarted: Callable[[], object] = lambda: None,
    ) -> None:
        """`now` is the API server's time. What ended longer than `keep_sec` ago is forgotten.

        `restarted` is called whenever the watch has to begin again because it broke off or could not begin.
        """
        self._resource: Resource[K, T] = resource
        self._sessions = sessions
        self._now = now
        self._reading_sec = reading_sec
        self._keep_sec = keep_sec
        self._timing = timing or Timing()
        self._monotonic = monotonic
        self._restarted = restarted
        self._changes = WatchedChanges(
            resource, lives, lock, now, backlog_sec=self._timing.backlog, monotonic=monotonic
        )
        self._version: str | None = None
        self._troubles = 0
        self._cannot: SourceError | None = None
        self._cannot_until = 0.0
        self._changed = Condition()
        self._requested = self._answered = 0
        self._failure: tuple[int, SourceError] | None = None
        self._lines: Lines | None = None
        self._stopping = False
        self._thread = Thread(target=self._run, name=f"watch {resource.name}", daemon=True)

    def start(self) -> None:
        """Begin to list and to watch; where the system has no thread left, when somebody asks."""
        with self._changed:
            self._begin()

    def stop(self) -> None:
        """End the thread and its connection; what hangs elsewhere is left behind."""
        with self._changed:
            self._stopping = True
            if self._lines is not None:
                self._lines.interrupt()
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the end of the thread."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def ask(self) -> int:
        """Ask for everything that has happened until now; returns the number of the question."""
        with self._changed:
            self._requested += 1
            if self._thread.ident is None:
                self._begin()
            if self._lines is not None:
                self._lines.interrupt()
            self._changed.notify_all()
            return self._requested

    def wait(self, question: int, deadline: Deadline) -> SourceError | None:
        """Wait until everything is known that had happened when `question` was asked; returns why it is not."""
        with self._changed:
            while self._answered < question:
                if self._failure is not None and self._failure[0] >= question:
                    return self._failure[1]
                if not deadline.left():
                    return SourceError(
                        "kubernetes",
                        f"{self._resource.path} was not read {deadline.wording()}. Check the API server and "
                        "the network, and a credential plugin of the kubeconfig if there is one.",
                        cause="timeout",
                    )
                self._changed.wait(_WAIT_STEP_SEC)
        return None

    def list_now(self, deadline: Deadline) -> SourceError | None:
        """List everything, in this thread, for one that was not started; returns why that failed."""
        try:
            with closing(self._sessions.session(deadline)) as session:
                self._list(session)
        except SourceError as error:
            return error
        return None

    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """Say what cannot be seen of this kind."""
        spots = self._changes.blind_spots()
        # The thread may take it away meanwhile.
        cannot = self._cannot
        if self._resource.name != "pods" or cannot is None:
            return spots
        text = (
            "Pods cannot be watched, so they are listed once a minute: one that is created and deleted between two "
            f"listings is not seen. {RIGHTS} ({cannot.message})"
        )
        return (BlindSpot("pods_not_watched", text), *spots)

    def _begin(self) -> None:
        try:
            self._thread.start()
        except RuntimeError as error:
            self._failure = (self._requested, without_thread("kubernetes", "namespaces, nodes and pods", error))

    def _run(self) -> None:
        while not self._stopping:
            question = self._requested
            try:
                self._turn(question)
            except SourceError as error:
                self._fail(question, error)
            except Exception:
                log.exception("watching %s failed for a reason that is a defect of KubeLedger", self._resource.name)
                # What it is may lie in what was kept, or in what comes next on the stream.
                self._version = None
                self._fail(question, SourceError("kubernetes", f"{self._resource.path} was not understood"))

    def _turn(self, question: int) -> None:
        self._changes.forget(self._keep_sec)
        with closing(self._sessions.session(Deadline(self._reading_sec))) as session:
            if self._version is None:
                self._list(session)
                self._answer(question)
            if self._version is None:
                reason = f"{self._resource.path} tells no resourceVersion to watch from."
                self._list_for_now(SourceError("kubernetes", reason))
            if self._cannot is None or self._monotonic() >= self._cannot_until:
                self._follow(session, question)
            else:
                self._version = None
        if self._answered < question:
            # Nothing said that all has come.
            self._version = None
        elif self._version is None and self._cannot is not None:
            self._rest(self._timing.relist, question)
        elif self._troubles:
            self._rest(self._pause(), question)

    def _list(self, session: Session) -> None:
        began = self._now()
        listing = list_all(session, self._resource, self._changes.held, expected=self._changes.are_expected)
        self._changes.replace(listing, began)
        self._version = listing.version

    def _follow(self, session: Session, question: int) -> None:
        """Watch from the version that was reached, until the stream ends in one way or another."""
        is_awaited, began = self._answered < question, self._monotonic()
        seconds = self._timing.short_watch if is_awaited else _chance.randint(*self._timing.long_watch)
        try:
            self._stream(session, seconds, question, interruptible=not is_awaited)
        except StatusError as error:
            self._trouble(error.message, began, forget=error.code == HTTPStatus.GONE)
        except SourceError as error:
            if error.status in CANNOT_WATCH:
                self._list_for_now(error)
            else:
                if error.status == HTTPStatus.UNAUTHORIZED:
                    self._sessions.forget()
                self._trouble(error.message, began, forget=error.status == HTTPStatus.GONE or _is_silence(error))
        except ValueError as error:
            reason = f"{self._resource.path} does not answer with events ({error})."
            self._list_for_now(SourceError("kubernetes", reason))
        finally:
            self._let_interrupt(None, question)

    def _stream(self, session: Session, seconds: int, question: int, *, interruptible: bool) -> None:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version or "",
            "timeoutSeconds": str(seconds),
        }
        permission = f"watch {self._resource.name} in the whole cluster"
        began = self._monotonic()
        with session.watch(self._resource.path, query, permission, min(self._timing.silence, 2.0 * seconds)) as lines:
            self._changes.begin_stream()
            if interruptible:
                self._let_interrupt(lines, question)
            for line in lines:
                event = self._resource.decoder.event(line)
                self._take(event)
                if event.type == "BOOKMARK" and self._monotonic() - began >= seconds - self._timing.last_bookmark:
                    self._answer(question)
                    self._let_interrupt(lines, question)
        if lines.interrupted:
            self._changes.seen()
        elif self._monotonic() - began < seconds - 1.0:
            raise StatusError(0, "the API server ended it early")
        else:
            self._troubles = 0

    def _let_interrupt(self, lines: Lines | None, question: int) -> None:
        with self._changed:
            self._lines = lines
            if lines is not None and (self._stopping or self._requested > question):
                lines.interrupt()

    def _take(self, event: Event[K]) -> None:
        if _is_before(event.version, self._version):
            raise StatusError(HTTPStatus.GONE, "its versions go back, as after a restored backup")
        if self._cannot is not None:
            log.info("%s can be watched again", self._resource.name)
            self._cannot = None
        self._changes.take(event)
        self._version = event.version or self._version
        if event.type == "BOOKMARK":
            self._troubles = 0

    def _list_for_now(self, error: SourceError) -> None:
        """Go on with listings for some time, and say so once."""
        if self._cannot is None:
            log.warning("%s cannot be watched and are listed once a minute. %s %s", self._resource.name, error, RIGHTS)
        self._cannot, self._version = error, None
        self._cannot_until = self._monotonic() + self._timing.retry_watch

    def _trouble(self, reason: str, began: float, *, forget: bool) -> None:
        level = self._sessions.outages.failed(self._resource.path)
        log.log(level, "the watch of %s broke off and begins again: %s", self._resource.name, reason)
        self._restarted()
        self._troubles = 1 if self._monotonic() - began >= self._timing.lasting else self._troubles + 1
        if forget:
            self._version = None

    def _answer(self, question: int) -> None:
        with self._changed:
            self._answered = max(self._answered, question)
            self._changed.notify_all()

    def _fail(self, question: int, error: SourceError) -> None:
        log.log(self._sessions.outages.failed(self._resource.path), "%s", error)
        self._restarted()
        self._troubles += 1
        # They may be why.
        self._sessions.forget()
        with self._changed:
            self._failure = (question, error)
            self._changed.notify_all()
        self._rest(self._pause(), question)

    def _pause(self) -> float:
        first, longest = self._timing.pauses
        return min(longest, first * 2.0 ** min(self._troubles - 1, 16)) * _chance.uniform(0.5, 1.0)

    def _rest(self, seconds: float, question: int) -> None:
        """Wait, but not when somebody asks."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._requested > question, seconds)


def _is_silence(error: SourceError) -> bool:
    """Tell a stream that nothing came from, but not a server that cannot be reached: that says nothing of versions."""
    chain = list(causes(error))
    if any(isinstance(cause, urllib3.exceptions.ConnectTimeoutError) for cause in chain):
        return False
    return any(isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError) for cause in chain)


def _is_before(version: str | None, reached: str | None) -> bool:
    """Compare versions as far as they are numbers."""
    earlier, later = version or "", reached or ""
    return earlier.isdecimal() and later.isdecimal() and int(earlier) < int(later)
