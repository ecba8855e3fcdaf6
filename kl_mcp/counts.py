"""What a server counts while it runs, for the probes and for /metrics."""

import collections
from functools import cached_property

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from kl_mcp.access.key_sources import KEY_SET_OUTCOMES

PREFIX = "kubeledger_mcp"
BOUNDS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the buckets of a latency histogram: most calls take milliseconds, the largest datasets a tenth of a
second."""
UNKNOWN_TOOL = "unknown"
"""Under which calls of tools that do not exist are counted, and their error code: names that callers invent must not
become time series."""
LOAD_OUTCOMES = ("loaded", "failed", "crashed")


class Counts:
    """Counters that only grow, in a registry of their own: two servers in a process do not share their numbers."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library's one switch; what it adds is a series beside each, of times
        self.registry = CollectorRegistry()
        self._calls = self._counter("tool_calls", "Calls that were answered, by tool.", "tool")
        self._errors = self._counter(
            "tool_errors", "Calls that were answered with an error, by tool and code.", "tool", "code"
        )
        self._seconds = Histogram(
            f"{PREFIX}_tool_duration_seconds",
            "Time to answer a call, without transport.",
            ["tool"],
            buckets=BOUNDS_SECONDS,
            registry=self.registry,
        )
        self._failed_requests = self._counter(
            "failed_requests", "Requests that the server failed to answer; a tool that fails is in tool_errors."
        )
        self._loads = self._counter("dataset_loads", "Attempts to load a dataset.", "outcome")
        for outcome in LOAD_OUTCOMES:
            self._loads.labels(outcome)

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", documentation, labels, registry=self.registry)

    @cached_property
    def _key_set_reads(self) -> Counter:
        """Return the counter that begins, with zeros, when keys are first read: without JWTs there is none."""
        reads = self._counter(
            "key_set_reads",
            "Attempts to read the keys of the issuer of JWTs; empty: read, and no key can be used, so that all are "
            "withdrawn. Outcome lapsed: how often keys went out of force, not having been readable for too long.",
            "outcome",
        )
        for outcome in KEY_SET_OUTCOMES:
            reads.labels(outcome)
        return reads

    @property
    def loads(self) -> collections.Counter[str]:
        """Return how often a load had each outcome."""
        (family,) = self._loads.collect()
        return +collections.Counter({each.labels["outcome"]: int(each.value) for each in family.samples})

    def expect(self, tool: str) -> None:
        """Begin the series of a tool with zeros, so that a rate misses no first call."""
        self._calls.labels(tool)
        self._seconds.labels(tool)

    def count_call(self, tool: str, seconds: float, error: str | None) -> None:
        """Count a call that was answered, with an error of that code or with none."""
        self._calls.labels(tool).inc()
        self._seconds.labels(tool).observe(seconds)
        if error:
            self._errors.labels(tool, error).inc()

    def count_unknown_tool(self) -> None:
        """Count a call of a tool that does not exist."""
        self._calls.labels(UNKNOWN_TOOL).inc()
        self._errors.labels(UNKNOWN_TOOL, "unknown_tool").inc()

    def count_failed_request(self) -> None:
        """Count a request that the server failed to answer."""
        self._failed_requests.inc()

    def count_load(self, outcome: str) -> None:
        """Count an attempt to load a dataset by one of `LOAD_OUTCOMES`."""
        self._loads.labels(outcome).inc()

    def count_key_set_read(self, outcome: str) -> None:
        """Count an attempt to read a key set, or that one lapsed, by one of `KEY_SET_OUTCOMES`."""
        self._key_set_reads.labels(outcome).inc()
