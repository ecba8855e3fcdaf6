"""What each node came to in an hour.

What a node used is a rate of the time for which it was there, and what pods held of it a mean over the interval. The
mean of what is known stands for the other seconds in which the node was there; what is known for less than half of them
is unknown. A metric that a tick does not tell of a node is none in it: one has GPUs from when they are advertised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.accounting.hour_coverage import HourCoverage
from collector.accounting.hour_extent import UNITS_PER, Extent
from collector.hour import HourAmount, HourNode, NodeIs
from collector.model import MetricValues, NodeState
from kl_core.vocabulary import METRICS, Metric


@dataclass(slots=True)
class _ThereSum:
    """An amount, and for how many seconds in which the node was there it is unknown."""

    total: float = 0.0
    unknown: float = 0.0


@dataclass(slots=True)
class _Node:
    """A node while the ticks of its hour are added up."""

    newest: NodeState
    there: float = 0.0
    pods: int = 0
    usage: dict[Metric, _ThereSum] = field(default_factory=dict)
    requests: dict[Metric, _ThereSum] = field(default_factory=dict)

    def add(self, state: NodeState, seconds: int) -> None:
        there = state.present * seconds
        self.newest = state
        self.there += there
        self.pods += state.pods * seconds
        _add(self.usage, state.usage, there, there)
        _add(self.requests, state.requests, seconds, there)

    def amounts(self, sums: Mapping[Metric, _ThereSum], factor: float) -> dict[Metric, HourAmount]:
        return {metric: self._amount(sums[metric], factor * UNITS_PER[metric]) for metric in METRICS if metric in sums}

    def _amount(self, value: _ThereSum, units: float) -> HourAmount:
        if not self.there:
            return round(value.total * units)
        known = self.there - value.unknown
        if not known or 2 * known < self.there:
            return None
        return round(value.total * self.there / known * units)


def hour_nodes(coverage: HourCoverage, extent: Extent) -> dict[str, HourNode]:
    """Return the nodes that were there when the cluster was observed, by name; as the newest tick describes them.

    The seconds in which the cluster was not observed are like the others where what is known stands for all of an hour.
    """
    nodes: dict[str, _Node] = {}
    listed = coverage.together("kubernetes")
    for tick, seconds in coverage.listed:
        for state in tick.nodes:
            nodes.setdefault(state.name, _Node(state)).add(state, seconds)
    factor = extent.factor(listed) if listed else 0.0
    return {
        name: HourNode(
            usage=node.amounts(node.usage, factor),
            requests=node.amounts(node.requests, factor),
            present=round(node.there * factor),
            pods=round(node.pods * factor),
            what=NodeIs(node.newest.facts, _units(node.newest.capacity), _units(node.newest.allocatable)),
        )
        for name, node in sorted(nodes.items())
    }


def _add(sums: dict[Metric, _ThereSum], values: MetricValues, weight: float, there: float) -> None:
    for metric, value in values.items():
        known = sums.setdefault(metric, _ThereSum())
        if value is None:
            known.unknown += there
        else:
            known.total += value * weight


def _units(values: MetricValues) -> dict[Metric, HourAmount]:
    return {metric: None if value is None else round(value * UNITS_PER[metric]) for metric, value in values.items()}
