"""What an entry of a tick is charged, and which use of it can be set against which requests.

Efficiency is Σ `usage_matched` ÷ Σ `requests_matched`: the use and the requests of the same pods, both as they were
when usage was read. A pod that was not measured is in neither, however much it requested; one that was and requests
nothing is in both, with 0. So it is with the GPUs that a pod holds: those of which nobody can tell what it did with
them are in neither.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.accounting.gpu_attribution import GpuUsage, ShownGpus
from collector.accounting.measured_usage import EntryUsage
from collector.accounting.pod_totals import Charge
from collector.model import MetricValues
from kl_core.vocabulary import Metric


def charged_values(charge: Charge, requests: MetricValues) -> dict[Metric, float | None]:
    """Return what is charged of the metrics that are requested, None where requests are unknown."""
    charged: Mapping[Metric, float] = {"cpu": charge.cpu, "memory": charge.memory, "gpu": charge.gpu}
    return {metric: None if value is None else charged[metric] for metric, value in requests.items()}


def matched_values(
    usage: MetricValues, requests: MetricValues, used: EntryUsage | None, shown: ShownGpus | None
) -> tuple[dict[Metric, float | None], dict[Metric, float | None]]:
    """Return the use of measured pods and their requests, of the metrics that are requested.

    Both are None where either `usage` or `requests` is. All of known use is of measured pods; `used` and `shown` tell
    what these requested, None where nothing was measured, and nothing shown.
    """
    matched: Mapping[Metric, float] = {
        "cpu": used.requests[0] if used else 0.0,
        "memory": used.requests[1] if used else 0.0,
        "gpu": shown.requests if shown else 0.0,
    }
    known = {metric for metric, value in requests.items() if value is not None and usage[metric] is not None}
    return (
        {metric: usage[metric] if metric in known else None for metric in requests},
        {metric: matched[metric] if metric in known else None for metric in requests},
    )


def gpu_share(gpu_usage: GpuUsage | None, key: str | None, *, configured: bool) -> float | None:
    """Return what exporters showed of the GPUs that an entry holds, None where none is configured.

    It is 0.0 where none answered, and 1.0 where nothing was expected to be shown, as of pods that do not run yet: as
    the share of pods that metrics-server measured, which counts for nothing in what it did not answer.
    """
    if not configured:
        return None
    if gpu_usage is None:
        return 0.0
    shown = gpu_usage.shown.get(key)
    return 1.0 if shown is None else shown.share
