"""list_namespaces: who is in the books."""

from collections.abc import Sequence
from typing import Any

from kl_core.vocabulary import SPECIAL_ENTRIES, Special
from kl_query.answer_size import fill
from kl_query.dataset.model import Dataset, Namespace
from kl_query.date_windows import instant
from kl_query.measures.by_layout import layout_of
from kl_query.metadata import metadata
from kl_query.paging import PageRequest
from kl_query.selection import listed, match

SPECIAL_ROLES: dict[Special, tuple[str, str]] = {
    "non-allocatable": (
        "overhead",
        "capacity minus allocatable: operating system, kubelet, eviction reserve; no pod can use it",
    ),
    "idle": (
        "unused",
        "allocatable minus all usage; negative where usage exceeds it; at most this where pods are not measured",
    ),
    "excluded": ("unnamed_usage", "usage of the namespaces the collector is set not to report by name"),
    "unattributed": ("unnamed_usage", "GPU usage whose pod the exporter did not name"),
    "unmeasured": ("unknown", "idle and namespace usage together, for hours in which a namespace's usage is unknown"),
}


def namespaces(
    dataset: Dataset,
    now: float,
    page: PageRequest,
    *,
    kind: str | None,
    active: bool | None,
    patterns: Sequence[str] | None,
    sort: str,
) -> dict[str, Any]:
    """Return the namespaces that match, special entries, and counts over all that match.

    Raises ToolArgumentError for a pattern that matches nothing.
    """
    names = listed(dataset) if patterns is None else match(dataset, patterns, "namespaces")
    records = [dataset.namespaces[name] for name in names]
    kept = [r for r in records if active is None or r.active == active]
    typed = [r for r in kept if kind is None or _kind(dataset, r) == kind]
    ordered = sorted(typed, key=lambda record: _order(record, sort))
    warnings = layout_of(dataset).last_seen_warnings(dataset, (record.last_seen for record in typed))
    occurring = [entry for entry in SPECIAL_ENTRIES if any(entry in scale.special for scale in dataset.scales.values())]
    system = sum(1 for r in kept if dataset.is_system(r.name))
    answer: dict[str, Any] = {
        "namespaces": [],
        "special_entries": [
            {"name": entry, "role": SPECIAL_ROLES[entry][0], "description": SPECIAL_ROLES[entry][1]}
            for entry in occurring
        ],
        "recorded_since": instant(dataset.recorded_since),
        "counts": {
            "application": len(kept) - system,
            "system": system,
            "special": len(occurring),
            "active": sum(1 for r in kept if r.active),
            "inactive": sum(1 for r in kept if r.active is False),
        },
        "metadata": metadata(dataset, now, money=False, warnings=warnings),
    }
    fill(
        answer,
        page,
        len(ordered),
        lambda i: (_line(dataset, ordered[i]),),
        ("namespaces",),
        generation=dataset.generation,
    )
    return answer


def _kind(dataset: Dataset, record: Namespace) -> str:
    return "system" if dataset.is_system(record.name) else "application"


def _order(record: Namespace, sort: str) -> tuple[int, str]:
    seen = {"first_seen": record.first_seen, "last_seen": record.last_seen}.get(sort)
    return -(seen or 0), record.name


def _line(dataset: Dataset, record: Namespace) -> dict[str, Any]:
    return {
        "name": record.name,
        "type": _kind(dataset, record),
        "active": record.active,
        "first_seen": instant(record.first_seen),
        "last_seen": instant(record.last_seen),
    }
