"""What the lines of a day name, hour by hour: namespaces with their labels, and nodes with what they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.hour import NodeIs
from collector.model import NodeFacts
from collector.store.ledger.form import Header, HourLine, NodeLine
from collector.store.ledger.line_error import LineError

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Named:
    """In the order of columns. An hour whose line names nothing new shares what the hour before it has."""

    names: tuple[str, ...]
    names_by_hour: tuple[int, ...]
    """How many of them had been named."""
    labels_by_hour: tuple[Sequence[Labels], ...]
    nodes_by_hour: tuple[Mapping[str, NodeIs], ...]


def read_named(header: Header, hours: Sequence[HourLine]) -> Named:
    """Return what a day names. LineError where one is named twice, or labels are of none that was."""
    names = [each.name for each in header.namespaces]
    labels: list[Labels] = [each.labels for each in header.namespaces]
    nodes = _changed(header.nodes, {})
    _check_unique(names, 1)
    counts, labels_by_hour, nodes_by_hour = [], [], []
    for number, hour in enumerate(hours, 2):
        if hour.labels or hour.names:
            labels = labels.copy()
            for index, changed in hour.labels.items():
                labels[checked_index(index, len(names), number)] = changed
            names += [each.name for each in hour.names]
            labels += [each.labels for each in hour.names]
            _check_unique(names, number)
        nodes = _changed(hour.node_changes, nodes)
        counts.append(len(names))
        labels_by_hour.append(labels)
        nodes_by_hour.append(nodes)
    return Named(tuple(names), tuple(counts), tuple(labels_by_hour), tuple(nodes_by_hour))


def checked_index(written: str | int, names: int, number: int) -> int:
    """Return the place of a name in the order. LineError unless it is one of so many names."""
    index = int(written) if str(written).isdecimal() else -1
    if not 0 <= index < names:
        raise LineError(number, f"{written!r} is the place of none of the {names} names so far")
    return index


def _check_unique(names: Sequence[str], number: int) -> None:
    if len(set(names)) != len(names):
        raise LineError(number, "it names a namespace that the day has named before")


def _changed(changes: Sequence[NodeLine], before: Mapping[str, NodeIs]) -> Mapping[str, NodeIs]:
    return {**before, **{change.name: _node(change) for change in changes}} if changes else before


def _node(line: NodeLine) -> NodeIs:
    facts = NodeFacts(line.instance_type, line.zone, line.pool, line.capacity_type, line.labels)
    return NodeIs(facts, line.capacity, line.allocatable)
