"""What a tick puts into the rows of the databases, in the order of their data sources. Pure."""

from collector.model import Entry, MetricValues, TickSample
from collector.store.paths import ENTRY, GPU, Form
from kl_core.vocabulary import METRICS, SOURCES

NOBODY_MEASURED: dict[Form, tuple[float | None, ...]] = {ENTRY: (None, None, None, None, 0.0), GPU: (None, None, None)}
"""Nothing is known, and therefore nothing was measured."""

_NO_CAPACITY = (None,) * (2 * len(METRICS))


def pods_measured(sample: TickSample) -> bool:
    """Whether the pods and their usage are both known."""
    return bool(sample.observed["kubernetes"] and sample.observed["metrics"])


def zero(form: Form, *, pods: bool) -> tuple[float, ...]:
    """Return the row of a namespace that is not there.

    It uses and requests nothing, and all of its pods were measured.
    """
    return (0.0, 0.0, 0.0, 0.0, float(pods)) if form is ENTRY else (0.0, 0.0, 0.0)


def cluster_values(sample: TickSample, *, pods: bool) -> tuple[float | None, ...]:
    """Capacity, allocatable and who answered; `pods` as `pods_measured` says."""
    observed = (float(bool(sample.observed[source])) for source in SOURCES)
    sources = (*observed, float(pods), _dcgm_configured(sample))
    if not sample.observed["kubernetes"]:
        return (*_NO_CAPACITY, *sources)
    return (*_node_amounts(sample.capacity), *_node_amounts(sample.allocatable), *sources)


def not_sampled(following: TickSample) -> tuple[float | None, ...]:
    """Return the cluster's row of a pause.

    What was configured in it is not known, and counts as what is in the next tick.
    """
    return (*_NO_CAPACITY, *(0.0,) * (len(SOURCES) + 1), _dcgm_configured(following))


def _dcgm_configured(sample: TickSample) -> float:
    return float(sample.observed["dcgm"] is not None)


def _node_amounts(amounts: MetricValues) -> tuple[float | None, ...]:
    """Return 0 for the GPUs of a cluster without any.

    Else the mean of the hour in which the first came would be too high.
    """
    gpu = amounts.get("gpu", 0.0)
    return (amounts.get("cpu"), amounts.get("memory"), gpu, amounts.get("gpu_memory", None if gpu else 0.0))


def entry_values(entry: Entry, *, pods: bool) -> tuple[float | None, ...]:
    """CPU and memory; the share of pods measured is 0.0 unless `pods` and their usage were both known."""
    usage, requests = entry.usage, entry.requests
    return (
        usage.get("cpu", 0.0),
        usage.get("memory", 0.0),
        requests.get("cpu", 0.0),
        requests.get("memory", 0.0),
        _measured(entry) if pods else 0.0,
    )


def _measured(entry: Entry) -> float:
    """Count the pods of imported history, which knows none, as measured where the usage is known."""
    if entry.measured is None:
        return 0.0 if entry.usage.get("cpu", 0.0) is None else 1.0
    return entry.measured


def gpu_values(entry: Entry) -> tuple[float | None, ...]:
    """GPU usage, requests and memory; known zeros while the entry holds none."""
    if not entry.holds_gpu:
        return zero(GPU, pods=False)
    return (entry.usage.get("gpu"), entry.requests.get("gpu", 0.0), entry.usage.get("gpu_memory"))
