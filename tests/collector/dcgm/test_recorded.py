"""Pages that exporters wrote on real machines, under `recorded/`; its README tells where each was published."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.dcgm.exposition import parse_exposition
from collector.observations import GpuDevice

RECORDED = Path(__file__).parent / "recorded"
MIB = 2**20
DYNAMO = ("dynamo-workload", "vllm-agg-0-vllmdecodeworker-s65j5")


def page(name: str) -> tuple[GpuDevice, ...]:
    return parse_exposition((RECORDED / f"{name}.prom").read_text())


@pytest.mark.parametrize(
    ("name", "node", "uuid", "used", "free"),
    [
        ("t4_docker", "424773df46e0", "GPU-20c56d28-0da5-6d26-a36a-e7af1ce2586e", 0, 15109),
        ("l40s_idle", "gpu1-wl8sg", "GPU-5b4e07f6-3a86-4340-039d-25f2a83cdc43", 0, 45459),
        ("l4_idle", "i-030791dc5a37cd257", "GPU-c2f76b33-7953-256e-8f33-1343419b1a1c", 0, 22563),
        ("a100_vgpu", "conformance-test-np1-qcqc8-bpdtl-wv2gs", "GPU-44d2411e-1604-478f-aa96-5a3c00000000", 0, 9323),
    ],
)
def test_an_idle_gpu_is_one_whole_device_at_zero_that_nobody_holds(
    name: str, node: str, uuid: str, used: int, free: int
) -> None:
    assert page(name) == (GpuDevice(node, uuid, None, 1.0, 0.0, used * MIB, free * MIB, ()),)


def test_a_busy_gpu_counts_its_utilisation_and_not_its_active_cycles() -> None:
    # 91 % of the time a kernel ran, on 15.6 % of the cycles: the rule takes the first.
    (device,) = page("t4_busy")
    assert (device.node, device.utilisation, device.holders) == ("cp-bm14r7", 0.91, ())
    assert (device.memory_used, device.memory_free) == (5120 * MIB, 9791 * MIB)


def test_one_of_eight_gpus_is_named_and_the_others_carry_no_pod_labels() -> None:
    devices = page("h100_partly_labelled")
    assert len({device.uuid for device in devices}) == 8
    assert {device.node for device in devices} == {"gpu-node-1"}
    assert [device.holders for device in devices] == [(DYNAMO,), *[()] * 7]
    assert [device.utilisation for device in devices] == [0.0] * 8
    assert {(device.memory_used, device.memory_free) for device in devices} == {(None, None)}


def test_a_mig_instance_replaces_its_gpu_which_the_same_page_reports_too() -> None:
    # The GPU's 4845 MiB are not the instance's, whose framebuffer this version does not report.
    (device,) = page("a100_mig_2.4.0-rc.2")
    assert (device.node, device.instance, device.holders) == ("ub20-a100-k8s", "13", ())
    assert device.share == pytest.approx(1 / 7)
    assert (device.utilisation, device.memory_used, device.memory_free) == (0.995687, None, None)


def test_a_page_without_the_fields_that_are_read_has_no_devices() -> None:
    assert page("readme_2.3.5") == ()


def test_every_recorded_page_has_its_source_told() -> None:
    told = (RECORDED / "README.md").read_text()
    assert [file.name for file in RECORDED.glob("*.prom") if f"| `{file.name}` |" not in told] == []
