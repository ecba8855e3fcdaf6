import pytest

from collector.mig_profiles import profile_share


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
