"""group_namespaces: what the namespaces that match a glob add up to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kl_mcp.errors import nearest_values
from kl_mcp.queries.budget import fill
from kl_mcp.queries.frame import Frame
from kl_mcp.queries.metadata import metadata
from kl_mcp.queries.paging import PageRequest
from kl_mcp.queries.ranking import heading, share_row, totals
from kl_mcp.queries.select import listed, match


def group(view: Frame, now: float, page: PageRequest, *, patterns: Sequence[str]) -> dict[str, Any]:
    """Return total, shares and members of a group; a namespace that several patterns match counts once."""
    matched, without = match(view.dataset, patterns, "pattern")
    present = view.in_order([name for name in matched if name in view.totals], view.totals)
    value = view.sum_of(present) if present else view.total(view.measure.zero).value
    warnings = [*_nothing_matches(view, without), *view.warnings(present)]
    answer = {
        **heading(view),
        "pattern": ",".join(dict.fromkeys(patterns)),
        "group_total": view.measure.shown(value),
        "share_pct": view.share_of(present),
        "cluster_share_pct": view.cluster_share(value),
        "matched_count": len(present),
        "members": [],
        **totals(view),
        "metadata": metadata(view.dataset, now, window=view.window, measure=view.measure, warnings=warnings),
    }
    fill(
        answer,
        page,
        len(present),
        lambda position: (share_row(view, present[position]),),
        ("members",),
        generation=view.dataset.generation,
    )
    return answer


def _nothing_matches(view: Frame, patterns: list[str]) -> list[str]:
    if not patterns or not view.dataset.namespaces:
        return []
    near = nearest_values(patterns[0], listed(view.dataset))
    hint = f" Nearest names: {', '.join(near)}." if near else ""
    return [f"No namespace matches {', '.join(pattern[:60] for pattern in patterns[:5])}.{hint}"]
