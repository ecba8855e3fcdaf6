"""The files of the layout: their names, what each holds, and what `backend.json` says of the installation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from kl_core import vocabulary
from kl_core.regular_files import UnfitFileError, read_regular
from kl_core.vocabulary import CostModel, Metric
from kl_query.dataset.fields import MalformedError
from kl_query.warnings.warning import Detail, Plain

BACKEND = "backend.json"
DAILY_SECONDS = 1_209_600
MONTHLY_SECONDS = 31_968_000
MAX_FILE_BYTES = 256_000_000
"""A file that is larger is not read: it would take memory and minutes that a server of small size does not have."""
MAX_BACKEND_BYTES = 1_000_000
COST_MODELS: dict[str, CostModel] = {
    **{model: model for model in vocabulary.COST_MODELS.values()},
    **vocabulary.COST_MODELS,
}
"""By every name this layout has for them."""
_PREFIXES: dict[Metric, tuple[str, ...]] = {
    "cpu": ("cpu",),
    "memory": ("memory", "mem"),
    "gpu": ("gpu_cpu",),
    "gpu_memory": ("gpu_mem", "gpu_memory"),
}
"""The usual one first."""


@dataclass(frozen=True, slots=True)
class File:
    """One file. `window` is the seconds a period file covers, None for hourly trends."""

    metric: Metric
    kind: Literal["usage", "requests", "rf"]
    window: int | None

    @property
    def name(self) -> Plain:
        """Return the usual name."""
        return self.names[0]

    @property
    def names(self) -> tuple[Plain, ...]:
        """Return every name it may have, the usual one first."""
        what = "trends" if self.window is None else f"period_{self.window}"
        return tuple(Plain(f"{prefix}_{self.kind}_{what}.json") for prefix in _PREFIXES[self.metric])

    @property
    def gpu(self) -> bool:
        """Say whether it is about GPUs; every installation writes the others."""
        return self.metric in ("gpu", "gpu_memory")


TRENDS = tuple(File(metric, kind, None) for metric in _PREFIXES for kind in ("usage", "rf"))
DAYS, MONTHS = (
    tuple(File(metric, kind, window) for metric in _PREFIXES for kind in ("usage", "requests"))
    for window in (DAILY_SECONDS, MONTHLY_SECONDS)
)


class AbsentError(MalformedError):
    """A file is not there, or says nothing: no damage, for a file that not every installation writes."""


class EmptyListError(AbsentError):
    """A file is an empty list, as KubeLedger writes it before its first whole hour."""


@contextmanager
def reading(path: Path, whose: str = "") -> Iterator[None]:
    """Raise AbsentError and MalformedError for what the system says of a file; `whose` says who may not read it."""
    name = Plain(path.name)
    try:
        yield
    except FileNotFoundError:
        raise AbsentError("{file} is missing", file=name) from None
    except OSError as error:
        by = Plain("" if isinstance(error, UnfitFileError) else whose)
        reason = Plain(str(error.strerror))
        raise MalformedError("{file} cannot be read ({reason}){by}", file=name, reason=reason, by=by) from None


def is_legacy(directory: Path) -> bool:
    """Say whether a directory holds files of this layout; `backend.json` alone may be missing for a moment."""
    names = (BACKEND, *(file.name for file in (*TRENDS, *DAYS, *MONTHS) if not file.gpu))
    return any((directory / name).is_file() for name in names)


@dataclass(frozen=True, slots=True)
class Backend:
    """`currency` is None where amounts are no money."""

    cost_model: CostModel
    currency: str | None


def read_backend(path: Path) -> Backend:
    """Return what the file says. Raises MalformedError where it cannot be used."""
    file = Plain(path.name)
    with reading(path, " by the user this server runs as"):
        content = read_regular(path, MAX_BACKEND_BYTES, inside=path.parent)
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise MalformedError("{file} is truncated or not JSON", file=file) from None
    if not isinstance(document, dict):
        raise MalformedError("{file} is not an object", file=file)
    model = document.get("cost_model")
    if not isinstance(model, str) or model not in COST_MODELS:
        raise MalformedError(
            "cost_model of {file} is {value}",
            file=file,
            value=Detail(repr(str(model)[:40]), Plain("none that is known")),
        )
    currency = document.get("currency")
    return Backend(COST_MODELS[model], currency if isinstance(currency, str) and currency not in ("", "%") else None)
