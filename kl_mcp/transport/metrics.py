"""What /metrics answers: the server's counters and the state of its dataset, for Prometheus.

Series are labelled by tool and by error code, never by namespace: the numbers of the books are answered by the tools.
"""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from kl_mcp import __version__
from kl_mcp.counts import PREFIX, Counts
from kl_query.dataset import Dataset
from kl_query.dataset.watcher import Holder
from kl_query.staleness import clock_warnings, seconds_ahead
from kl_query.warnings.unmeasured import BLIND_SPOTS, UNMEASURED_REASONS


class Metrics(Collector):
    """The metrics of one server. `tools` are there from the start, with zeros, so that a rate misses no first call."""

    def __init__(self, holder: Holder, counts: Counts, tools: Iterable[str], clock: Callable[[], float]) -> None:
        self._holder = holder
        self._counts = counts
        self._clock = clock
        for tool in tools:
            counts.expect(tool)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return `(body, content type)`: the text format, or OpenMetrics where the Accept header prefers it."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterator[Metric]:
        """Yield every family that this server has."""
        info = GaugeMetricFamily(
            f"{PREFIX}_build_info", "Version of kl-mcp and of Python; always 1.", labels=("version", "python")
        )
        info.add_metric((__version__, platform.python_version()), 1)
        yield info
        yield from self._counts.registry.collect()
        yield GaugeMetricFamily(
            f"{PREFIX}_dataset_last_load_succeeded",
            "1 when the latest attempt to load succeeded; 0 when answers come from an earlier one, or there is none.",
            int(self._holder.looked and self._holder.held.problem is None),
        )
        yield from self._about_dataset(self._holder.held.dataset)

    def _about_dataset(self, dataset: Dataset) -> Iterator[Metric]:
        """Leave out what is not known: a generation of 0 or an age of 0 would look like news."""
        yield GaugeMetricFamily(f"{PREFIX}_namespaces", "Namespaces in the dataset.", len(dataset.namespaces))
        if dataset.generation:
            yield GaugeMetricFamily(
                f"{PREFIX}_dataset_generation", "Generation that answers come from.", dataset.generation
            )
        yield from _not_seen(dataset)
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


def _not_seen(dataset: Dataset) -> Iterator[Metric]:
    """Yield what the newest sample lacks, with zeros; nothing where its manifest does not tell."""
    if dataset.unmeasured is not None:
        pods = Counter(dict.fromkeys(UNMEASURED_REASONS, 0))
        for reasons in dataset.unmeasured.values():
            pods.update(reasons)
        unmeasured = GaugeMetricFamily(
            "kubeledger_unmeasured_pods",
            "Pods that were to be measured at the newest sample and were not, over all namespaces.",
            labels=("reason",),
        )
        for reason, count in pods.items():
            unmeasured.add_metric((reason,), count)
        yield unmeasured
    if dataset.blind_spots is not None:
        codes = {spot.code for spot in dataset.blind_spots}
        blind = GaugeMetricFamily(
            "kubeledger_blind_spots", "1 for what the collector could not see at the newest sample.", labels=("code",)
        )
        for code in dict.fromkeys((*BLIND_SPOTS, *sorted(codes))):
            blind.add_metric((code,), int(code in codes))
        yield blind
