"""What /healthz and /readyz answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kl_mcp.counts import Counts
from kl_mcp.dataset import Dataset
from kl_mcp.holder import Holder
from kl_mcp.warnings.warning import nobody


def health() -> dict[str, Any]:
    """The process answers: that is all a liveness probe may depend on."""
    return {"status": "ok"}


def readiness(holder: Holder, counts: Counts, now: float, *, discreetly: bool = False) -> tuple[int, dict[str, Any]]:
    """`(HTTP status, body)`: 503 until the first attempt to load has ended, then 200 with what is served and why.

    `age_seconds` counts from the last sample, not from a file's time: files can be rewritten while sampling stands
    still. It is null without data. `discreetly` names no namespace in the reasons, as for a caller who may see none.
    """
    dataset, problem = holder.held.dataset, holder.held.problem
    if discreetly:
        dataset = dataset.restricted_to(nobody)
    warnings = dataset.told(dataset.warnings)
    failed = problem.shown(dataset.visible) if problem else None
    sampled = _last_sample(dataset)
    body = {
        "ready": holder.looked,
        "layout": dataset.layout,
        "generation": dataset.generation or None,
        "generated_at_utc": _iso(dataset.generated_at),
        "last_sample_utc": _iso(sampled),
        "age_seconds": None if sampled is None else max(0, round(now - sampled)),
        "namespaces": len(dataset.namespaces),
        "data_dir": str(holder.directory),
        "reason": failed if holder.looked else " ".join(warnings),
        "warnings": warnings,
        "loads": dict(counts.loads),
    }
    return (200 if holder.looked else 503), body


def _last_sample(dataset: Dataset) -> int | None:
    return max((at for at in dataset.last_sample_at.values() if at is not None), default=None)


def _iso(instant: int | None) -> str | None:
    return None if instant is None else datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
