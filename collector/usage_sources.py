"""The sources of usage of a real cluster: metrics-server and the DCGM exporters."""

from __future__ import annotations

import logging
from threading import Event

from collector.dcgm.scrape import Resolver, scrape
from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.metrics_server import list_node_metrics, list_pod_metrics
from collector.kubernetes.session import Session
from collector.kubernetes.session_maker import SessionMaker
from collector.model import UnobservedCause
from collector.observations import GpuDevice, MetricsListing
from collector.settings import Settings
from kl_core.vocabulary import Source

log = logging.getLogger(__name__)


class UsageSources:
    """What is in use now, of each source that answers. One that does not is logged, and None in what is returned."""

    def __init__(
        self, settings: Settings, sessions: SessionMaker, resolver: Resolver, reading_sec: float, stop: Event
    ) -> None:
        """`reading_sec` is for one reading with its repetitions; `stop` ends all waiting."""
        self._settings = settings
        self._sessions = sessions
        self._resolver = resolver
        self._reading_sec = reading_sec
        self._stop = stop
        self._session: Session | None = None
        self.causes: dict[Source, UnobservedCause] = {}
        """Why each source told nothing when it was asked last; none for one that answered."""

    def close(self) -> None:
        """Close the connections that metrics come by."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def metrics(self) -> MetricsListing | None:
        """Return the listing of metrics-server, whose pods come as they are consumed."""
        self.causes.pop("metrics", None)
        self.close()
        try:
            session = self._session = self._sessions.session(Deadline(self._reading_sec, self._stop))
        except SourceError as error:
            log.warning("%s", error)
            self.causes["metrics"] = error.cause
            return None
        return MetricsListing(list_node_metrics(session), list_pod_metrics(session))

    def devices(self) -> tuple[GpuDevice, ...] | None:
        """Devices of all exporters that answered; None when none did. Whether they are all is for accounting to say."""
        self.causes.pop("dcgm", None)
        endpoints = self._settings.nvidia_dcgm_endpoints
        if not endpoints:
            return None
        pause = Deadline(self._reading_sec, self._stop).pause
        result = scrape(endpoints, self._settings.request_timeout_sec, self._resolver, pause)
        for error in result.errors:
            log.warning("%s", error)
        if result.errors and not result.devices:
            self.causes["dcgm"] = result.errors[-1].cause
            return None
        return result.devices
