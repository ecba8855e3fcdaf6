"""What /readyz answers."""

from typing import Any

from kl_core.calendar import iso_or_none
from kl_mcp.counts import Counts
from kl_query.dataset.watcher import Holder
from kl_query.staleness import clock_warnings, seconds_ahead
from kl_query.warnings.warning import nobody, texts


def readiness(holder: Holder, counts: Counts, now: float, *, discreetly: bool = False) -> tuple[int, dict[str, Any]]:
    """Return `(HTTP status, body)`: 503 until the first attempt to load has ended, then 200 with what is served.

    `age_seconds` counts from the last sample, not from a file's time: files can be rewritten while sampling stands
    still. It is null without data, and where the newest sample lies ahead of this server's clock. Clocks that disagree
    leave the status at 200: numbers up to the newest sample are right, no other replica has better ones, and a server
    that gets no calls could not say in its answers what is wrong. `discreetly` names no namespace in
    the reasons, as for a caller who may see none.
    """
    dataset, problem = holder.held.dataset, holder.held.problem
    visible = nobody if discreetly else None
    warnings = list(dict.fromkeys(warning.shown(visible) for warning in dataset.warnings))
    failed = problem.shown(visible) if problem else None
    sampled = dataset.newest_sample
    clocks = texts(clock_warnings(dataset, now))
    is_ahead = seconds_ahead(dataset, now) is not None
    body = {
        "ready": holder.looked,
        "layout": dataset.layout,
        "generation": dataset.generation or None,
        "generated_at_utc": iso_or_none(dataset.generated_at),
        "last_sample_utc": iso_or_none(sampled),
        "age_seconds": None if sampled is None or is_ahead else max(0, round(now - sampled)),
        "clocks_agree": None if dataset.layout == "none" else not clocks,
        "namespaces": len(dataset.namespaces),
        "data_dir": str(holder.directory),
        "reason": failed if holder.looked else " ".join(warnings),
        "warnings": [*warnings, *clocks],
        "loads": counts.loads,
    }
    return (200 if holder.looked else 503), body
