"""The files of that layout, with its meanings, and how they are written.

Values of the period files are sums of hourly per cent of capacity (`cumulative`), their share of the bucket's total
(`normalized`), or that share of the sum of the bucket's hourly rates (`costs`): what is idle is paid for by those who
used something, for each resource anew. `requests` is Σ usage ÷ Σ rf, scaled like usage: a mean where usage is a sum. An
entry that used nothing in a bucket has no row. GPU files hold means over the GPUs of a namespace, called `NAME__gpu`,
their share of the sum of these means, or that share of the rates; requests are 0 there, for of GPUs there is no rf.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from collector.books.page import CPU, GPU, GPU_MEMORY, MEMORY, Array
from collector.publish.generation import explained
from collector.publish.legacy.shares import (
    DAILY_SECONDS,
    MONTHLY_SECONDS,
    NON_ALLOCATABLE,
    LegacyFigures,
    Shares,
    add_up,
)
from collector.publish.scale_document import rounded
from kl_core.calendar import MONTH_NAMES, floor_month, iso
from kl_core.durable_files import write_atomically

BILLING_RATE = ".billing-hourly-rate"

_PREFIXES: Mapping[int, str] = {CPU: "cpu", MEMORY: "memory", GPU: "gpu_cpu", GPU_MEMORY: "gpu_mem"}


def documents(figures: LegacyFigures | None, cost_model: str, currency: str) -> Iterator[tuple[str, Any]]:
    """Every file's name and content, one after the other, for they are large; `backend.json` last.

    Without a full hour the lists are empty. `cost_model` is one of `MODELS`' values.
    """
    for metric, prefix in _PREFIXES.items():
        is_gpu = metric in (GPU, GPU_MEMORY)
        if is_gpu and not (figures and figures.gpu):
            continue
        yield f"{prefix}_usage_trends.json", [] if figures is None else list(_usage_trends(figures.trends, metric))
        if not is_gpu:
            factors = [] if figures is None else _points(figures.trends, _factors(figures.trends)[:, metric], "__rf")
            yield f"{prefix}_rf_trends.json", list(factors)
        for seconds in (DAILY_SECONDS, MONTHLY_SECONDS):
            buckets = [] if figures is None else _buckets(figures.windows[seconds], seconds)
            for kind in ("usage", "requests"):
                rows = [row for date, bucket in buckets for row in _rows(bucket, date, metric, kind, cost_model)]
                yield f"{prefix}_{kind}_period_{seconds}.json", rows
    yield "backend.json", {"cost_model": cost_model, "currency": currency if cost_model == "costs" else "%"}


def write(directory: Path, files: Iterable[tuple[str, Any]]) -> None:
    """Write each file under another name and rename it. PublishError if that is impossible."""
    with explained(directory, "KL_KUBELEDGER_DATA_DIR", "KubeLedger's layout"):
        directory.mkdir(parents=True, exist_ok=True)
        for name, document in files:
            write_atomically(directory / name, orjson.dumps(document))


def _buckets(days: Sequence[Shares], seconds: int) -> list[tuple[str, Shares]]:
    if seconds == DAILY_SECONDS:
        return [(_date(int(day.ends[0]), daily=True), day) for day in days]
    months = groupby(days, key=lambda day: floor_month(int(day.ends[0])))
    return [(_date(month, daily=False), add_up(list(members))) for month, members in months]


def _date(start: int, *, daily: bool) -> str:
    moment = datetime.fromtimestamp(start, UTC)
    month = MONTH_NAMES[moment.month - 1]
    return f"{moment:%d} {month}" if daily else f"{month} {moment.year}"


def _rows(bucket: Shares, date: str, metric: int, kind: str, cost_model: str) -> list[dict[str, Any]]:
    suffix = _suffix(metric)
    values = _scaled(bucket, cost_model)[:, metric, 0]
    if kind == "requests":
        factors = _factors(bucket)[:, metric, 0]
        # Nothing used of what is requested: an rf of 0, from which the requests cannot be told.
        values = np.where(factors > 0, values / np.where(factors > 0, factors, 1.0), factors)
    return [
        {"stack": name + suffix, "usage": value, "date": date}
        for name, value, used in zip(
            bucket.names, rounded(values).tolist(), bucket.usage[:, metric, 0].tolist(), strict=True
        )
        if value >= 0 and used > 0 and (kind == "usage" or name != NON_ALLOCATABLE)
    ]


def _suffix(metric: int) -> str:
    return "__gpu" if metric in (GPU, GPU_MEMORY) else ""


def _factors(bucket: Shares) -> Array:
    """Σ rf of the hours whose requests are known; where none are, 1.0 an hour as if nothing were requested."""
    return np.asarray(np.where(np.isnan(bucket.rf), bucket.silent, bucket.rf))


def _scaled(bucket: Shares, cost_model: str) -> Array:
    if cost_model == "cumulative":
        return bucket.usage
    total = np.nansum(bucket.usage, axis=0)
    share = bucket.usage / np.where(total > 0, total, np.nan)
    return np.asarray(share * bucket.rates if cost_model == "costs" else 100 * share)


def _usage_trends(trends: Shares, metric: int) -> Iterator[dict[str, Any]]:
    suffix = _suffix(metric)
    yield from _points(trends, trends.usage[:, metric], suffix)
    if not suffix:
        yield from _points(trends, trends.rates[np.newaxis], "", (BILLING_RATE,))


def _points(shares: Shares, values: Array, suffix: str, names: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    dates = [iso(int(end)) for end in shares.ends]
    for name, row in zip(names or shares.names, rounded(values), strict=True):
        label = name if name == NON_ALLOCATABLE else name + suffix
        for date, value in zip(dates, row.tolist(), strict=True):
            if not np.isnan(value):
                yield {"name": label, "dateUTC": date, "usage": value}
