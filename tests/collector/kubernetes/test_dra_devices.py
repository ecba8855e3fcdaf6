"""What of a GPU a device is, as the driver names it; slices as `nvidia-smi mig -lgip` lists them."""

from __future__ import annotations

import pytest

from collector.kubernetes.dra_devices import gpus_of_device


@pytest.mark.parametrize(
    ("name", "gpus"),
    [
        ("gpu-0", 1.0),
        ("gpu-vfio-0", 1.0),
        # Seven slices, as of an A100, and four, as of an A30: number 14 is two slices of the one and one of the other.
        ("gpu-0-mig-1g5gb-19-4", 1 / 7),
        ("gpu-0-mig-1g10gb-me-20-0", 1 / 7),
        ("gpu-0-mig-1g10gb-15-6", 1 / 7),
        ("gpu-0-mig-2g10gb-14-0", 2 / 7),
        ("gpu-3-mig-3g40gb-9-0", 3 / 7),
        ("gpu-3-mig-4g40gb-5-0", 4 / 7),
        ("gpu-0-mig-7g80gb-0-0", 1.0),
        ("gpu-0-mig-1g6gb-14-0", 1 / 4),
        ("gpu-0-mig-1g24gb-14-0", 1 / 4),
        ("gpu-0-mig-1g24gb-15-0", 1 / 7),
        ("gpu-0-mig-2g12gb-5-0", 2 / 4),
        ("gpu-0-mig-4g24gb-0-0", 1.0),
        # By number, beginning and memory slices.
        ("gpu-0-mig-19-4-1", 1 / 7),
        ("gpu-0-mig-15-6-2", 1 / 7),
        ("gpu-0-mig-14-2-2", 2 / 7),
        ("gpu-0-mig-9-4-4", 3 / 7),
        ("gpu-0-mig-5-0-4", 4 / 7),
        ("gpu-0-mig-0-0-8", 1.0),
        ("gpu-0-mig-14-3-1", 1 / 4),
        ("gpu-0-mig-21-0-1", 1 / 4),
        ("gpu-0-mig-5-2-2", 2 / 4),
        ("gpu-0-mig-0-0-4", 1.0),
    ],
)
def test_a_device_is_a_gpu_or_as_many_of_its_slices_as_its_name_tells(name: str, gpus: float) -> None:
    assert gpus_of_device(name) == pytest.approx(gpus)


@pytest.mark.parametrize("name", ["gpu-0-mig-1g23gb-65-0", "gpu-0-mig-65-0-1", "gpu-0-mig-14-0-4", "gpu-0-mig-1g5gb-4"])
def test_of_a_profile_that_is_not_known_nothing_is_guessed(name: str) -> None:
    with pytest.raises(ValueError, match=f"what part of a GPU the device {name} is cannot be told"):
        gpus_of_device(name)
