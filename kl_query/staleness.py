"""What makes an answer stale: a newest sample that is too old, or a source that is behind the others."""

from __future__ import annotations

from kl_query.dataset.model import Dataset
from kl_query.measures.by_layout import layout_of
from kl_query.warnings import observation
from kl_query.warnings.warning import DataWarning
from kl_query.windows import instant


def stale_warnings(dataset: Dataset, now: float) -> list[DataWarning]:
    """Return what an answer says of its age."""
    newest, layout = dataset.newest_sample, layout_of(dataset)
    if newest is None:
        return layout.unsampled_warnings(dataset, now)
    if now - newest > layout.max_age_seconds(dataset):
        return [layout.stale_warning(dataset, newest, now)]
    behind = [
        observation.source_behind(source, instant(at))
        for source, at in dataset.last_sample_at.items()
        if at is not None and newest - at > layout.max_age_seconds(dataset)
    ]
    silent = dataset.last_sample_at.get("metrics", 0) is None
    return [*behind, *([observation.METRICS_NEVER_ANSWERED] if silent else [])]
