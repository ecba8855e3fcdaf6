"""The files of the layout: their names, and what each holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kl_core.vocabulary import Metric
from kl_core.watched_file import Mark
from kl_query.dataset.fields import MalformedError
from kl_query.warnings.warning import Plain

BACKEND = "backend.json"
DAILY_SECONDS = 1_209_600
MONTHLY_SECONDS = 31_968_000
LARGEST_BYTES = 256_000_000
"""A file that is larger is not read: it would take memory and minutes that a server of small size does not have."""
Kind = Literal["usage", "requests", "rf"]
_PREFIX: dict[Metric, str] = {"cpu": "cpu", "memory": "memory", "gpu": "gpu_cpu", "gpu_memory": "gpu_mem"}
_OTHER_SPELLINGS: dict[Metric, tuple[str, ...]] = {"memory": ("mem",), "gpu_memory": ("gpu_memory",)}


@dataclass(frozen=True, slots=True)
class File:
    """One file. `window` is the seconds a period file covers, None for hourly trends."""

    metric: Metric
    kind: Kind
    window: int | None

    @property
    def name(self) -> Plain:
        """Return the usual name."""
        return self._named(_PREFIX[self.metric])

    @property
    def names(self) -> tuple[Plain, ...]:
        """Return every name it may have, the usual one first."""
        return (self.name, *map(self._named, _OTHER_SPELLINGS.get(self.metric, ())))

    @property
    def gpu(self) -> bool:
        """Say whether it is about GPUs."""
        return self.metric in ("gpu", "gpu_memory")

    @property
    def required(self) -> bool:
        """Say whether every installation writes it."""
        return not self.gpu

    def _named(self, prefix: str) -> Plain:
        return Plain(f"{prefix}_{self.kind}_{'trends' if self.window is None else f'period_{self.window}'}.json")


TRENDS = tuple(File(metric, kind, None) for metric in _PREFIX for kind in ("usage", "rf"))
PERIODS = tuple(
    File(metric, kind, window)
    for window in (DAILY_SECONDS, MONTHLY_SECONDS)
    for metric in _PREFIX
    for kind in ("usage", "requests")
)


def named(path: Path) -> Plain:
    """Return the name of one of the files of this layout, which are the same everywhere."""
    return Plain(path.name)


def unreadable(path: Path, error: OSError) -> MalformedError:
    """Return the error of a file that is there and cannot be read."""
    return MalformedError("{file} cannot be read ({reason})", file=named(path), reason=Plain(str(error.strerror)))


class AbsentError(MalformedError):
    """A file is not there, or says nothing: no damage, for a file that not every installation writes."""


class EmptyListError(AbsentError):
    """A file is an empty list, as KubeLedger writes it before its first whole hour."""


def mark_of(path: Path) -> Mark:
    """Return what tells one content of a file from another. Raises AbsentError and MalformedError."""
    try:
        return Mark.of(path.stat())
    except FileNotFoundError:
        raise AbsentError("{file} is missing", file=named(path)) from None
    except OSError as error:
        raise unreadable(path, error) from None


def is_legacy(directory: Path) -> bool:
    """Say whether a directory holds files of this layout; `backend.json` alone may be missing for a moment."""
    names = (BACKEND, *(file.name for file in (*TRENDS, *PERIODS) if file.required))
    return any((directory / name).is_file() for name in names)
