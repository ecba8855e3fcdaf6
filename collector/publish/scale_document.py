"""The three scale documents, exactly as `spec/dataset/scale.schema.json` wants them.

Columns are float64 arrays for orjson's numpy support, which writes NaN as null.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from collector.books.hour_closing import Books
from collector.books.page import CPU, DCGM, GPU, GPU_MEMORY, MEMORY, METRICS_SERVER, Array, Buckets, Page, combined
from kl_core.calendar import iso
from kl_core.vocabulary import METRICS, SCALES, SCHEMA_VERSION, SOURCES, ScaleName

SIGNIFICANT_DIGITS = 10


def rounded(values: Array) -> Array:
    """Return the values with ten significant digits; NaN stays, and zero has no sign."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(np.abs(values)))
    digits = np.clip(np.where(np.isfinite(exponent), exponent, 0.0), -300, 22)
    up, down = 10.0 ** np.maximum(digits, 0), 10.0 ** np.maximum(-digits, 0)
    result: Array = np.round(values * up / down) / up * down + 0.0
    return result


def metrics_present(page: Page | None) -> tuple[int, ...]:
    """Return the indices of the metrics worth publishing: GPU ones only where something of them is or was requested."""
    arrays = () if page is None else (page.cluster.capacity[np.newaxis], page.entries.usage, page.entries.requests)
    held = (index for index in (GPU, GPU_MEMORY) if any(np.any(np.nan_to_num(a[:, index]) > 0) for a in arrays))
    return (CPU, MEMORY, *held)


def scale_documents(books: Books) -> dict[str, dict[str, Any]]:
    """Return every scale by its name, still without its generation."""
    metrics, charged = metrics_present(books.longest), books.currency is not None
    return {
        scale: scale_document(*books.scales[scale], metrics, charged=charged) if books.scales else empty_document(scale)
        for scale in SCALES
    }


def scale_document(buckets: Buckets, page: Page, metrics: Sequence[int], *, charged: bool) -> dict[str, Any]:
    """One scale, still without its generation. `page` has the cells of `buckets` and the rows to be listed.

    `charged` says that a rate was set at some time, so that bills (and, where it is not an hour's, cost) are given.
    """
    written = combined([page], rounded, page.starts)
    writer = _Writer(page, written, metrics, hourly=buckets.scale == "hourly_7d", charged=charged)
    elapsed = np.array(buckets.elapsed_hours)
    coverage, pods_coverage = _coverage(page, elapsed), np.minimum(page.pods / elapsed, 1.0)
    return {
        "schema_version": SCHEMA_VERSION,
        "scale": buckets.scale,
        "buckets": [iso(start) for start in buckets.starts],
        "complete": list(buckets.complete),
        "elapsed_hours": rounded(elapsed),
        "observed_hours": rounded(page.observed),
        "coverage": {name: rounded(column) for name, column in zip(SOURCES, coverage, strict=True)},
        **writer.hours(elapsed, coverage, pods_coverage),
        **writer.cluster(),
        "namespaces": {
            key.name: writer.namespace(row, elapsed, pods_coverage)
            for row, key in enumerate(page.keys)
            if key.kind == "namespace"
        },
        "special": writer.special(),
    }


def empty_document(scale: ScaleName) -> dict[str, Any]:
    """Return the document of a store that holds no tick yet."""
    columns: dict[str, list[Any]] = {name: [] for name in ("buckets", "complete", "elapsed_hours", "observed_hours")}
    return {
        "schema_version": SCHEMA_VERSION,
        "scale": scale,
        **columns,
        "coverage": {source: [] for source in SOURCES},
        "capacity": {},
        "allocatable": {},
        "bill": {},
        "namespaces": {},
        "special": {"non-allocatable": {}, "idle": {}},
    }


def _expected_dcgm(page: Page, elapsed: Array) -> Array:
    """Hours in which samples of exporters were expected: none of those in which no exporter was configured."""
    return np.where(page.with_dcgm > 0, elapsed - (page.stored - page.with_dcgm), 0.0)


def _coverage(page: Page, elapsed: Array) -> Array:
    """Observed ÷ expected samples (S x N); NaN where none was expected."""
    expected = np.broadcast_to(elapsed, page.sampled.shape).copy()
    expected[DCGM] = _expected_dcgm(page, elapsed)
    expected[expected == 0] = np.nan
    return np.minimum(page.sampled / expected, 1.0)


def _same(one: Array, other: Array | float) -> bool:
    return np.allclose(one, other, rtol=0.0, atol=1e-9, equal_nan=True)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Takes rows of a page apart into columns, leaving out what the schema says may be left out."""

    page: Page
    rounded: Page
    metrics: Sequence[int]
    hourly: bool
    charged: bool

    def cluster(self) -> dict[str, dict[str, Array]]:
        cluster = self.rounded.cluster
        return {
            "capacity": {METRICS[index]: cluster.capacity[index] for index in self.metrics},
            "allocatable": {METRICS[index]: cluster.allocatable[index] for index in self.metrics},
            "bill": {
                METRICS[index]: cluster.bill[index] for index in self.metrics if index != GPU_MEMORY and self.charged
            },
        }

    def hours(self, elapsed: Array, coverage: Array, pods_coverage: Array) -> dict[str, Any]:
        """Return the columns that say how much of a bucket counts for something, unless readers can tell."""
        page, written = self.page, self.rounded
        expected = _expected_dcgm(page, elapsed)
        can_tell_expected = _same(expected, np.where(np.isnan(coverage[DCGM]), 0.0, elapsed))
        can_tell_priced = _same(page.priced, np.where(np.isnan(page.cluster.bill[CPU]), 0.0, page.observed))
        can_tell_capacity = GPU_MEMORY not in self.metrics or _same(page.capacity_known[GPU_MEMORY], page.observed)
        silent = [index for index in (METRICS_SERVER, DCGM) if not _same(page.silent[index], 0.0)]
        columns = {
            "expected_hours": None if can_tell_expected else {SOURCES[DCGM]: rounded(expected)},
            "silent_hours": {SOURCES[index]: written.silent[index] for index in silent} or None,
            "priced_hours": None if can_tell_priced else written.priced,
            "capacity_hours": None if can_tell_capacity else {METRICS[GPU_MEMORY]: written.capacity_known[GPU_MEMORY]},
            "pods_coverage": None if _same(pods_coverage, coverage[METRICS_SERVER]) else rounded(pods_coverage),
        }
        return {name: column for name, column in columns.items() if column is not None}

    def namespace(self, row: int, elapsed: Array, pods_coverage: Array) -> dict[str, Any]:
        entry: dict[str, Any] = {
            METRICS[index]: self._amounts(row, index)
            for index in self.metrics
            if index in (CPU, MEMORY) or not self._is_zero(row, index)
        }
        coverage = np.minimum(self.page.entries.measured[row] / elapsed, 1.0)
        if not _same(coverage, pods_coverage):
            entry["coverage"] = rounded(coverage)
        return entry

    def _amounts(self, row: int, index: int) -> dict[str, Array]:
        page, of_metric = self.rounded, (row, index)
        cells = page.entries
        usage, hours, matched_hours = cells.usage[of_metric], cells.hours[of_metric], cells.matched_hours[of_metric]
        where_known = np.where(np.isnan(usage), np.nan, cells.requests[of_metric])
        can_tell_matched = self.hourly and np.array_equal(cells.matched[of_metric], where_known, equal_nan=True)
        is_matched = index == GPU_MEMORY or np.array_equal(matched_hours, hours)
        is_priced = index == GPU_MEMORY or _same(cells.cost_hours[of_metric], np.minimum(hours, page.priced))
        columns = {
            "usage": usage,
            "requests": cells.requests[of_metric],
            "requests_matched": None if can_tell_matched else cells.matched[of_metric],
            "usage_hours": None if np.array_equal(hours, page.observed) else hours,
            "usage_matched": None if is_matched else cells.usage_matched[of_metric],
            "matched_hours": None if is_matched else matched_hours,
            "cost": cells.cost[of_metric] if self.charged and not self.hourly and index != GPU_MEMORY else None,
            "cost_hours": None if is_priced else cells.cost_hours[of_metric],
        }
        return {name: column for name, column in columns.items() if column is not None}

    def _is_zero(self, row: int, index: int) -> bool:
        """Whether a row is a known zero in all observed hours."""
        cells = self.rounded.entries
        known_throughout = np.array_equal(cells.hours[row, index], self.rounded.observed)
        return known_throughout and not np.any(np.nan_to_num([cells.usage[row, index], cells.requests[row, index]]))

    def special(self) -> dict[str, Any]:
        cluster = self.rounded.cluster
        occurs = [index for index in self.metrics if np.any(cluster.unmeasured_hours[index] > 0)]
        unmeasured = self._derived(cluster.unmeasured, cluster.unmeasured_cost, occurs)
        stored = {
            key.name: self._stored(row, with_requests=key.name == "excluded")
            for row, key in enumerate(self.page.keys)
            if key.kind == "special"
        }
        return {
            "non-allocatable": self._derived(cluster.non_allocatable, cluster.non_allocatable_cost, self.metrics),
            "idle": self._derived(cluster.idle, cluster.idle_cost, self.metrics),
            **{name: entry for name, entry in (stored | {"unmeasured": unmeasured}).items() if entry},
        }

    def _stored(self, row: int, *, with_requests: bool) -> dict[str, dict[str, Array]]:
        cells = self.rounded.entries
        metrics = [index for index in self.metrics if not self._is_zero(row, index)]
        return self._derived(cells.usage[row], cells.cost[row], metrics, cells.requests[row] if with_requests else None)

    def _derived(
        self, usage: Array, cost: Array, metrics: Sequence[int], requests: Array | None = None
    ) -> dict[str, dict[str, Array]]:
        return {
            METRICS[index]: {"usage": usage[index]}
            | ({"cost": cost[index]} if self.charged and not self.hourly and index != GPU_MEMORY else {})
            | ({} if requests is None else {"requests": requests[index]})
            for index in metrics
        }
