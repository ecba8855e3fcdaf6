"""The sources of a real cluster, as one snapshot per tick."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Self, TypeVar

from collector.clock import Clock, boot_time
from collector.dcgm.scrape import Resolver, resolve, scrape
from collector.errors import SourceError
from collector.kubernetes import listings, metrics_server
from collector.kubernetes.credentials import configuration
from collector.kubernetes.session import Session
from collector.model import Cluster, GpuDevice, Snapshot, UsageListing
from collector.settings import Settings
from kl_core.vocabulary import SOURCES, Source

log = logging.getLogger(__name__)

T = TypeVar("T")


class LiveSources:
    """Asks the Kubernetes API, metrics-server and the DCGM exporters that `settings` name.

    A source that fails is logged, counted in `failures` and None in the snapshot. Listings of pods are requested while
    they are consumed, and raise `SourceError` then; that too is counted. Raises `SettingsError` when made, if the
    settings lead to no cluster at all.
    """

    def __init__(self, settings: Settings, resolver: Resolver = resolve, boot: Clock = boot_time) -> None:
        self._settings = settings
        self._boot = boot
        self._resolver = resolver
        self._session: Session | None = None
        self.failures: dict[Source, int] = dict.fromkeys(SOURCES, 0)
        """Ticks in which a source failed, since the start."""
        try:
            self._connect()
        except SourceError as error:
            log.warning("%s", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; listings that were not consumed end."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def snapshot(self) -> Snapshot:
        """Asks all sources; ends what the snapshot before it left unread."""
        try:
            session = self._connect()
        except SourceError as error:
            self._failed(error)
            self.failures["metrics"] += 1
            return Snapshot(None, None, self._devices(), bool(self._settings.nvidia_dcgm_endpoints))
        return Snapshot(
            cluster=self._attempt(lambda: self._cluster(session)),
            usage=self._attempt(lambda: self._usage(session)),
            devices=self._devices(),
            dcgm_configured=bool(self._settings.nvidia_dcgm_endpoints),
            date=session.date,
        )

    def _connect(self) -> Session:
        """Return a session with the credentials as they are now."""
        self.close()
        self._session = Session(configuration(self._settings), self._settings.request_timeout_sec, boot=self._boot)
        return self._session

    def _cluster(self, session: Session) -> Cluster:
        namespaces = listings.list_namespaces(session)
        nodes = listings.list_nodes(session)
        return Cluster(namespaces, nodes, self._counted(listings.list_pods(session)))

    def _usage(self, session: Session) -> UsageListing:
        return UsageListing(
            metrics_server.list_node_usage(session), self._counted(metrics_server.list_pod_usage(session))
        )

    def _devices(self) -> tuple[GpuDevice, ...] | None:
        """Devices of all exporters that answered; None when none did. Whether they are all is for accounting to say."""
        endpoints = self._settings.nvidia_dcgm_endpoints
        if not endpoints:
            return None
        result = scrape(endpoints, self._settings.request_timeout_sec, self._resolver)
        for error in result.errors:
            log.warning("%s", error)
        if result.errors:
            self.failures["dcgm"] += 1
        return result.devices if result.devices or not result.errors else None

    def _attempt(self, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except SourceError as error:
            self._failed(error)
            return None

    def _counted(self, listing: Iterator[T]) -> Iterator[T]:
        try:
            yield from listing
        except SourceError as error:
            self.failures[error.source] += 1
            raise

    def _failed(self, error: SourceError) -> None:
        log.warning("%s", error)
        self.failures[error.source] += 1
