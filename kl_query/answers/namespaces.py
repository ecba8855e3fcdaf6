"""list_namespaces: who is in the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from kl_core.vocabulary import SPECIAL_ENTRIES, Special
from kl_query.dataset.model import Dataset, Namespace
from kl_query.date_windows import instant
from kl_query.fields import Instant, LazyRows, RecordedSince, doc
from kl_query.measures.by_layout import layout_of
from kl_query.metadata import Metadata, metadata
from kl_query.selection import listed, match


@dataclass(frozen=True, slots=True)
class NamespaceLine:
    """A namespace that has samples in the window."""

    name: str
    type: Annotated[str, doc("system (kube-*, openshift-*) or application")]
    active: Annotated[bool | None, doc("Named by the last listing of the cluster")]
    first_seen: Instant | None
    last_seen: Instant | None


@dataclass(frozen=True, slots=True)
class SpecialEntry:
    """A row of the books that is not a namespace."""

    name: str
    role: str
    description: str


@dataclass(frozen=True, slots=True)
class MatchedCounts:
    """Over all that match, listed or not."""

    application: int
    system: int
    special: int
    active: int
    inactive: int


@dataclass(frozen=True, slots=True)
class ListNamespacesResult:
    """Namespaces and special entries."""

    namespaces: Sequence[NamespaceLine]
    special_entries: Sequence[SpecialEntry]
    recorded_since: RecordedSince
    counts: MatchedCounts
    metadata: Metadata


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
    dataset: Dataset, *, kind: str | None, active: bool | None, patterns: Sequence[str] | None, sort: str
) -> ListNamespacesResult:
    """Return the namespaces that match, special entries, and counts over all that match.

    Raises ToolArgumentError for a pattern that matches nothing.
    """
    names = listed(dataset) if patterns is None else match(dataset, patterns, "namespaces")
    kept = [r for r in (dataset.namespaces[name] for name in names) if active is None or r.active == active]
    typed = [r for r in kept if kind is None or kind_of(dataset, r.name) == kind]
    ordered = sorted(typed, key=lambda record: (-(getattr(record, sort, None) or 0), record.name))
    occurring = [entry for entry in SPECIAL_ENTRIES if any(entry in scale.special for scale in dataset.scales.values())]
    system = sum(1 for r in kept if dataset.is_system(r.name))
    return ListNamespacesResult(
        namespaces=LazyRows(len(ordered), lambda place: _line(dataset, ordered[place])),
        special_entries=[
            SpecialEntry(name=entry, role=SPECIAL_ROLES[entry][0], description=SPECIAL_ROLES[entry][1])
            for entry in occurring
        ],
        recorded_since=instant(dataset.recorded_since),
        counts=MatchedCounts(
            application=len(kept) - system,
            system=system,
            special=len(occurring),
            active=sum(1 for r in kept if r.active),
            inactive=sum(1 for r in kept if r.active is False),
        ),
        metadata=metadata(
            dataset,
            money=False,
            warnings=layout_of(dataset).last_seen_warnings(dataset, (record.last_seen for record in typed)),
        ),
    )


def kind_of(dataset: Dataset, name: str) -> str:
    """Return whether a namespace is of the system or an application."""
    return "system" if dataset.is_system(name) else "application"


def _line(dataset: Dataset, record: Namespace) -> NamespaceLine:
    return NamespaceLine(
        name=record.name,
        type=kind_of(dataset, record.name),
        active=record.active,
        first_seen=instant(record.first_seen),
        last_seen=instant(record.last_seen),
    )
