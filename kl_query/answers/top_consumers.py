"""get_top_consumers: the largest namespaces, and what all others add up to."""

from collections.abc import Sequence
from typing import Any

from kl_query.answer_size import fill
from kl_query.measures.means import Means
from kl_query.metadata import metadata
from kl_query.paging import PageRequest
from kl_query.view import Frame
from kl_query.warnings.warning import RowId


def top_consumers(view: Frame, now: float, page: PageRequest, *, exclude_system: bool) -> dict[str, Any]:
    """Return the ranking; ranking + rest + excluded_system add up to `total_value`."""
    listed = view.listed(exclude_system=exclude_system)
    above_zero, means = view.without_zeros(listed), Means(view)
    names = view.ranked(above_zero)
    answer = {
        **heading(view),
        "ranking": [],
        "rest": None,
        "zero_count": len(listed) - len(above_zero),
        "excluded_system": None,
        **totals(view),
        "means": means.block(),
    }
    answer["metadata"] = metadata(
        view.dataset,
        now,
        window=view.window,
        measure=view.measure,
        warnings=view.cluster_warnings(names),
    )

    def row(position: int) -> tuple[dict[str, Any]]:
        return ({"rank": position + 1, **share_row(view, means, names[position])},)

    fill(answer, page, len(names), row, ("ranking",), generation=view.dataset.generation)
    add_remainder(answer, view, "ranking", above_zero, exclude_system=exclude_system)
    return answer


def heading(view: Frame) -> dict[str, Any]:
    """Return what every ranking says about itself."""
    return {
        "metric": view.measure.metric,
        "dimension": view.measure.dimension,
        "scale": view.scale.name,
        "date": view.window.label,
    }


def totals(view: Frame) -> dict[str, Any]:
    """Return what the rows are shares of."""
    return {
        "total_value": view.measure.shown(view.all_namespaces),
        "total_cluster_share_pct": view.cluster_share(view.all_namespaces),
        "capacity_value": view.measure.shown(view.capacity_or_bill),
    }


def share_row(view: Frame, means: Means, name: str) -> dict[str, Any]:
    """Return a namespace with its value, its mean level and both shares."""
    value = view.totals[name].value
    return {
        "namespace": name,
        "value": view.measure.shown(value),
        "mean": means.of(name),
        "share_pct": view.share_of((name,)),
        "cluster_share_pct": view.cluster_share(value),
    }


def add_remainder(
    answer: dict[str, Any], view: Frame, rows: str, listed: Sequence[str], *, exclude_system: bool
) -> None:
    """Add `rest` (what of `listed` is not in this answer, and what may not be named) and `excluded_system`."""
    shown = {row["namespace"] for row in answer[rows]}
    system = [name for name in view.named if exclude_system and view.dataset.is_system(name)]
    answer["rest"] = _remainder(view, [*(name for name in listed if name not in shown), *view.withheld])
    answer["excluded_system"] = _remainder(view, system)


def _remainder(view: Frame, names: Sequence[RowId]) -> dict[str, Any]:
    value = view.sum_of(names)
    return {"count": len(names), "value": view.measure.shown(value), "share_pct": view.share_of(names)}
