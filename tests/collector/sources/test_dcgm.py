"""Pages as DCGM exporters write them, under `data/`."""

from dataclasses import replace
from pathlib import Path

import pytest

from collector.errors import SourceError
from collector.model import GpuDevice
from collector.sources.dcgm import merge, parse_exposition

MIB = 2**20
FIRST = "GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52"
SECOND = "GPU-0f8c3d0e-6b8e-1c1f-8a7a-1b1f5d0c2a11"
A100 = "GPU-7d1e2f3a-4b5c-6d7e-8f90-a1b2c3d4e5f6"


def page(name: str) -> tuple[GpuDevice, ...]:
    return parse_exposition((Path(__file__).parent / "data" / f"{name}.prom").read_text())


def test_labelled_devices_are_read_with_their_pods() -> None:
    assert page("labelled") == (
        GpuDevice("gpu-node-1", FIRST, None, 1.0, 0.87, 10240.0 * MIB, 5120.0 * MIB, (("ml", "train-0"),)),
        GpuDevice("gpu-node-1", SECOND, None, 1.0, 0.12, 2048.0 * MIB, 13312.0 * MIB, (("vision", "serve-5c9d-x2x"),)),
    )


def test_empty_labels_name_no_pod() -> None:
    assert [device.holders for device in page("partly_labelled")] == [(("ml", "train-0"),), ()]


def test_absent_labels_name_no_pod() -> None:
    assert [(device.holders, device.utilisation) for device in page("unlabelled")] == [((), 0.87), ((), 0.0)]


def test_a_time_sliced_device_is_one_device_with_all_its_pods() -> None:
    (device,) = page("time_slicing")
    assert device.holders == (("ml", "nb-0"), ("ml", "nb-1"), ("vision", "nb-2"))
    assert (device.utilisation, device.memory_used, device.share) == (0.6, 6144.0 * MIB, 1.0)


def test_mig_instances_are_devices_of_their_share_and_their_parent_is_not_counted_again() -> None:
    devices = page("mig")
    assert {(device.uuid, device.node) for device in devices} == {(A100, "gpu-node-2")}
    assert [device.instance for device in devices] == ["2", "9", "10"]
    assert [device.share for device in devices] == pytest.approx([3 / 7, 1 / 7, 1 / 7])
    assert [device.utilisation for device in devices] == [0.7, 0.35, 0.0]
    assert [device.holders for device in devices] == [(("ml", "train-0"),), (("vision", "serve-a"),), ()]
    assert devices[0].memory_used == 9728 * MIB


def test_pods_of_a_page_that_prometheus_passed_on_are_the_exported_ones() -> None:
    assert [device.holders for device in page("federated")] == [(("ml", "train-0"),)]


def test_old_label_names_are_understood() -> None:
    assert [device.holders for device in page("old_names")] == [(("ml", "train-0"),)]


def test_a_blank_value_is_unknown_and_not_zero() -> None:
    (device,) = page("blank")
    assert (device.utilisation, device.memory_used, device.memory_free) == (None, 2048.0 * MIB, None)


def test_a_whole_gpu_without_utilisation_is_read_from_its_active_cycles() -> None:
    line = 'DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="0",UUID="GPU-1",Hostname="n"} 0.25\n'
    assert parse_exposition(line)[0].utilisation == 0.25


def test_a_page_without_gpus_has_no_devices() -> None:
    assert parse_exposition("") == ()
    assert parse_exposition('# TYPE up gauge\nup{job="x"} 1\n') == ()


@pytest.mark.parametrize("text", ["<html><body>login</body></html>", '{"kind": "Status"}', "DCGM_FI_DEV_FB_USED{gpu="])
def test_a_page_that_is_no_exposition_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match=r"is not Prometheus text .*is it a DCGM exporter's"):
        parse_exposition(text)


def test_several_exporters_of_one_device_are_merged_and_complete_each_other() -> None:
    first, _ = page("labelled")
    other = replace(first, holders=(("vision", "serve"),), utilisation=0.1)
    blind = replace(first, utilisation=None, memory_free=None, holders=())
    (merged,) = merge([blind, first, other])
    assert merged == replace(first, holders=(("ml", "train-0"), ("vision", "serve")))
