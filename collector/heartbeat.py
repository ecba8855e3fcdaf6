"""The heartbeat: a small file by which other processes of the machine see that the loop turns and what it knows.

Its age is counted by the boot-time clock: by the clock that is to be checked, a heartbeat could be of any age.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "heartbeat"
_FILE_BYTES = 2048
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A turn of the loop."""

    boot: float
    """When, in seconds of the boot-time clock."""
    boot_id: str | None
    """Which start of the machine that clock counts from; None where the system does not tell."""
    sampled: float
    """Time of the newest stored tick at which the cluster answered, else the loop's start, by the same clock."""
    clock: str | None = None
    """What is wrong with the machine's clock; None while nothing contradicts it."""

    def age(self, boot: float) -> float | None:
        """Return the seconds since then; None if the machine was restarted in between."""
        return None if self.boot_id != boot_id() or boot < self.boot else boot - self.boot

    def unsampled(self, boot: float) -> float:
        """Return the seconds since the newest sample, or since the start while there is none."""
        return boot - self.sampled


def boot_id() -> str | None:
    """Return what identifies this start of the machine."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return None


def give(path: Path, boot: float, sampled: float, clock: str | None) -> None:
    """Write a heartbeat of now; OSError if that is impossible."""
    content = json.dumps(asdict(Heartbeat(boot, boot_id(), sampled, clock))).encode()
    # One write over the same bytes: a full disk must not look like a loop that hangs.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644), "wb", buffering=0) as file:
        file.write(content.ljust(_FILE_BYTES))


def read(path: Path) -> Heartbeat | None:
    """Return the newest heartbeat, None for one of an earlier release; OSError if there is none."""
    try:
        return Heartbeat(**json.loads(path.read_bytes()))
    except (ValueError, TypeError):
        return None
