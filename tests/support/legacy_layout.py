"""Writes the files of a KubeLedger installation from a known truth, and answers from that truth by itself.

The truth is one number an hour: usage and requests in per cent of cluster capacity. An hour is named by its end, and
belongs to the day and month of that instant; a file covers the hours after `newest - window` up to `newest`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

HOUR = 3600
DAILY, MONTHLY = 1_209_600, 31_968_000
Hours = npt.NDArray[np.float64]
WRITTEN = {"cpu": "cpu", "memory": "memory", "gpu": "gpu_cpu"}


def at(text: str) -> int:
    """Read `2026-11-21T19:00:00Z`."""
    return int(datetime.fromisoformat(text).timestamp())


def day_of(end: int) -> str:
    """Return the day an hour belongs to, as answers write it."""
    return datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d")


def month_of(end: int) -> str:
    """Return the month an hour belongs to, as answers write it."""
    return datetime.fromtimestamp(end, UTC).strftime("%Y-%m")


@dataclass(frozen=True)
class Truth:
    """A cluster: per namespace and metric, usage and requests of each of the last `MONTHLY` seconds' hours.

    Usage is NaN where a namespace has no data: it was not there, or was not measured.
    """

    newest: int
    usage: Mapping[str, Mapping[str, Hours]]
    requests: Mapping[str, Mapping[str, float]]
    overhead_pct: float = 4.0
    rate: float = 12.0
    model: str = "cumulative"
    currency: str = "$"
    begun: int = 0
    """The installation has hours that end after this."""

    @cached_property
    def ends(self) -> list[int]:
        """Return the end of each hour."""
        return list(range(self.newest - MONTHLY + HOUR, self.newest + 1, HOUR))

    @cached_property
    def days(self) -> dict[str, slice]:
        """Return which hours are of each day of the daily window."""
        return self._grouped(DAILY, day_of)

    @cached_property
    def months(self) -> dict[str, slice]:
        """Return which hours are of each month of the monthly window."""
        return self._grouped(MONTHLY, month_of)

    def _grouped(self, window: int, name: Any) -> dict[str, slice]:
        groups: dict[str, slice] = {}
        for i, end in enumerate(self.ends):
            if end > max(self.begun, self.newest - window):
                bucket = name(end)
                start = groups[bucket].start if bucket in groups else i
                groups[bucket] = slice(start, i + 1)
        return groups

    def amount(self, namespace: str, metric: str, hours: slice) -> float:
        """Return what a file says of a namespace's usage in one bucket."""
        return self._scaled(_sum(self.usage[namespace][metric][hours]), metric, hours)

    def overhead(self, metric: str, hours: slice) -> float:
        """Return what a file says of what no pod can use in one bucket."""
        return self._scaled(self.overhead_pct * (hours.stop - hours.start), metric, hours)

    def published_requests(self, namespace: str, metric: str, hours: slice) -> float:
        """Return what a file says of requests: Σ usage ÷ Σ rf, scaled like usage; 0 where nothing was used."""
        usage = self.usage[namespace][metric][hours]
        rf = usage / self.requests[namespace][metric]
        return self._scaled(_sum(usage) / _sum(rf), metric, hours) if _sum(rf) else 0.0

    def efficiency(self, namespace: str, metric: str, buckets: Iterable[slice]) -> float:
        """Return true usage ÷ requests of some buckets; requests are constant, so that it is the mean of the hours."""
        used = [self.usage[namespace][metric][hours] for hours in buckets]
        whole = sum(map(_sum, used)) / sum(int(np.isfinite(u).sum()) for u in used)
        return whole / self.requests[namespace][metric]

    def _scaled(self, value: float, metric: str, hours: slice) -> float:
        if self.model == "cumulative":
            return value
        part = value / self._all(metric, hours)
        return 100 * part if self.model == "normalized" else part * self.rate * (hours.stop - hours.start)

    def _all(self, metric: str, hours: slice) -> float:
        used: float = self._together[metric][hours].sum()
        length: int = hours.stop - hours.start
        return used + self.overhead_pct * length

    @cached_property
    def _together(self) -> dict[str, Hours]:
        metrics = {metric for rows in self.usage.values() for metric in rows}
        return {m: np.nansum([rows[m] for rows in self.usage.values() if m in rows], axis=0) for m in metrics}


def _sum(values: Hours) -> float:
    """Add up what there is; NaN where there is nothing."""
    whole = float(values.sum())
    return whole if np.isfinite(whole) or not np.isfinite(values).any() else float(np.nansum(values))


def cluster(count: int, newest: int, model: str = "cumulative", metrics: tuple[str, ...] = ("cpu", "memory")) -> Truth:
    """Return a cluster of `count` namespaces whose usage swings over the day and grows over the year."""
    hours = np.arange(MONTHLY // HOUR)
    usage: dict[str, dict[str, Hours]] = {}
    requests: dict[str, dict[str, float]] = {}
    for i in range(count):
        name = "kube-system" if i == 0 else f"shop-{i:03}"
        swing = 1 + 0.4 * np.sin((hours + 5 * i) * 2 * np.pi / 24) + 0.3 * hours / len(hours)
        usage[name] = {m: (60 / count) * (1 + 0.5 * np.sin(i + k)) * swing for k, m in enumerate(metrics)}
        requests[name] = {m: (60 / count) * (1.12 + 0.9 * np.cos(3 * i + k)) for k, m in enumerate(metrics)}
    return Truth(newest, usage, requests, model=model)


def write(directory: Path, truth: Truth) -> Path:
    """Write every file of the layout."""
    directory.mkdir(parents=True, exist_ok=True)
    currency = truth.currency if truth.model == "costs" else "%"
    put(directory, "backend.json", {"cost_model": truth.model, "currency": currency})
    metrics = sorted({metric for rows in truth.usage.values() for metric in rows})
    for metric in metrics:
        _write_periods(directory, truth, metric)
        _write_trends(directory, truth, metric)
    return directory


def put(directory: Path, name: str, content: Any) -> None:
    """Write one file as it is given: text, or something to be JSON."""
    written = content.encode() if isinstance(content, str) else orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    (directory / name).write_bytes(written)


def period_rows(values: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return the records of a period file from numbers by namespace and written date."""
    return [{"stack": n, "usage": v, "date": d} for n, row in values.items() for d, v in row.items()]


def trend_rows(values: Mapping[str, Mapping[str, float | None]]) -> list[dict[str, Any]]:
    """Return the records of a trends file from numbers by name and instant."""
    return [{"name": n, "dateUTC": d, "usage": v} for n, row in values.items() for d, v in row.items()]


def _write_periods(directory: Path, truth: Truth, metric: str) -> None:
    for window, groups, pattern, written in (
        (DAILY, truth.days, "%Y-%m-%d", "%d %b"),
        (MONTHLY, truth.months, "%Y-%m", "%b %Y"),
    ):
        dates = {bucket: datetime.strptime(bucket, pattern).replace(tzinfo=UTC).strftime(written) for bucket in groups}
        usage, requests = [], []
        for name, rows in truth.usage.items():
            if metric in rows:
                for bucket, hours in groups.items():
                    if not np.isfinite(rows[metric][hours]).any():
                        continue
                    row = {"stack": name + ("__gpu" if metric == "gpu" else ""), "date": dates[bucket]}
                    usage.append({**row, "usage": round(truth.amount(name, metric, hours), 9)})
                    requests.append({**row, "usage": round(truth.published_requests(name, metric, hours), 9)})
        if metric != "gpu":
            usage += [
                {"stack": "non-allocatable", "date": dates[bucket], "usage": truth.overhead(metric, hours)}
                for bucket, hours in groups.items()
            ]
        put(directory, f"{WRITTEN[metric]}_usage_period_{window}.json", usage)
        put(directory, f"{WRITTEN[metric]}_requests_period_{window}.json", requests)


def _write_trends(directory: Path, truth: Truth, metric: str) -> None:
    ends = [datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for end in truth.ends[-168:]]
    young = sum(1 for end in truth.ends[-168:] if end <= truth.begun)
    ends = ends[young:]
    usage, factors = [], []
    for name, rows in truth.usage.items():
        if metric not in rows:
            continue
        written = name + ("__gpu" if metric == "gpu" else "")
        for end, value in zip(ends, rows[metric][-168:].tolist()[young:], strict=True):
            if np.isnan(value):
                continue
            usage.append({"name": written, "dateUTC": end, "usage": value})
            factors.append({"name": f"{written}__rf", "dateUTC": end, "usage": value / truth.requests[name][metric]})
    if metric != "gpu":
        usage += [{"name": "non-allocatable", "dateUTC": end, "usage": truth.overhead_pct} for end in ends]
        if truth.model == "costs":
            usage += [{"name": ".billing-hourly-rate", "dateUTC": end, "usage": truth.rate} for end in ends]
    put(directory, f"{WRITTEN[metric]}_usage_trends.json", usage)
    if metric != "gpu":
        put(directory, f"{WRITTEN[metric]}_rf_trends.json", factors)
