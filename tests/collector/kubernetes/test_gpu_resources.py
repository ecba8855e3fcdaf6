import pytest

from collector.kubernetes.gpu_resources import is_gpu_resource, replicas, resource_share, unit_shares


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("nvidia.com/gpu", 1.0),
        ("nvidia.com/gpu.shared", 1.0),
        ("nvidia.com/mig-1g.5gb", 1 / 7),
        ("nvidia.com/mig-2g.10gb.shared", 2 / 7),
        ("nvidia.com/mig-1g.10gb.me", 1 / 7),
        ("nvidia.com/mig-4g.24gb", 1.0),
    ],
)
def test_a_resource_name_tells_its_gpu_equivalents(name: str, share: float) -> None:
    assert is_gpu_resource(name)
    assert resource_share(name) == pytest.approx(share)


@pytest.mark.parametrize("name", ["cpu", "amd.com/gpu", "nvidia.com/gpumem", "nvidia.com/gpu.count", "xnvidia.com/gpu"])
def test_other_resources_are_no_gpus(name: str) -> None:
    assert not is_gpu_resource(name)


def test_time_slicing_divides_a_unit_by_its_replicas() -> None:
    labels = {"nvidia.com/gpu.replicas": "4", "nvidia.com/gpu.product": "Tesla-T4-SHARED"}
    assert unit_shares({"cpu": "8", "nvidia.com/gpu": "8"}, labels) == {"nvidia.com/gpu": 0.25}
    assert unit_shares({"nvidia.com/gpu.shared": "8"}, labels) == {"nvidia.com/gpu.shared": 0.25}


def test_the_single_mig_strategy_makes_a_gpu_unit_an_instance() -> None:
    labels = {"nvidia.com/mig.strategy": "single", "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"}
    assert unit_shares({"nvidia.com/gpu": "7"}, labels)["nvidia.com/gpu"] == pytest.approx(1 / 7)


def test_the_mixed_mig_strategy_has_replicas_of_its_own_per_profile() -> None:
    # 1g.5gb on an A100: 1/7 of a GPU, shared by 2 pods -> 1/14; whole GPUs beside it are not shared.
    labels = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig-1g.5gb.replicas": "2"}
    shares = unit_shares({"nvidia.com/gpu": "1", "nvidia.com/mig-1g.5gb": "14"}, labels)
    assert shares == pytest.approx({"nvidia.com/gpu": 1.0, "nvidia.com/mig-1g.5gb": 1 / 14})


@pytest.mark.parametrize(("label", "count"), [("4", 4), ("1", 1), ("0", 1), ("", 1), ("many", 1), ("-2", 1)])
def test_replicas_without_a_sound_label_are_one(label: str, count: int) -> None:
    assert replicas({"nvidia.com/gpu.replicas": label}) == count
    assert replicas({}) == 1
