"""What /metrics answers: the server's counters and the state of its dataset, for Prometheus.

Series are labelled by tool and by error code, never by namespace: the numbers of the books are answered by the tools.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kl_mcp import __version__
from kl_mcp.access.held_keys import EMPTY, FAILED, LAPSED, READ
from kl_mcp.transport.counts import BOUNDS_SECONDS, Counts, Latencies
from kl_query.clocks import clock_warnings, seconds_ahead
from kl_query.dataset import Dataset
from kl_query.dataset.watcher import Holder

PREFIX = "kubeledger_mcp"
LOAD_OUTCOMES = ("loaded", "failed", "crashed")
KEY_SET_OUTCOMES = (READ, EMPTY, FAILED, LAPSED)


class Metrics(Collector):
    """The metrics of one server. `tools` are there from the start, with zeros, so that a rate misses no first call."""

    def __init__(self, holder: Holder, counts: Counts, tools: Iterable[str], clock: Callable[[], float]) -> None:
        self._holder = holder
        self._counts = counts
        self._tools = tuple(tools)
        self._clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """`(body, content type)`: the text format, or OpenMetrics where the scraper's Accept header prefers it."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """Every family that this server has."""
        info = GaugeMetricFamily(
            f"{PREFIX}_build_info", "Version of kl-mcp and of Python; always 1.", labels=("version", "python")
        )
        info.add_metric((__version__, platform.python_version()), 1)
        yield info
        yield from self._about_calls()
        yield from self._about_loads()
        yield from self._about_dataset(self._holder.held.dataset)

    def _about_calls(self) -> Iterator[Metric]:
        counts = self._counts
        calls = CounterMetricFamily(f"{PREFIX}_tool_calls", "Calls that were answered, by tool.", labels=("tool",))
        errors = CounterMetricFamily(
            f"{PREFIX}_tool_errors",
            "Calls that were answered with an error, by tool and code.",
            labels=("tool", "code"),
        )
        seconds = HistogramMetricFamily(
            f"{PREFIX}_tool_duration_seconds", "Time to answer a call, without transport.", labels=("tool",)
        )
        for tool in dict.fromkeys((*self._tools, *counts.calls)):
            calls.add_metric((tool,), counts.calls[tool])
        for (tool, code), number in counts.errors.items():
            errors.add_metric((tool, code), number)
        for tool in self._tools:
            latencies = counts.latencies.get(tool, Latencies())
            seconds.add_metric((tool,), _cumulative(latencies), latencies.total_seconds)
        yield from (calls, errors, seconds)

    def _about_loads(self) -> Iterator[Metric]:
        loads = CounterMetricFamily(f"{PREFIX}_dataset_loads", "Attempts to load a dataset.", labels=("outcome",))
        for outcome in LOAD_OUTCOMES:
            loads.add_metric((outcome,), self._counts.loads[outcome])
        yield loads
        if self._counts.key_set_reads:
            reads = CounterMetricFamily(
                f"{PREFIX}_key_set_reads",
                "Attempts to read the keys of the issuer of JWTs; empty: read, and no key can be used, so that all are "
                "withdrawn. Outcome lapsed: how often keys went out of force, not having been readable for too long.",
                labels=("outcome",),
            )
            for outcome in KEY_SET_OUTCOMES:
                reads.add_metric((outcome,), self._counts.key_set_reads[outcome])
            yield reads
        succeeded = self._holder.looked and self._holder.held.problem is None
        yield GaugeMetricFamily(
            f"{PREFIX}_dataset_last_load_succeeded",
            "1 when the latest attempt to load succeeded; 0 when answers come from an earlier one, or there is none.",
            int(succeeded),
        )

    def _about_dataset(self, dataset: Dataset) -> Iterator[Metric]:
        """What is not known is left out: a generation of 0 or an age of 0 would look like news."""
        yield GaugeMetricFamily(f"{PREFIX}_namespaces", "Namespaces in the dataset.", len(dataset.namespaces))
        if dataset.generation:
            yield GaugeMetricFamily(
                f"{PREFIX}_dataset_generation", "Generation that answers come from.", dataset.generation
            )
        newest, now = dataset.newest_sample, self._clock()
        if dataset.layout != "none":
            yield GaugeMetricFamily(
                f"{PREFIX}_clocks_disagree",
                "1 while the newest sample lies ahead of this server's clock, or the collector's is contradicted.",
                int(bool(clock_warnings(dataset, now))),
            )
        if newest is not None and seconds_ahead(dataset, now) is None:
            yield GaugeMetricFamily(
                f"{PREFIX}_dataset_age_seconds",
                "Time since the newest sample in the dataset.",
                max(0.0, now - newest),
            )
        sampled = GaugeMetricFamily(
            f"{PREFIX}_dataset_last_sample_timestamp_seconds", "Newest sample of each source.", labels=("source",)
        )
        for source, at in dataset.last_sample_at.items():
            if at is not None:
                sampled.add_metric((source,), at)
        yield sampled


def _cumulative(latencies: Latencies) -> list[tuple[str, float]]:
    """Buckets as Prometheus has them: each counts everything up to its bound."""
    bounds = [*(str(bound) for bound in BOUNDS_SECONDS), "+Inf"]
    return list(zip(bounds, map(float, accumulate(latencies.counts)), strict=True))
