"""An interval, and what is stored of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from collector.accounting.measured_usage import MeasuredUsage
from collector.accounting.observation import account_interval, observe
from collector.model import TickSample
from collector.observations import GpuDevice, Node, NodeSpan, Pod, PodMetrics, PodSpan
from tests.support.observed import MOMENT, cluster, node, reading

TIME = int(MOMENT)


def sample_of(
    pods: Iterable[Pod | PodSpan] = (),
    items: Iterable[PodMetrics] | None = None,
    *,
    measured: MeasuredUsage | None = None,
    namespaces: Iterable[str] | Mapping[str, Mapping[str, str]] = (),
    nodes: Iterable[Node | NodeSpan] | None = None,
    interval: int = 300,
    charged: Callable[[str], bool] = lambda _: True,
    devices: tuple[GpuDevice, ...] | None = None,
    exporters: bool = False,
    claimed: Mapping[str, float | None] | None = MappingProxyType({}),
) -> TickSample:
    """Accounts for these pods, of which metrics-server listed `items` and exporters show `devices` at the end."""
    present = [each.pod if isinstance(each, PodSpan) else each for each in pods]
    machines = [each.node if isinstance(each, NodeSpan) else each for each in nodes or (node(),)]
    seen = replace(cluster(pods, interval=interval, namespaces=namespaces, nodes=nodes), claimed=claimed)
    observation = observe(reading(present, items, nodes=machines, devices=devices), interval, charged)
    if measured is not None:
        observation = replace(observation, measured=measured)
    sample, _ = account_interval(
        seen, observation, {}, time=TIME, interval=interval, charged=charged, dcgm_configured=exporters
    )
    return sample
