"""What follows from the layout a dataset was published in: how deep it is, and how old its samples may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from kl_core.vocabulary import BILLED_METRICS, CostModel, ScaleName
from kl_query.dataset.model import Dataset
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, duration, text, warning
from kl_query.windows import instant

_MAX_AGE_TICKS = 3
_DEFAULT_INTERVAL = 300


class Layout:
    """The layout that the collector publishes; others override what differs."""

    depth: ClassVar[Mapping[ScaleName, str]] = {
        "hourly_7d": "7 days (168 whole hours and the open one)",
        "daily_14d": "14 days (14 whole days and today)",
        "monthly_12m": "12 months (12 whole months and the open one)",
    }
    idle_note: ClassVar[str] = ""
    """What to add where the costs of idle are to be shared."""

    def cost_models(self, dataset: Dataset) -> list[CostModel]:
        """Return the cost models that can be asked for."""
        priced = any(dataset.priced(metric) for metric in BILLED_METRICS)
        return ["cumulative", "normalized", "costs"] if priced else ["cumulative", "normalized"]

    def last_seen_warnings(self, dataset: Dataset, seen: Iterable[int | None]) -> list[DataWarning]:
        """Return what to know of the instants at which namespaces were last seen."""
        return []

    def max_age_seconds(self, dataset: Dataset) -> int:
        """Return how old the newest sample may be before answers are stale."""
        return _MAX_AGE_TICKS * (dataset.polling_interval_seconds or _DEFAULT_INTERVAL)

    def stale_warning(self, dataset: Dataset, newest: int, now: float) -> DataWarning:
        """Return the warning for a newest sample that is too old."""
        published, ago = dataset.generated_at, duration(now - newest)
        if published is not None and abs(now - published) <= self.max_age_seconds(dataset):
            return warning(Code.NO_SOURCE_ANSWERS, since=instant(newest), ago=ago)
        return warning(Code.STALE, last=instant(newest), ago=ago, runs=text("the collector runs"))

    def unsampled_warnings(self, dataset: Dataset, now: float) -> list[DataWarning]:
        """Return the warning for a dataset without any sample of a known time."""
        return [warning(Code.NO_SOURCE_YET)]


class NothingLoaded(Layout):
    """What a server answers from before it has loaded anything."""

    def unsampled_warnings(self, dataset: Dataset, now: float) -> list[DataWarning]:
        """Return nothing: why nothing is loaded is said already."""
        return []
