"""group_namespaces: what the namespaces that match a glob add up to."""

from collections.abc import Sequence
from typing import Any

from kl_query.answer_size import fill
from kl_query.answers.top_consumers import heading, share_row, totals
from kl_query.measures.means import Means
from kl_query.metadata import metadata
from kl_query.paging import PageRequest
from kl_query.selection import match
from kl_query.view import Frame


def group(view: Frame, now: float, page: PageRequest, *, patterns: Sequence[str]) -> dict[str, Any]:
    """Return total, shares and members of a group; a namespace that several patterns match counts once.

    Raises ToolArgumentError for a pattern that matches nothing.
    """
    matched = match(view.dataset, patterns, "pattern")
    members, means = view.in_order([name for name in matched if name in view.totals], view.totals), Means(view)
    value = view.sum_of(members) if members else view.total(view.measure.zero).value
    answer = {
        **heading(view),
        "pattern": ",".join(dict.fromkeys(patterns)),
        "group_total": view.measure.shown(value),
        "share_pct": view.share_of(members),
        "cluster_share_pct": view.cluster_share(value),
        "matched_count": len(members),
        "members": [],
        **totals(view),
        "means": means.block(group=means.together(members)),
        "metadata": metadata(
            view.dataset, now, window=view.window, measure=view.measure, warnings=view.cluster_warnings(members)
        ),
    }
    fill(
        answer,
        page,
        len(members),
        lambda position: (share_row(view, means, members[position]),),
        ("members",),
        generation=view.dataset.generation,
    )
    return answer
