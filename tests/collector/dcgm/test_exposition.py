"""Pages as DCGM exporters write them, under `data/`."""

from dataclasses import replace
from pathlib import Path

import pytest

from collector.dcgm.exposition import merge, parse_exposition
from collector.errors import SourceError
from collector.observations import GpuDevice

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


@pytest.mark.parametrize("name", ["federated", "federated_honoured"])
def test_pods_of_a_page_that_prometheus_passed_on_are_the_holders_and_never_the_exporter(name: str) -> None:
    # Prometheus names the exporter's own pod on the second GPU, whose labels name none.
    assert [device.holders for device in page(name)] == [(("ml", "train-0"),), ()]
    assert [device.utilisation for device in page(name)] == [0.87, 0.4]


def test_a_pod_called_like_an_exporter_holds_its_gpu_on_the_exporters_own_page() -> None:
    line = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",Hostname="n",namespace="dev",pod="dcgm-exporter-0"} 5\n'
    assert parse_exposition(line)[0].holders == (("dev", "dcgm-exporter-0"),)


def test_the_1x_compatible_names_of_metrics_and_labels_are_understood() -> None:
    (device,) = page("old_names")
    assert device == GpuDevice("gpu-node-1", FIRST, None, 1.0, 0.87, 10240.0 * MIB, 5120.0 * MIB, (("ml", "train-0"),))


def test_the_host_label_of_the_newest_exporters_is_understood() -> None:
    line = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",device="nvidia0",modelName="Tesla T4",hostname="k3s-1"} 5\n'
    assert parse_exposition(line)[0].node == "k3s-1"


@pytest.mark.parametrize("profile", ["1g.11gb", "1g.12gb"])
def test_a_profile_with_its_memory_rounded_down_counts_its_slices(profile: str) -> None:
    # An H100 NVL's `1g.12gb`, which exporters up to 4.2 write as 1g.11gb.
    labels = f'gpu="0",UUID="GPU-1",modelName="NVIDIA H100 NVL",GPU_I_PROFILE="{profile}",GPU_I_ID="7",Hostname="n"'
    (device,) = parse_exposition(f"DCGM_FI_PROF_GR_ENGINE_ACTIVE{{{labels}}} 0.5\n")
    assert device.share == pytest.approx(1 / 7)


@pytest.mark.parametrize("profile", ["<<<NULL>>>", ""])
def test_an_instance_whose_profile_is_unknown_is_not_taken_for_a_whole_gpu(profile: str) -> None:
    labels = f'gpu="0",UUID="GPU-1",device="nvidia0",GPU_I_PROFILE="{profile}",GPU_I_ID="6",Hostname="n"'
    other = 'gpu="1",UUID="GPU-2",device="nvidia1",Hostname="n"'
    odd, whole = parse_exposition(
        f"DCGM_FI_PROF_GR_ENGINE_ACTIVE{{{labels}}} 0.5\nDCGM_FI_PROF_GR_ENGINE_ACTIVE{{{other}}} 0.25\n"
    )
    assert (odd.instance, odd.share, odd.utilisation) == ("6", None, 0.5)
    assert (whole.share, whole.utilisation) == (1.0, 0.25)


def test_a_profile_that_one_of_two_reports_tells_is_believed() -> None:
    labels = 'gpu="0",UUID="GPU-1",GPU_I_ID="6",Hostname="n"'
    pages = [f"DCGM_FI_PROF_GR_ENGINE_ACTIVE{{{labels}{more}}} 0.5\n" for more in ("", ',GPU_I_PROFILE="2g.10gb"')]
    (device,) = merge(device for text in pages for device in parse_exposition(text))
    assert device.share == pytest.approx(2 / 7)


@pytest.mark.parametrize("odd", ["N/A", "eighty", ""])
def test_a_line_that_cannot_be_read_costs_what_it_should_have_told(odd: str, caplog: pytest.LogCaptureFixture) -> None:
    text = (
        f'DCGM_FI_DEV_GPU_UTIL{{gpu="0",UUID="GPU-1",Hostname="n"}} {odd}\n'
        'DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-1",Hostname="n"} 1\n'
        'DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-2",Hostname="n"} 80\n'
    )
    found = {device.uuid: (device.utilisation, device.memory_used) for device in parse_exposition(text)}
    assert found == {"GPU-1": (None, MIB), "GPU-2": (0.8, None)}
    assert "1 lines of a page cannot be read" in caplog.text


def test_a_gpu_that_is_reported_under_two_host_names_is_told_of_both() -> None:
    lines = [f'DCGM_FI_DEV_GPU_UTIL{{gpu="0",UUID="GPU-1",Hostname="{host}"}} 80\n' for host in ("g1", "pod-x")]
    found = parse_exposition("".join(lines))
    assert [(device.node, device.uuid) for device in found] == [("g1", "GPU-1"), ("pod-x", "GPU-1")]
    assert [device.node for device in merge(found)] == ["g1"]


def test_a_series_of_no_gpu_makes_no_device() -> None:
    assert parse_exposition("DCGM_FI_PROF_GR_ENGINE_ACTIVE 0\n") == ()


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
    with pytest.raises(SourceError, match=r"is not Prometheus text .*Check that it is a DCGM exporter's"):
        parse_exposition(text)


def test_several_exporters_of_one_device_are_merged_and_complete_each_other() -> None:
    first, _ = page("labelled")
    other = replace(first, holders=(("vision", "serve"),), utilisation=0.1)
    blind = replace(first, utilisation=None, memory_free=None, holders=())
    (merged,) = merge([blind, first, other])
    assert merged == replace(first, holders=(("ml", "train-0"), ("vision", "serve")))
