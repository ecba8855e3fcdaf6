"""Which resources are GPUs and how their nodes tell of sharing; formats as the vendors' plugins write them."""

import pytest

from collector.kubernetes.gpu_resources import (
    declared_clients,
    declared_gpus,
    gpu_hints,
    is_gpu_resource,
    slice_of,
    vendor,
)

GPU = "nvidia.com/gpu"
HAMI = "hami.io/node-nvidia-register"
TWO_V100 = (
    "GPU-00552014-5c87-89ac-b1a6-7b53aa24b0ec,10,32768,100,NVIDIA-Tesla V100-PCIE-32GB,0,true:"
    "GPU-0fc3eda5-e98b-a25b-5b0d-cf5c855d1448,10,32768,100,NVIDIA-Tesla V100-PCIE-32GB,0,true:"
)


@pytest.mark.parametrize(
    ("name", "maker", "share"),
    [
        (GPU, "NVIDIA", 1.0),
        ("nvidia.com/gpu.shared", "NVIDIA", 1.0),
        ("nvidia.com/mig-1g.5gb", "NVIDIA", 1 / 7),
        ("nvidia.com/mig-2g.10gb.shared", "NVIDIA", 2 / 7),
        ("nvidia.com/mig-1g.10gb.me", "NVIDIA", 1 / 7),
        ("nvidia.com/mig-4g.24gb", "NVIDIA", 1.0),
        ("nvidia.com/a100-80g", "NVIDIA", 1.0),
        ("nvidia.com/t4-1a", "NVIDIA", 1.0),
        ("nvidia.com/GA102GL_A10", "NVIDIA", 1.0),
        ("k8s.amazonaws.com/vgpu", "NVIDIA", 1.0),
        ("volcano.sh/vgpu-number", "NVIDIA", 1.0),
        ("amd.com/gpu", "AMD", 1.0),
        ("amd.com/spx_nps1", "AMD", 1.0),
        ("amd.com/dpx_nps2", "AMD", 1 / 2),
        ("amd.com/tpx_nps1", "AMD", 1 / 3),
        ("amd.com/cpx_nps4", "AMD", 1 / 8),
        ("gpu.intel.com/i915", "Intel", 1.0),
        ("gpu.intel.com/xe", "Intel", 1.0),
        ("metax-tech.com/gpu", "metax-tech.com", 1.0),
        ("birentech.com/1-4-gpu", "birentech.com", 1 / 4),
        ("hygon.com/dcu", "hygon.com", 1.0),
    ],
)
def test_a_resource_name_tells_its_vendor_and_what_part_of_a_gpu_a_unit_is(name: str, maker: str, share: float) -> None:
    assert is_gpu_resource(name)
    assert vendor(name) == maker
    assert slice_of(name, {}) == pytest.approx(share)


@pytest.mark.parametrize(
    "name",
    [
        "cpu",
        "memory",
        "hugepages-2Mi",
        "google.com/tpu",
        "habana.ai/gaudi",
        "nvidia.com/",
        "nvidia.com/gpumem",
        "nvidia.com/gpumem-percentage",
        "nvidia.com/gpucores",
        "nvidia.com/priority",
        "nvidia.com/gpu.count",
        "nvidia.com/hostdev",
        "nvidia.com/GRID_T4-4Q",
        "amd.com/gpu.count",
        "gpu.intel.com/i915_monitoring",
        "gpu.intel.com/xe_monitoring",
        "gpu.intel.com/millicores",
        "gpu.intel.com/memory.max",
        "koordinator.sh/gpu",
        "volcano.sh/vgpu-memory",
        "aliyun.com/gpu-mem",
    ],
)
def test_other_resources_are_no_gpus(name: str) -> None:
    assert not is_gpu_resource(name)
    assert vendor(name) is None


def test_only_labels_and_annotations_about_gpus_are_kept() -> None:
    labels = {
        "kubernetes.io/hostname": "g1",
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.product": "Tesla-T4-SHARED",
        "nvidia.com/gpu.count": "1",
        "nvidia.com/cuda.driver.major": "550",
        "cloud.google.com/gke-nodepool": "gpus",
        "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing",
    }
    assert gpu_hints(labels, {HAMI: TWO_V100, "hami.io/node-handshake": "Requesting_2024.05.14 07:07:33"}) == {
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.product": "Tesla-T4-SHARED",
        "nvidia.com/gpu.count": "1",
        "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing",
        HAMI: "10",
    }


@pytest.mark.parametrize(
    ("register", "clients"),
    [
        (TWO_V100, 10.0),
        # Nine fields, of newer releases.
        ("GPU-a,4,32768,100,NVIDIA-L4,0,true,0,hami-core:", 4.0),
        ('[{"id":"GPU-a","count":10,"devmem":11441,"devcore":100,"type":"NVIDIA-Tesla-K80","health":true}]', 10.0),
        # Four and eight shares: twelve units of two GPUs.
        ('[{"id":"GPU-a","count":4},{"id":"GPU-b","count":8}]', 6.0),
        ("", None),
        ("[", None),
        ("[1]", None),
        ('[{"id":"GPU-a","count":0}]', None),
        ("GPU-a,ten,32768:", None),
    ],
)
def test_a_register_of_hami_tells_into_how_many_each_gpu_is_split(register: str, clients: float | None) -> None:
    assert declared_clients(GPU, 20.0, gpu_hints({}, {HAMI: register})) == clients


def test_hami_is_believed_before_a_label_that_knows_nothing_of_it() -> None:
    hints = gpu_hints({"nvidia.com/gpu.replicas": "1"}, {HAMI: TWO_V100})
    assert declared_clients(GPU, 20.0, hints) == 10.0
    assert declared_clients("nvidia.com/mig-1g.5gb", 7.0, hints) is None


@pytest.mark.parametrize(
    ("resource", "advertised", "labels", "clients"),
    [
        (GPU, 8.0, {"nvidia.com/gpu.replicas": "4"}, 4.0),
        ("nvidia.com/gpu.shared", 8.0, {"nvidia.com/gpu.replicas": "4"}, 4.0),
        ("nvidia.com/a100-80g", 8.0, {"nvidia.com/gpu.replicas": "4"}, 4.0),
        (GPU, 8.0, {"nvidia.com/gpu.replicas": "1"}, 1.0),
        ("nvidia.com/mig-1g.5gb", 14.0, {"nvidia.com/mig-1g.5gb.replicas": "2"}, 2.0),
        ("nvidia.com/mig-1g.5gb.shared", 14.0, {"nvidia.com/mig-1g.5gb.replicas": "2"}, 2.0),
        # Whole GPUs beside it are shared, the instances are not.
        ("nvidia.com/mig-1g.5gb", 7.0, {"nvidia.com/gpu.replicas": "4"}, None),
        ("k8s.amazonaws.com/vgpu", 10.0, {"nvidia.com/gpu.replicas": "1"}, None),
        (GPU, 4.0, {"cloud.google.com/gke-max-shared-clients-per-gpu": "4"}, 4.0),
        (GPU, 8.0, {"cloud.google.com/gke-gpu-count": "2"}, 4.0),
        (GPU, 7.0, {"cloud.google.com/gke-gpu-count": "1", "cloud.google.com/gke-gpu-partition-size": "1g.5gb"}, 1.0),
        (GPU, 7.0, {"cloud.google.com/gke-gpu-count": "2"}, None),
        ("gpu.intel.com/i915", 10.0, {"gpu.intel.com/device.count": "2"}, 5.0),
        ("gpu.intel.com/i915", 6.0, {"gpu.intel.com/device-id.0380-56c0.count": "3"}, 2.0),
        ("gpu.intel.com/xe", 3.0, {"gpu.intel.com/device.count": "2"}, None),
        ("amd.com/gpu", 8.0, {"nvidia.com/gpu.replicas": "4"}, None),
        *[(GPU, 8.0, {"nvidia.com/gpu.replicas": text}, None) for text in ("0", "", "many", "-2")],
        (GPU, 8.0, {}, None),
    ],
)
def test_labels_tell_into_how_many_shares_a_gpu_is_sold(
    resource: str, advertised: float, labels: dict[str, str], clients: float | None
) -> None:
    assert declared_clients(resource, advertised, gpu_hints(labels, {})) == clients


@pytest.mark.parametrize(
    ("resource", "labels", "share"),
    [
        # The single MIG strategy makes a unit of the plain resource an instance.
        (GPU, {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"}, 1 / 7),
        (GPU, {"cloud.google.com/gke-gpu-partition-size": "3g.20gb"}, 3 / 7),
        (GPU, {"cloud.google.com/gke-gpu-partition-size": "none"}, 1.0),
        ("nvidia.com/mig-1g.6gb", {"nvidia.com/gpu.product": "NVIDIA-A30"}, 1 / 4),
        ("amd.com/gpu", {"amd.com/gpu.compute-memory-partition": "cpx_nps4"}, 1 / 8),
        ("amd.com/gpu", {"amd.com/compute-memory-partition": "dpx_nps1"}, 1 / 2),
        ("amd.com/cpx_nps1", {"amd.com/gpu.product-name": "AMD_Instinct_MI300A"}, 1 / 6),
        ("amd.com/cpx_nps1", {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"}, 1 / 8),
    ],
)
def test_labels_tell_what_part_of_a_gpu_a_unit_is(resource: str, labels: dict[str, str], share: float) -> None:
    assert slice_of(resource, gpu_hints(labels, {})) == pytest.approx(share)


@pytest.mark.parametrize(
    ("labels", "gpus"),
    [
        ({"nvidia.com/gpu.count": "8"}, 8.0),
        ({"cloud.google.com/gke-gpu-count": "2"}, 2.0),
        # Under the single MIG strategy the count is of instances.
        ({"nvidia.com/gpu.count": "7", "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"}, 0.0),
        ({}, 0.0),
    ],
)
def test_labels_tell_how_many_gpus_a_node_has(labels: dict[str, str], gpus: float) -> None:
    assert declared_gpus(gpu_hints(labels, {})) == gpus
