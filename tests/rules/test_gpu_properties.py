"""What holds of GPUs whatever nodes advertise, exporters show and pods ask for.

A history is some ticks of a node of real GPUs: its plugin and its exporter come and go, and pods hold units of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.accounting.gpu_attribution import GpuUsage
from collector.accounting.gpu_memory import GpuMemory
from collector.accounting.gpu_places import sight
from collector.accounting.gpu_units import GpuUnits
from collector.accounting.gpus import gpus_of
from collector.observations import Cluster, GpuDevice, Node, Pod
from tests.support.examples import examples
from tests.support.gpus import GPU, INTERVAL, device, node, pod, reading, spans

many = settings(max_examples=examples(200), deadline=None)

TOLERANCE = 1e-9
ROUGHLY = 1e-6


@dataclass(frozen=True)
class Machine:
    """Real GPUs, each sold so many times; whether labels tell that."""

    gpus: int
    clients: int
    told: bool

    def node(self, plugin: bool, healthy: int) -> Node:
        """As it is advertised; of the units so many are healthy."""
        hints = {"nvidia.com/gpu.replicas": str(self.clients)} if self.told else {}
        units = self.gpus * self.clients if plugin else 0
        return node(gpus=units, allocatable=min(healthy, units), hints=hints)


@dataclass(frozen=True)
class Moment:
    """One tick: whether plugin and exporters are there, which GPUs are shown, whom they name and how busy they are."""

    plugin: bool
    exporters: bool
    shown: tuple[bool, ...]
    named: tuple[tuple[int, ...], ...]
    busy: tuple[float | None, ...]
    healthy: int


machines = st.builds(Machine, st.integers(1, 4), st.integers(1, 4), st.booleans())
pods_of = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3)), max_size=5)
use = st.one_of(st.none(), st.floats(0, 1))
moments = st.builds(
    Moment,
    st.booleans(),
    st.booleans(),
    st.tuples(*[st.booleans()] * 4),
    st.tuples(*[st.lists(st.integers(0, 6), max_size=3).map(tuple)] * 4),
    st.tuples(*[use] * 4),
    st.integers(0, 16),
)
histories = st.lists(moments, min_size=1, max_size=8)


def bound(machine: Machine, wanted: list[tuple[str, int]]) -> tuple[Pod, ...]:
    """The pods that the scheduler places: no more units than there are."""
    left, placed = machine.gpus * machine.clients, []
    for number, (namespace, units) in enumerate(wanted):
        if units <= left:
            left -= units
            placed.append(pod(f"{namespace}/{number}", units))
    return tuple(placed)


def devices(machine: Machine, moment: Moment, pods: tuple[Pod, ...]) -> tuple[GpuDevice, ...] | None:
    if not moment.exporters:
        return None
    found = []
    for number in range(machine.gpus):
        holders = [f"{pods[i].namespace}/{pods[i].name}" for i in moment.named[number] if i < len(pods)]
        if moment.shown[number]:
            found.append(device(f"GPU-{number}", *holders, busy=moment.busy[number]))
    return tuple(found)


def ticks(
    machine: Machine, pods: tuple[Pod, ...], history: list[Moment]
) -> list[tuple[Node, GpuUnits, GpuUsage | None]]:
    memory: GpuMemory = {}
    found = []
    for number, moment in enumerate(history, 1):
        there = machine.node(moment.plugin, moment.healthy)
        cluster = Cluster(None, {}, spans(there), (there,), ())
        sighting = sight(reading(devices(machine, moment, pods), (there,), pods), INTERVAL)
        gpus = gpus_of(cluster, sighting, memory, time=number * INTERVAL, entry=str, configured=True)
        memory = gpus.units.memory
        found.append((there, gpus.units, gpus.usage))
    return found


@many
@given(machines, pods_of, histories)
def test_nobody_uses_more_than_there_is(machine: Machine, wanted: list[tuple[str, int]], history: list[Moment]) -> None:
    pods = bound(machine, wanted)
    for there, units, usage in ticks(machine, pods, history):
        held = {"g1": sum(map(units.holds, pods))}
        node_gpus = units.of_nodes(spans(there), held, INTERVAL)
        capacity = node_gpus["g1"].capacity if node_gpus else 0.0
        uses = [*usage.entries.values(), usage.unattributed] if usage else []
        assert sum((each.gpu or 0.0) for each in uses if each) <= capacity + ROUGHLY
        assert all(each.gpu is None or each.gpu >= 0 for each in uses if each)


@many
@given(machines, pods_of, histories)
def test_what_is_held_is_allocatable_and_what_is_allocatable_is_there(
    machine: Machine, wanted: list[tuple[str, int]], history: list[Moment]
) -> None:
    pods = bound(machine, wanted)
    for there, units, _ in ticks(machine, pods, history):
        held = sum(map(units.holds, pods))
        for gpus in units.of_nodes(spans(there), {"g1": held}, INTERVAL).values():
            assert held <= gpus.allocatable + TOLERANCE
            assert gpus.allocatable <= gpus.capacity + TOLERANCE


@many
@given(machines, histories)
def test_once_it_is_known_no_unit_changes_its_worth_and_no_gpu_goes(machine: Machine, history: list[Moment]) -> None:
    # Three ticks in which all is there; then exporters and plugin come and go for less than an hour.
    whole = Moment(True, True, (True,) * 4, ((),) * 4, (0.0,) * 4, 16)
    for there, units, _ in ticks(machine, (), [whole] * 3 + history)[2:]:
        assert abs(units.worth(there, GPU) - 1 / machine.clients) < TOLERANCE
        assert abs(units.gpus(there) - machine.gpus) < TOLERANCE


@many
@given(machines, pods_of, moments)
def test_what_one_exporter_does_not_show_touches_nobody_on_another_node(
    machine: Machine, wanted: list[tuple[str, int]], moment: Moment
) -> None:
    pods = bound(machine, wanted)
    there, other = machine.node(moment.plugin, moment.healthy), node("g2")
    mine = pod("mine/0", on="g2")
    shown = (*(devices(machine, moment, pods) or ()), device("GPU-x", "mine/0", on="g2", busy=0.8))
    cluster = Cluster(None, {}, spans(there, other), (there, other), ())
    sighting = sight(reading(shown, (there, other), (*pods, mine)), INTERVAL)
    usage = gpus_of(cluster, sighting, {}, time=INTERVAL, entry=str, configured=True).usage
    assert usage is not None
    assert usage.entries["mine"].gpu == 0.8
