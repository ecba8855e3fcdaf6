"""An hour and its ticks, for what they come to."""

from __future__ import annotations

from collections.abc import Sequence

from collector.accounting.hour_fold import closed_hour
from collector.hour import ClosedHour, HourRate
from collector.model import TickSample
from tests.support.samples import NOON, STEP

CORE_HOUR, GIB_HOUR, GPU_HOUR = 3_600_000, 3_686_400, 3_600_000
"""1000 x 3600 milli-core-seconds, 1024 x 3600 MiB-seconds, 1000 x 3600 milli-GPU-seconds."""


def at(step: int) -> int:
    """The end of one of the twelve steps of the hour from noon on, 1 to 12."""
    return NOON + step * STEP


def hour_of(ticks: Sequence[TickSample], rate: HourRate | None = None, before: int | None = None) -> ClosedHour:
    """What the hour from noon on came to."""
    return closed_hour(NOON, ticks, rate=rate, origin="collector", before=before)
