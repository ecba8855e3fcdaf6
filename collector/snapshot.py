"""The sources of a real cluster: what is known of an interval, and what is in use now."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from threading import Event, Lock
from typing import Any, Self

from collector.clock import MAX_INTERVALS_APART, Clock, ClockReading, boot_time
from collector.dcgm.scrape import Resolver, resolve
from collector.errors import SourceError
from collector.kubernetes.claimed_gpus import ClaimedGpus
from collector.kubernetes.cluster_state import ClusterState, NamespaceLife, NodeLife
from collector.kubernetes.credentials import configuration
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.listings import Resource, T
from collector.kubernetes.lives import Lives
from collector.kubernetes.nodes import parse_node
from collector.kubernetes.objects import Decoder, K, NamespaceObject, NodeObject, PodObject
from collector.kubernetes.outages import level_of
from collector.kubernetes.pods import Shared, parse_pod, seconds
from collector.kubernetes.server_time import ServerTime
from collector.kubernetes.session import PassingError
from collector.kubernetes.session_maker import SessionMaker
from collector.kubernetes.volume_claims import RESOURCE, VolumeClaimObject, parse_volume_claim, unread
from collector.kubernetes.watch import Timing, Watcher
from collector.loop import GRACE_SEC
from collector.metrics import Meter
from collector.model import UnobservedCause
from collector.observations import BlindSpot, Cluster, ClusterIdentity, UsageReading
from collector.settings import Settings
from collector.source_requests import MAX_ANSWER_TIMEOUTS
from collector.usage_sources import UsageSources
from kl_core.errors import SettingsError
from kl_core.vocabulary import Source

log = logging.getLogger(__name__)

KEPT_INTERVALS = 5
"""For how long what has ended is kept where no interval is asked for: it may be asked for late, by another clock."""
MIN_READING_SEC = 100.0
"""A third of the shortest interval, for a reading with all its repetitions."""
LEAVING_SEC = 1.0
"""For threads to end; one that hangs is left behind."""
CLOCK_STEP_SEC = 2.0
"""A difference of clocks that changes by less is the same: the API server's tells whole seconds."""
STORAGE_SEC = 5.0
"""How much longer than for nodes and pods a tick waits for persistent volume claims."""
FIRST_LOOK_SEC = 10.0
"""For the credentials at the start, which are only to be checked then."""


class LiveSources:
    """The Kubernetes API, metrics-server and the DCGM exporters that `settings` name.

    Entered, it watches namespaces, nodes, pods and persistent volume claims until it is left; without `watching` they
    are listed when they are asked for. A source that fails is logged, and None in what is returned. Usage may be read
    in another thread than the rest is asked in. Raises `SettingsError` when made, if the settings lead to no cluster.
    """

    def __init__(
        self,
        settings: Settings,
        resolver: Resolver = resolve,
        boot: Clock = boot_time,
        *,
        clock: Clock = time.time,
        watching: bool = True,
        stop: Event | None = None,
        timing: Timing | None = None,
        reading_sec: float | None = None,
        meter: Meter | None = None,
    ) -> None:
        """`stop` ends all waiting; `reading_sec` is for one reading with its repetitions.

        Watches that break off are counted in `meter`.
        """
        self._settings = settings
        self._meter = meter or Meter(settings.polling_interval_sec)
        self._clock = clock
        self._stop = stop or Event()
        self._reading_sec = reading_sec or _reading_sec(settings)
        self._server = ServerTime(clock, boot)
        self._sessions = SessionMaker(lambda: configuration(settings), settings.request_timeout_sec, self._server)
        self._lock = Lock()
        self._claimed = ClaimedGpus(self._sessions, self._reading_sec, self._stop)
        # No interval before the one that is due at present is asked for, however far the clock is ahead.
        self._state = ClusterState(clock() - (2.0 + MAX_INTERVALS_APART) * settings.polling_interval_sec)
        self._ahead = 0.0
        shared = Shared()
        is_excluded = settings.excluded_nodes.matches if settings.excluded_nodes else lambda _labels: False
        self._namespaces = self._watcher(
            Resource("namespaces", Decoder(NamespaceObject), _namespace), self._state.namespaces, timing
        )
        self._nodes = self._watcher(
            Resource("nodes", Decoder(NodeObject), lambda item, now: NodeLife(*parse_node(item, now, is_excluded))),
            self._state.nodes,
            timing,
        )
        self._pods = self._watcher(
            Resource("pods", Decoder(PodObject), lambda item, now: parse_pod(item, now, shared)),
            self._state.pods,
            timing,
        )
        self._volume_claims = self._watcher(
            Resource(RESOURCE, Decoder(VolumeClaimObject), lambda item, now: parse_volume_claim(item, now, shared)),
            self._state.volume_claims,
            timing,
        )
        self.watching = watching
        """False where everything is listed when it is asked for."""
        self._listed: tuple[float, bool] | None = None
        """When all was listed last, where nothing is watched, and whether it could be."""
        self._said: dict[str, int] = {}
        """What kept it from being up to date when that was asked last, and how often it did in a row."""
        self._cause: UnobservedCause | None = None
        """Why nodes and pods were not up to date when that was asked last."""
        self._storage_failures = 0
        """How often in a row claims could not be listed."""
        self._usage = UsageSources(settings, self._sessions, resolver, self._reading_sec, self._stop)
        try:
            self._sessions.session(Deadline(FIRST_LOOK_SEC, self._stop)).close()
        except SourceError as error:
            if isinstance(error.__cause__, SettingsError):
                raise error.__cause__ from None
            log.warning("%s", error)

    def __enter__(self) -> Self:
        if self.watching:
            for watcher in self._watchers:
                watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all watches and close all connections."""
        for watcher in self._watchers:
            watcher.stop()
        leaving = Deadline(LEAVING_SEC)
        self._sessions.close(LEAVING_SEC)
        for watcher in self._watchers:
            watcher.join(leaving.left())
        self._usage.close()

    @property
    def date(self) -> ClockReading | None:
        """The time that the API server told last; None if it told none."""
        return self._server.date

    @property
    def identity(self) -> ClusterIdentity:
        """What tells the cluster from others; nothing while namespaces are not known."""
        with self._lock:
            return self._state.identity

    @property
    def causes(self) -> Mapping[Source, UnobservedCause]:
        """Why each source told nothing when it was asked last; none for one that answered."""
        cause, usage = self._cause, dict(self._usage.causes)
        return usage if cause is None else {**usage, "kubernetes": cause}

    def cluster(self, start: float, end: float) -> Cluster | None:
        """Return what is known of the interval from `start` to `end`, UNIX seconds, which is over; None if it is not.

        What ended before `start` is forgotten. Where the clock is ahead of the API server's, the interval is as much
        earlier by the latter, which dates all objects: else what is still to come of it would never be counted.
        """
        question = self._volume_claims.ask() if self.watching else 0
        # What has just been listed, or was just refused, need not be asked for again.
        is_known = self._listed[1] if self._listed and self._listed[0] >= end else self._is_up_to_date()
        if not is_known:
            return None
        lacking = self._unread_storage(question)
        blind_spots = (*self._blind_spots(), *lacking)
        ahead = self._seconds_ahead()
        with self._lock:
            known = self._state.interval(start - ahead, end - ahead, blind_spots)
        claimed, unclaimed = self._claimed.of(span.pod for span in known.pods)
        if claimed is None and self._stop.is_set():
            # The next process has its chance to read them.
            return None
        return replace(
            known,
            claimed=claimed,
            volume_claims=None if lacking else known.volume_claims,
            blind_spots=(*blind_spots, *unclaimed),
        )

    def read_usage(self) -> UsageReading | None:
        """Return what is in use now; None when the cluster's state is not known. Metrics come as they are consumed."""
        # Exporters first: one that hangs must not stand between the pods and what is measured of them.
        devices = self._usage.devices()
        if not self._is_up_to_date():
            return None
        moment = self._server.now()
        with self._lock:
            pods, nodes = self._state.now()
        return UsageReading(moment, pods, nodes, self._usage.metrics(), devices)

    @property
    def _watchers(self) -> tuple[Watcher[Any, Any], ...]:
        return *self._decisive, self._volume_claims

    @property
    def _decisive(self) -> tuple[Watcher[Any, Any], ...]:
        """Those that are waited for. Claims are not: they are many, and tell nothing of cpu, memory and GPUs."""
        return self._namespaces, self._nodes, self._pods

    def _watcher(self, resource: Resource[K, T], lives: Lives[T], timing: Timing | None) -> Watcher[K, T]:
        return Watcher(
            resource,
            lives,
            self._lock,
            self._sessions,
            self._server.now,
            reading_sec=self._reading_sec,
            keep_sec=float(KEPT_INTERVALS * self._settings.polling_interval_sec),
            timing=timing,
            restarted=lambda: self._meter.count_watch_restart(resource.name),
        )

    def _is_up_to_date(self) -> bool:
        """Bring all up to date; False where nodes or pods cannot be. Namespaces bring no more than labels."""
        began = self._clock()
        deadline = Deadline(self._reading_sec, self._stop)
        if self.watching:
            questions = [watcher.ask() for watcher in self._decisive]
            outcomes = [each.wait(question, deadline) for each, question in zip(self._decisive, questions, strict=True)]
        else:
            outcomes = self._list_all(deadline)
        said, self._said = self._said, {}
        for message in dict.fromkeys(str(error) for error in outcomes if error is not None):
            self._said[message] = times = said.get(message, 0) + 1
            log.log(level_of(times, logging.WARNING), "%s", message)
        self._cause = next((error.cause for error in outcomes[1:] if error is not None), None)
        is_known = self._cause is None
        if not self.watching:
            self._listed = began, is_known
        return is_known

    def _list_all(self, deadline: Deadline) -> list[SourceError | None]:
        """List what is not watched. Where no answer comes for one resource, none comes for the others."""
        outcomes: list[SourceError | None] = []
        for watcher in self._decisive:
            before = outcomes[-1] if outcomes else None
            is_silent = isinstance(before, PassingError) and before.status is None
            outcomes.append(before if is_silent else watcher.list_now(deadline))
        return outcomes

    def _unread_storage(self, question: int) -> tuple[BlindSpot, ...]:
        """Bring claims up to date, which may cost no tick; say so where they cannot be.

        `question` was asked of their watch with those of the others, and is answered with them where all is well.
        """
        if self.watching:
            failure = self._volume_claims.wait(question, Deadline(STORAGE_SEC, self._stop))
        else:
            failure = self._volume_claims.list_now(Deadline(self._settings.request_timeout_sec, self._stop))
        self._storage_failures = self._storage_failures + 1 if failure else 0
        spots = () if failure is None else (unread(failure),)
        for spot in spots:
            log.log(level_of(self._storage_failures, logging.WARNING), "%s", spot.text)
        return spots

    def _seconds_ahead(self) -> float:
        """By how much the clock is ahead of the API server's; 0.0 where intervals are over by both of them.

        It stays the same while it can, for each change of it is time that counts twice or not at all.
        """
        ahead = self._clock() - self._server.now()
        if abs(ahead - self._ahead) > CLOCK_STEP_SEC:
            self._ahead = ahead if ahead > GRACE_SEC else 0.0
        return self._ahead

    def _blind_spots(self) -> tuple[BlindSpot, ...]:
        return tuple(spot for watcher in self._watchers for spot in watcher.blind_spots())


def _reading_sec(settings: Settings) -> float:
    return min(
        settings.polling_interval_sec / 2, max(MIN_READING_SEC, MAX_ANSWER_TIMEOUTS * settings.request_timeout_sec)
    )


def _namespace(item: NamespaceObject, _now: float) -> NamespaceLife:
    metadata = item.metadata
    created = seconds(metadata.creation_timestamp) or None
    return NamespaceLife(metadata.name, metadata.uid or "", metadata.labels or {}, created)
