"""GPUs from pages in the DCGM exporter's format to the books, an hour each with one tick a step.

The labelled pages are of a node with two Tesla T4 of 15 GiB (used and free): `ml/train-0` at 87 % with 10 GiB in use
and `vision/serve-5c9d-x2x` at 12 % with 2 GiB.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.store.rates import RateChange
from tests.rules.telling import Column, Told, at, column, machine, published, special, ticks, work

PAGES = Path(__file__).parents[1] / "collector" / "dcgm" / "data"
START, END = "2026-11-21T13:00", "2026-11-21T14:00"
TWO_GPUS = {"nvidia.com/gpu": "2"}
ONE_GPU = {"nvidia.com/gpu": "1"}


def page(name: str) -> str:
    return (PAGES / f"{name}.prom").read_text()


def holding(namespace: str, name: str, gpu: dict[str, str], node: str = "gpu-node-1") -> Any:
    return work(namespace, name, cores=0.0, node=node, gpu=gpu)


TRAIN = holding("ml", "train-0", ONE_GPU)
SERVE = holding("vision", "serve-5c9d-x2x", ONE_GPU)
T4_NODE = machine("gpu-node-1", gpu=TWO_GPUS)


def hour_of(directory: Path, told: Told, *rates: RateChange) -> dict[str, Any]:
    document: dict[str, Any] = published(directory, ticks(told, START, END), *rates)["hourly_7d"]
    return document


def used(document: dict[str, Any], name: str) -> Column:
    """GPU-hours and GiB-hours."""
    return [*column(document, name, "usage", "gpu"), *column(document, name, "usage", "gpu_memory")]


def test_labelled_devices_are_charged_to_the_pods_they_name(tmp_path: Path) -> None:
    # Of 2 GPUs 0.87 + 0.12 are used, 1.01 idle; of 30 GiB 10 + 2, 18 idle.
    told = Told([TRAIN, SERVE], [T4_NODE], exporters=[page("labelled")], dcgm=True)
    hourly = hour_of(tmp_path, told)
    assert used(hourly, "ml") == pytest.approx([0.87, 10.0])
    assert used(hourly, "vision") == pytest.approx([0.12, 2.0])
    assert column(hourly, "ml", "requests", "gpu") == [1.0]
    assert column(hourly, "ml", "requests", "gpu_memory") == [None]
    assert special(hourly, "idle", "gpu") == [pytest.approx(1.01)]
    assert special(hourly, "idle", "gpu_memory") == [pytest.approx(18.0)]
    assert (hourly["capacity"]["gpu"], hourly["capacity"]["gpu_memory"]) == ([2.0], [30.0])
    assert hourly["coverage"]["dcgm"] == [1.0]


def test_a_device_without_a_pod_that_is_in_use_is_unattributed(tmp_path: Path) -> None:
    # The second device names nobody and nobody holds it: its 40 % and 2 GiB are somebody's all the same.
    told = Told([TRAIN], [T4_NODE], exporters=[page("partly_labelled")], dcgm=True)
    hourly = hour_of(tmp_path, told)
    assert used(hourly, "ml") == pytest.approx([0.87, 10.0])
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.40)]
    assert special(hourly, "unattributed", "gpu_memory") == [pytest.approx(2.0)]
    assert special(hourly, "idle", "gpu") == [pytest.approx(0.73)]


@pytest.mark.parametrize(("per_cent", "unattributed"), [(4, None), (5, 0.05)])
def test_a_device_without_a_pod_is_idle_below_five_per_cent(
    tmp_path: Path, per_cent: int, unattributed: float | None
) -> None:
    # 2 GPUs, ml uses 0.87 of one: 1.13 are left.
    quiet = re.sub(r"(DCGM_FI_DEV_GPU_UTIL\{[^}]*nvidia1[^}]*\}) 40", rf"\1 {per_cent}", page("partly_labelled"))
    hourly = hour_of(tmp_path, Told([TRAIN], [T4_NODE], exporters=[quiet], dcgm=True))
    if unattributed is None:
        assert "unattributed" not in hourly["special"]
    else:
        assert special(hourly, "unattributed", "gpu") == [pytest.approx(unattributed)]
    assert special(hourly, "idle", "gpu") == [pytest.approx(1.13 - (unattributed or 0.0))]


def test_a_held_device_whose_labels_name_no_pod_is_unattributed(tmp_path: Path) -> None:
    # The same page, but vision holds a GPU as well: 40 % and 2 GiB of it cannot be told whose.
    told = Told([TRAIN, SERVE], [T4_NODE], exporters=[page("partly_labelled")], dcgm=True)
    hourly = hour_of(tmp_path, told)
    assert used(hourly, "ml") == pytest.approx([0.87, 10.0])
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.40)]
    assert special(hourly, "unattributed", "gpu_memory") == [pytest.approx(2.0)]
    assert column(hourly, "vision", "requests", "gpu") == [1.0]
    assert column(hourly, "vision", "usage", "gpu") == [0.0]
    assert special(hourly, "idle", "gpu") == [pytest.approx(0.73)]


def test_without_labels_what_pods_hold_is_unattributed(tmp_path: Path) -> None:
    # Two devices at 87 % and 0 %, one pod holding one: the busy one.
    told = Told([TRAIN], [T4_NODE], exporters=[page("unlabelled")], dcgm=True)
    hourly = hour_of(tmp_path, told)
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.87)]
    assert special(hourly, "idle", "gpu") == [pytest.approx(1.13)]


def test_a_time_sliced_device_is_split_equally_and_its_requests_are_divided(tmp_path: Path) -> None:
    """One GPU sold four times; three pods hold a replica each, two of ml and one of vision; it is 60 % busy.

    Usage 0.6 x 2/3 = 0.4 and 0.6 x 1/3 = 0.2; requests 2/4 and 1/4; capacity is one GPU, not four.
    """
    node = machine("gpu-node-1", labels={"nvidia.com/gpu.replicas": "4"}, gpu={"nvidia.com/gpu": "4"})
    pods = [holding(ns, name, ONE_GPU) for ns, name in (("ml", "nb-0"), ("ml", "nb-1"), ("vision", "nb-2"))]
    hourly = hour_of(tmp_path, Told(pods, [node], exporters=[page("time_slicing")], dcgm=True))
    # 6 GiB in use: 4 and 2.
    assert used(hourly, "ml") == pytest.approx([0.4, 4.0])
    assert used(hourly, "vision") == pytest.approx([0.2, 2.0])
    assert column(hourly, "ml", "requests", "gpu") == [0.5]
    assert column(hourly, "vision", "requests", "gpu") == [0.25]
    assert hourly["capacity"]["gpu"] == [1.0]
    assert special(hourly, "idle", "gpu") == [pytest.approx(0.4)]


def test_a_time_sliced_device_that_names_one_of_its_pods_is_split_over_all_of_them(tmp_path: Path) -> None:
    """The same GPU and pods, from an exporter that names one pod a device: the same answer.

    Taking the label at its word would charge ml with 0.6 and 6 GiB, and vision with nothing.
    """
    node = machine("gpu-node-1", labels={"nvidia.com/gpu.replicas": "4"}, gpu={"nvidia.com/gpu": "4"})
    pods = [holding(ns, name, ONE_GPU) for ns, name in (("ml", "nb-0"), ("ml", "nb-1"), ("vision", "nb-2"))]
    lines = [line for line in page("time_slicing").splitlines(keepends=True) if 'vgpu="1"' not in line]
    one_named = "".join(line for line in lines if 'vgpu="2"' not in line).replace(',vgpu="0"', "")
    hourly = hour_of(tmp_path, Told(pods, [node], exporters=[one_named], dcgm=True))
    assert used(hourly, "ml") == pytest.approx([0.4, 4.0])
    assert used(hourly, "vision") == pytest.approx([0.2, 2.0])
    assert special(hourly, "idle", "gpu") == [pytest.approx(0.4)]


@pytest.mark.parametrize("name", ["federated", "federated_honoured"])
def test_a_gpu_that_nobody_holds_is_not_charged_to_the_exporter_that_prometheus_names(
    tmp_path: Path, name: str
) -> None:
    # The exporter runs on the node and holds no GPU; the second device's 0.40 are nobody's who can be told.
    exporter = work("gpu-operator", "nvidia-dcgm-exporter-7x2kq", cores=0.1, node="gpu-node-1")
    told = Told([TRAIN, exporter], [T4_NODE], exporters=[page(name)], dcgm=True)
    hourly = hour_of(tmp_path, told)
    assert used(hourly, "ml") == pytest.approx([0.87, 10.0])
    assert "gpu" not in hourly["namespaces"]["gpu-operator"]
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.40)]
    assert special(hourly, "idle", "gpu") == [pytest.approx(0.73)]


def test_mig_instances_count_their_slices_and_their_parent_is_not_counted_again(tmp_path: Path) -> None:
    """An A100 cut into 3g.20gb (ml, 70 % active), 1g.5gb (vision, 35 %) and a 1g.5gb that nobody holds.

    Usage 0.7 x 3/7 = 0.3 and 0.35 x 1/7 = 0.05 of 3/7 + 2 x 1/7 = 5/7 of a GPU that can be allocated; 2/7 cannot.
    """
    node = machine(
        "gpu-node-2",
        labels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig.strategy": "mixed"},
        gpu={"nvidia.com/mig-3g.20gb": "1", "nvidia.com/mig-1g.5gb": "2"},
    )
    pods = [
        holding("ml", "train-0", {"nvidia.com/mig-3g.20gb": "1"}, "gpu-node-2"),
        holding("vision", "serve-a", {"nvidia.com/mig-1g.5gb": "1"}, "gpu-node-2"),
    ]
    hourly = hour_of(tmp_path, Told(pods, [node], exporters=[page("mig")], dcgm=True))
    # 9728 MiB = 9.5 GiB and 1024 MiB = 1 GiB in use.
    assert used(hourly, "ml") == pytest.approx([0.3, 9.5])
    assert used(hourly, "vision") == pytest.approx([0.05, 1.0])
    assert column(hourly, "ml", "requests", "gpu") == [pytest.approx(3 / 7)]
    assert column(hourly, "vision", "requests", "gpu") == [pytest.approx(1 / 7)]
    assert hourly["capacity"]["gpu"] == [1.0]
    assert special(hourly, "non-allocatable", "gpu") == [pytest.approx(2 / 7)]
    assert special(hourly, "idle", "gpu") == [pytest.approx(5 / 7 - 0.35)]


def test_several_exporters_are_added_up_and_a_device_reported_twice_counts_once(tmp_path: Path) -> None:
    # The T4 node's page twice, as two addresses behind one name may give it, and the MIG node's.
    mig_node = machine(
        "gpu-node-2",
        labels={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"},
        gpu={"nvidia.com/mig-3g.20gb": "1", "nvidia.com/mig-1g.5gb": "2"},
    )
    pages = [page("labelled"), page("mig"), page("labelled")]
    hourly = hour_of(tmp_path, Told([TRAIN, SERVE], [T4_NODE, mig_node], exporters=pages, dcgm=True))
    # ml's train-0 is on the first node and holds nothing of the second, whose page names it (0.7 x 3/7 = 0.3), as it
    # does a pod of vision that is not there (0.35 / 7 = 0.05).
    assert column(hourly, "ml", "usage", "gpu") == [pytest.approx(0.87)]
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.35)]
    assert hourly["capacity"]["gpu"] == [3.0]


def test_a_node_whose_exporter_is_down_makes_use_of_its_holders_unknown_and_nobody_elses(tmp_path: Path) -> None:
    # hpc holds both GPUs of the other node, whose exporter does not answer.
    other = machine("gpu-node-3", gpu=TWO_GPUS)
    solve = holding("hpc", "solve", TWO_GPUS, "gpu-node-3")
    told = Told([TRAIN, SERVE, solve], [T4_NODE, other], exporters=[page("labelled")], dcgm=True)
    hourly = hour_of(tmp_path, told)
    assert used(hourly, "ml") == pytest.approx([0.87, 10.0])
    assert used(hourly, "vision") == pytest.approx([0.12, 2.0])
    assert used(hourly, "hpc") == [None, None]
    assert column(hourly, "hpc", "requests", "gpu") == [2.0]
    assert column(hourly, "hpc") == [0.0]
    assert hourly["capacity"]["gpu"] == [4.0]
    assert special(hourly, "idle", "gpu") == [None]
    assert special(hourly, "unmeasured", "gpu") == [pytest.approx(4 - 0.99)]
    # Of the GPUs that are shown.
    assert hourly["capacity"]["gpu_memory"] == [30.0]


def test_the_idle_is_known_where_nobody_holds_what_is_not_shown(tmp_path: Path) -> None:
    told = Told([TRAIN, SERVE], [T4_NODE, machine("gpu-node-3", gpu=TWO_GPUS)], exporters=[page("labelled")], dcgm=True)
    assert special(hour_of(tmp_path, told), "idle", "gpu") == [pytest.approx(4 - 0.99)]


@pytest.mark.parametrize(("configured", "coverage"), [(False, None), (True, 0.0)], ids=["not configured", "down"])
def test_without_an_exporter_gpu_usage_is_unknown_and_requests_still_count(
    tmp_path: Path, configured: bool, coverage: float | None
) -> None:
    hourly = hour_of(tmp_path, Told([TRAIN, SERVE], [T4_NODE], dcgm=configured))
    assert hourly["coverage"]["dcgm"] == [coverage]
    assert hourly["capacity"]["gpu"] == [2.0]
    assert column(hourly, "ml", "usage", "gpu") == [None]
    assert column(hourly, "ml", "requests", "gpu") == [1.0]
    assert special(hourly, "idle", "gpu") == [None]
    assert special(hourly, "unmeasured", "gpu") == [2.0]
    assert column(hourly, "ml") == [0.0]


def test_a_device_that_does_not_tell_its_utilisation_leaves_its_pod_unknown_and_the_others_known(
    tmp_path: Path,
) -> None:
    # One T4 with a blank utilisation that ml holds; vision holds a GPU of the labelled page on another node, whose
    # other one names a pod that is not there: 0.87 are unattributed.
    blank = page("blank").replace('DCGM_FI_DRIVER_VERSION="550.90.07"', 'namespace="ml",pod="train-0"')
    labelled = page("labelled").replace("gpu-node-1", "gpu-node-3").replace("GPU-604ac76c", "GPU-aaaaaaaa")
    nodes = [machine("gpu-node-1", gpu=ONE_GPU), machine("gpu-node-3", gpu=TWO_GPUS)]
    serve = holding("vision", "serve-5c9d-x2x", ONE_GPU, "gpu-node-3")
    told = Told([TRAIN, serve], nodes, exporters=[blank, labelled], dcgm=True)
    hourly = hour_of(tmp_path, told)
    assert column(hourly, "ml", "usage", "gpu") == [None]
    assert column(hourly, "vision", "usage", "gpu") == [pytest.approx(0.12)]
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.87)]
    assert special(hourly, "idle", "gpu") == [None]
    assert special(hourly, "unmeasured", "gpu") == [pytest.approx(3 - 0.12 - 0.87)]


def test_gpus_of_a_finished_pod_are_not_its_whatever_the_labels_say(tmp_path: Path) -> None:
    # Its 0.87 are somebody's who cannot be told.
    done = work("ml", "train-0", node="gpu-node-1", gpu=ONE_GPU, phase="Succeeded")
    told = Told([done, SERVE], [T4_NODE], exporters=[page("labelled")], dcgm=True)
    hourly = hour_of(tmp_path, told)
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.87)]
    assert special(hourly, "idle", "gpu") == [pytest.approx(1.01)]
    assert "gpu" not in hourly["namespaces"]["ml"]


def test_what_is_unattributed_is_unknown_too_while_an_exporter_is_down(tmp_path: Path) -> None:
    # An hour at 40 % unattributed, an hour without an answer in which it may have been anything, an hour again.
    told = Told([TRAIN, SERVE], [T4_NODE], exporters=[page("partly_labelled")], dcgm=True)
    samples = ticks(told, START, END)
    samples += ticks(replace(told, exporters=None), END, "2026-11-21T15:00")
    samples += ticks(told, "2026-11-21T15:00", "2026-11-21T16:00")
    found = published(tmp_path, samples)
    assert special(found["hourly_7d"], "unattributed", "gpu") == pytest.approx([0.4, None, 0.4])
    assert special(found["daily_14d"], "unattributed", "gpu") == pytest.approx([0.8])
    assert special(found["daily_14d"], "unmeasured", "gpu") == pytest.approx([2.0])


def test_gpu_memory_in_use_of_an_unknown_capacity_is_unknown(tmp_path: Path) -> None:
    """20 minutes in which ml has 10 GiB in use, then it gives its GPU back while the exporter fails.

    That it used nothing then is known, and the mean of 10, 10, 10, 10 and eight zeros would be 3.33 GiB; but of the
    30 GiB that this is a part of only 4 of 12 steps are known.
    """
    shop = work("shop", cores=1.0, node="gpu-node-1")
    told = Told([TRAIN, shop], [T4_NODE], exporters=[page("labelled")], dcgm=True)
    after = Told([shop], [T4_NODE], namespaces={"ml": {}}, dcgm=True)
    samples = ticks(told, START, "2026-11-21T13:20") + ticks(after, "2026-11-21T13:20", END)
    samples += ticks(told, END, "2026-11-21T15:00")
    hourly = published(tmp_path, samples)["hourly_7d"]
    assert column(hourly, "ml", "usage", "gpu") == pytest.approx([0.87 / 3, 0.87])
    assert column(hourly, "ml", "usage", "gpu_memory") == pytest.approx([None, 10.0])
    assert hourly["capacity"]["gpu_memory"] == [None, 30.0]


def test_no_answer_is_expected_of_exporters_while_none_is_configured(tmp_path: Path) -> None:
    # 6 hours without the setting, 3 with it of which the last half hour fails: 30 of 36 steps.
    told = Told([TRAIN, SERVE], [T4_NODE], exporters=[page("labelled")], dcgm=True)
    samples = ticks(replace(told, dcgm=False), "2026-11-21T00:00", "2026-11-21T06:00")
    samples += ticks(told, "2026-11-21T06:00", "2026-11-21T08:30")
    samples += ticks(replace(told, exporters=None), "2026-11-21T08:30", "2026-11-21T09:00")
    found = published(tmp_path, samples)
    assert found["hourly_7d"]["coverage"]["dcgm"] == [*[None] * 6, 1.0, 1.0, 0.5]
    assert found["daily_14d"]["coverage"]["dcgm"] == [pytest.approx(30 / 36)]
    assert column(found["daily_14d"], "ml", "usage_hours", "gpu") == [3.0]
    assert column(found["daily_14d"], "ml", "usage", "gpu") == [pytest.approx(3 * 0.87)]


def test_gpus_have_their_part_of_the_bill(tmp_path: Path) -> None:
    """12.00 an hour on a node of 10 cores, 40 GiB and 2 GPUs with weights of 0.25, 0.25 and 0.5.

    The GPUs are 6.00 an hour, 3.00 a GPU-hour: ml 0.87 x 3 = 2.61, vision 0.12 x 3 = 0.36, idle 3.03.
    """
    rate = RateChange(at(START), 12.0, "$", {"cpu": 0.25, "memory": 0.25, "gpu": 0.5})
    told = Told([TRAIN, SERVE], [T4_NODE], exporters=[page("labelled")], dcgm=True)
    daily = published(tmp_path, ticks(told, START, END), rate)["daily_14d"]
    assert daily["bill"] == {"cpu": [3.0], "memory": [3.0], "gpu": [6.0]}
    assert column(daily, "ml", "cost", "gpu") == [pytest.approx(2.61)]
    assert column(daily, "vision", "cost", "gpu") == [pytest.approx(0.36)]
    assert special(daily, "idle", "gpu", "cost") == [pytest.approx(3.03)]
    assert "cost" not in daily["namespaces"]["ml"]["gpu_memory"]
    assert "gpu_memory" not in daily["bill"]
