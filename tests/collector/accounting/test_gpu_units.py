import pytest

from collector.accounting.gpu_units import is_gpu_resource, profile_share, replicas, resource_share, unit_shares


@pytest.mark.parametrize(
    ("profile", "product", "share"),
    [
        ("1g.5gb", "NVIDIA A100-SXM4-40GB", 1 / 7),
        ("3g.20gb", "NVIDIA-A100-SXM4-40GB", 3 / 7),
        ("7g.80gb", "NVIDIA H100 80GB HBM3", 1.0),
        ("1g.10gb+me", "NVIDIA A100-SXM4-80GB", 1 / 7),
        ("7g.79gb", "NVIDIA A100 80GB PCIe", 1.0),
        ("1g.11gb", "NVIDIA H100 NVL", 1 / 7),
        ("1c.3g.20gb", "NVIDIA A100-SXM4-40GB", 1 / 7),
        ("1g.6gb", "NVIDIA A30", 1 / 4),
        ("2g.12gb", "", 2 / 4),
        ("1g.24gb", "NVIDIA GH200 480GB", 1 / 7),
        ("1g.24gb", "NVIDIA RTX PRO 6000 Blackwell Server Edition", 1 / 4),
        ("1g.12gb", "NVIDIA RTX PRO 5000 Blackwell", 1 / 2),
        ("1g.6gb", "NVIDIA A300", 1 / 7),
        ("", "Tesla T4", 1.0),
    ],
)
def test_a_mig_profile_is_its_slices_over_the_slices_of_its_gpu(profile: str, product: str, share: float) -> None:
    assert profile_share(profile, product) == pytest.approx(share)


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
