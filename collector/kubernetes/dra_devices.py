"""What of a GPU a device of dynamic resource allocation is, as its name tells.

A device of NVIDIA's driver is a whole GPU (`gpu-0`) or an instance of one. The name of an instance has its profile and
the profile's number (`gpu-0-mig-1g5gb-19-4`), or as earlier that number, where it begins and how many memory slices it
has (`gpu-0-mig-19-4-1`). The number alone does not tell how many slices the GPU has, but each of these pairs does.
"""

from __future__ import annotations

import re

_INSTANCE = re.compile(r"gpu-\d+-mig-(\d+)g\d+gb(?:-[a-z]+)*-(\d+)-\d+")
_INSTANCE_BY_NUMBER = re.compile(r"gpu-\d+-mig-(\d+)-\d+-(\d+)")
_ANY_INSTANCE = re.compile(r"gpu-\d+-mig-.*")

# By slices of the GPU, what `nvidia-smi mig -lgip` lists: slices and memory slices by number of the profile.
_PROFILES: dict[int, dict[int, tuple[int, int]]] = {
    7: {0: (7, 8), 5: (4, 4), 9: (3, 4), 14: (2, 2), 15: (1, 2), 19: (1, 1), 20: (1, 1)},
    4: {0: (4, 4), 5: (2, 2), 6: (2, 2), 14: (1, 1), 21: (1, 1)},
}


def gpus_of_device(name: str) -> float:
    """Return the GPUs that a device is; `ValueError` for an instance of a profile that is not known."""
    if not _ANY_INSTANCE.fullmatch(name):
        return 1.0
    by_profile, by_number = _INSTANCE.fullmatch(name), _INSTANCE_BY_NUMBER.fullmatch(name)
    for slices, profiles in _PROFILES.items():
        if by_profile and profiles.get(int(by_profile[2]), (0, 0))[0] == int(by_profile[1]):
            return int(by_profile[1]) / slices
        if by_number and profiles.get(int(by_number[1]), (0, 0))[1] == int(by_number[2]):
            return profiles[int(by_number[1])][0] / slices
    raise ValueError(f"what part of a GPU the device {name} is cannot be told")
