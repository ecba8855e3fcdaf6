"""Recorded pages of real exporters, served over HTTP at several addresses of one name, accounted and published.

Each address of loopback stands for a node's exporter, all on one port as behind a headless service.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.accounting.gpu_memory import NodeMemory
from collector.dcgm.scrape import scrape
from collector.model import TickSample
from tests.rules.telling import Column, Told, Work, at, column, machine, published, special, ticks, work
from tests.support.scripted_http import Answer, serving

RECORDED = Path(__file__).parents[1] / "collector" / "dcgm" / "recorded"
ONE_GPU = {"nvidia.com/gpu": "1"}
T4 = machine("cp-bm14r7", gpu=ONE_GPU)
L4 = machine("i-030791dc5a37cd257", gpu=ONE_GPU)
L40S = machine("gpu1-wl8sg", gpu=ONE_GPU)
H100 = machine("gpu-node-1", gpu={"nvidia.com/gpu": "8"})
Exporters = tuple[str, list[str]]
"""URL, and the addresses behind its name."""


def holder(namespace: str, name: str, node: str, gpu: dict[str, str] | None = None) -> Work:
    return work(namespace, name, cores=0.0, node=node, gpu=gpu or ONE_GPU)


VLLM = holder("dynamo-workload", "vllm-agg-0-vllmdecodeworker-s65j5", "gpu-node-1")
CHAT = holder("chat", "llm-0", "cp-bm14r7")


@contextmanager
def exporters(*pages: str, down: int = 0) -> Iterator[Exporters]:
    """A server per page at 127.0.0.1, .2, …; `down` more addresses at which nothing listens."""
    with ExitStack() as stack:
        port, addresses = 0, []
        for number, page in enumerate(pages, start=1):
            body = (RECORDED / f"{page}.prom").read_bytes()
            addresses.append(f"127.0.0.{number}")
            server = stack.enter_context(
                serving(lambda _, body=body: Answer(200, body), host=addresses[-1], port=port)  # type: ignore[misc]
            )
            port = server.port
        addresses += [f"127.0.0.{len(pages) + number}" for number in range(1, down + 1)]
        yield f"http://dcgm.gpu-operator.svc:{port}/metrics", addresses


def hour_of(directory: Path, behind: Exporters, works: Sequence[Work], nodes: Sequence[Any]) -> dict[str, Any]:
    """The hourly books of 13 to 14 h, with a scrape at each of its twelve ticks."""
    url, addresses = behind
    told, start = Told(works, nodes, dcgm=True), at("2026-11-21T13:00")
    samples: list[TickSample] = []
    memory: dict[str, NodeMemory] = {}
    for time in range(start, start + 3600, 300):
        result = scrape([url], 5.0, lambda host, port: addresses, sleep=lambda _: None)
        samples += ticks(replace(told, devices=result.devices), time, time + 300, memory=memory)
    document: dict[str, Any] = published(directory, samples)["hourly_7d"]
    return document


def used(document: dict[str, Any], name: str) -> Column:
    """GPU-hours and GiB-hours of a special entry."""
    return [*special(document, name, "gpu"), *special(document, name, "gpu_memory")]


def test_a_busy_gpu_that_a_pod_holds_and_no_label_names_is_unattributed(tmp_path: Path) -> None:
    # Utilisation 91: 0.91 of 1 GPU; 5120 MiB = 5 GiB used, 9791 MiB free, 14911 MiB in all.
    with exporters("t4_busy") as behind:
        hourly = hour_of(tmp_path, behind, [CHAT], [T4])
    assert used(hourly, "unattributed") == pytest.approx([0.91, 5.0])
    assert used(hourly, "idle") == pytest.approx([0.09, 9791 / 1024])
    assert hourly["capacity"]["gpu"] == [1.0]
    assert hourly["capacity"]["gpu_memory"] == [pytest.approx(14911 / 1024)]
    assert column(hourly, "chat", "requests", "gpu") == [1.0]
    assert column(hourly, "chat", "usage", "gpu") == [0.0]


def test_the_same_gpu_is_unattributed_too_where_no_pod_holds_it(tmp_path: Path) -> None:
    # Somebody uses it without a request.
    with exporters("t4_busy") as behind:
        hourly = hour_of(tmp_path, behind, [], [T4])
    assert used(hourly, "unattributed") == pytest.approx([0.91, 5.0])
    assert used(hourly, "idle") == pytest.approx([0.09, 9791 / 1024])


def test_one_named_gpu_of_eight_is_charged_to_its_pod(tmp_path: Path) -> None:
    # All eight are at 0 %: the pod used 0 of the 1 it asked for, 8 are idle. No page told framebuffer: unknown, not 0.
    with exporters("h100_partly_labelled") as behind:
        hourly = hour_of(tmp_path, behind, [VLLM], [H100])
    assert column(hourly, "dynamo-workload", "usage", "gpu") == [0.0]
    assert column(hourly, "dynamo-workload", "requests", "gpu") == [1.0]
    assert "gpu_memory" not in hourly["namespaces"]["dynamo-workload"]
    assert "gpu_memory" not in hourly["capacity"]
    assert special(hourly, "idle", "gpu") == [8.0]
    assert "unattributed" not in hourly["special"]
    assert hourly["coverage"]["dcgm"] == [1.0]


def test_a_mig_instance_counts_a_seventh_and_its_gpu_is_not_counted_again(tmp_path: Path) -> None:
    # 0.995687 of an instance 1g.5gb: 0.995687 / 7 = 0.142241 of 1/7 = 0.142857; nobody is named. The GPU is one, of
    # which 6/7 are cut up into nothing that could be allocated.
    slice_of = {"nvidia.com/mig-1g.5gb": "1"}
    node = machine("ub20-a100-k8s", labels={"nvidia.com/gpu.product": "A100-SXM4-40GB"}, gpu=slice_of)
    with exporters("a100_mig_2.4.0-rc.2") as behind:
        hourly = hour_of(tmp_path, behind, [holder("hpc", "gemm", "ub20-a100-k8s", slice_of)], [node])
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.142241)]
    assert special(hourly, "idle", "gpu") == [pytest.approx(0.000616142857)]
    assert hourly["capacity"]["gpu"] == [1.0]
    assert special(hourly, "non-allocatable", "gpu") == [pytest.approx(6 / 7)]
    assert column(hourly, "hpc", "requests", "gpu") == [pytest.approx(1 / 7)]


def test_instances_that_the_page_does_not_show_make_gpu_usage_unknown(tmp_path: Path) -> None:
    # The node advertises seven instances, the page has one, which names nobody: hpc's may be another.
    node = machine("ub20-a100-k8s", gpu={"nvidia.com/mig-1g.5gb": "7"})
    pod = holder("hpc", "gemm", "ub20-a100-k8s", {"nvidia.com/mig-1g.5gb": "1"})
    with exporters("a100_mig_2.4.0-rc.2") as behind:
        hourly = hour_of(tmp_path, behind, [pod], [node])
    assert column(hourly, "hpc", "usage", "gpu") == [None]
    assert column(hourly, "hpc", "requests", "gpu") == [pytest.approx(1 / 7)]
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.142241)]
    assert special(hourly, "idle", "gpu") == [None]
    assert special(hourly, "unmeasured", "gpu") == [pytest.approx(1 - 0.142241)]


def test_the_machines_behind_one_name_are_added_up(tmp_path: Path) -> None:
    # 8 H100, a T4 at 91 % and an L4: 10 GPUs, of which chat's pod holds the T4.
    with exporters("h100_partly_labelled", "t4_busy", "l4_idle") as behind:
        hourly = hour_of(tmp_path, behind, [VLLM, CHAT], [H100, T4, L4])
    assert hourly["capacity"]["gpu"] == [10.0]
    assert column(hourly, "dynamo-workload", "usage", "gpu") == [0.0]
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.91)]
    assert special(hourly, "idle", "gpu") == [pytest.approx(9.09)]


def test_a_machine_that_answers_at_two_addresses_counts_once(tmp_path: Path) -> None:
    with exporters("t4_busy", "t4_busy", "l4_idle") as behind:
        hourly = hour_of(tmp_path, behind, [CHAT], [T4, L4])
    assert hourly["capacity"]["gpu"] == [2.0]
    # 14911 MiB of the T4 and 22563 MiB of the L4.
    assert hourly["capacity"]["gpu_memory"] == [pytest.approx(37474 / 1024)]
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.91)]


def test_a_machine_that_refuses_connections_is_unknown_use_of_nobody_while_nobody_holds_its_gpu(
    tmp_path: Path,
) -> None:
    # The L40S is advertised and its exporter is down: 9 of 10 GPUs are seen, and the others' use is known.
    with exporters("h100_partly_labelled", "t4_busy", down=1) as behind:
        hourly = hour_of(tmp_path, behind, [VLLM, CHAT], [H100, T4, L40S])
    for name in ("dynamo-workload", "chat"):
        assert column(hourly, name, "usage", "gpu") == [0.0]
        assert column(hourly, name, "requests", "gpu") == [1.0]
    assert special(hourly, "unattributed", "gpu") == [pytest.approx(0.91)]
    assert special(hourly, "idle", "gpu") == [pytest.approx(9.09)]
    assert hourly["capacity"]["gpu"] == [10.0]


def test_a_machine_that_refuses_connections_makes_use_of_its_holder_unknown_and_requests_still_count(
    tmp_path: Path,
) -> None:
    other = holder("video", "encode", "gpu1-wl8sg")
    with exporters("h100_partly_labelled", "t4_busy", down=1) as behind:
        hourly = hour_of(tmp_path, behind, [VLLM, CHAT, other], [H100, T4, L40S])
    assert column(hourly, "video", "usage", "gpu") == [None]
    assert column(hourly, "video", "requests", "gpu") == [1.0]
    assert column(hourly, "dynamo-workload", "usage", "gpu") == [0.0]


def test_an_exporter_without_the_fields_leaves_gpu_usage_unknown(tmp_path: Path) -> None:
    with exporters("readme_2.3.5") as behind:
        hourly = hour_of(tmp_path, behind, [CHAT], [T4])
    assert column(hourly, "chat", "usage", "gpu") == [None]
    assert special(hourly, "unmeasured", "gpu") == [1.0]


@pytest.mark.parametrize(("page", "free"), [("t4_docker", 15109), ("a100_vgpu", 9323)])
def test_a_host_name_that_is_no_nodes_is_matched_by_the_number_of_gpus(tmp_path: Path, page: str, free: int) -> None:
    # The only device is the pod's; it did nothing: an `unattributed` of zero is not written, all is idle.
    with exporters(page) as behind:
        hourly = hour_of(tmp_path, behind, [holder("chat", "llm-0", "worker-1")], [machine("worker-1", gpu=ONE_GPU)])
    assert used(hourly, "idle") == pytest.approx([1.0, free / 1024])
    assert column(hourly, "chat", "usage", "gpu") == [0.0]
    assert hourly["coverage"]["dcgm"] == [1.0]
