"""An existing installation: polls into real RRDs, and publishes from them as KubeLedger does, at any polling interval.

It asks the databases for rows of an hour (`-r 3600`) and takes what librrd gives: that is the nearest archive, whose
rows are hours for a polling interval of 5 minutes only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import rrdtool

from tests.support.legacy_layout import DAILY, MONTHLY, put

HOUR, WEEK = 3600, 604_800
RATE = 10.0
Used = Callable[[int], float]


@dataclass(frozen=True)
class Polled:
    """Per cent of the cluster that a namespace uses and requests at an instant."""

    usage: Used
    requests: Used


def databases(directory: Path, namespaces: Mapping[str, Polled], begun: int, now: int, interval: int) -> Path:
    """Write the databases of an installation that polled every `interval` seconds, one second late."""
    directory.mkdir(parents=True)
    ticks = range(begun // interval * interval + 1, now + 1, interval)
    for name, polled in namespaces.items():
        _feed(directory / name, interval, {at: polled.usage(at) for at in ticks})
        _feed(directory / f"{name}__rf", interval, {at: polled.usage(at) / polled.requests(at) for at in ticks})
    _feed(directory / "non-allocatable", interval, dict.fromkeys(ticks, 4.0))
    _feed(directory / ".billing-hourly-rate", interval, dict.fromkeys(ticks, RATE))
    return directory


def publish(source: Path, directory: Path, now: int, model: str = "cumulative") -> Path:
    """Publish the cpu files at `now`."""
    directory.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in source.iterdir() if not path.name.endswith("__rf"))
    put(directory, "backend.json", {"cost_model": model, "currency": "$" if model == "costs" else "%"})
    for window, written in ((DAILY, "%d %b"), (MONTHLY, "%b %Y")):
        usage = {name: _sums(source / name, now, window, written) for name in names}
        factors = {name: _sums(source / f"{name}__rf", now, window, written) for name in names}
        rates = usage.pop(".billing-hourly-rate")
        everything: dict[str, float] = defaultdict(float)
        for row in usage.values():
            for date, value in row.items():
                everything[date] += value
        part = {"cumulative": everything, "normalized": dict.fromkeys(everything, 100.0), "costs": rates}[model]
        scaled = {date: part[date] / whole for date, whole in everything.items()}
        rows = [(name, date, value) for name, row in usage.items() for date, value in row.items()]
        used = [{"stack": n, "usage": round(v * scaled[d], 6), "date": d} for n, d, v in rows]
        wanted = [
            {"stack": n, "usage": round(v / factors[n][d] * scaled[d], 6) if factors[n].get(d) else 0.0, "date": d}
            for n, d, v in rows
        ]
        put(directory, f"cpu_usage_period_{window}.json", used)
        put(directory, f"cpu_requests_period_{window}.json", wanted)
    for kind, suffix in (("usage", ""), ("rf", "__rf")):
        points = [
            {"name": name + suffix, "dateUTC": _date(at, "%Y-%m-%dT%H:%M:%SZ"), "usage": round(value, 6)}
            for name in names
            for at, value in _points(source / (name + suffix), now)
        ]
        put(directory, f"cpu_{kind}_trends.json", points)
    return directory


def _feed(path: Path, interval: int, values: Mapping[int, float]) -> None:
    first = min(values)
    archives = ("RRA:AVERAGE:0.5:1:4032", "RRA:AVERAGE:0.5:12:8880")
    rrdtool.create(
        str(path), "--step", str(interval), "--start", str(first - 1), f"DS:v:GAUGE:{2 * interval}:U:U", *archives
    )
    updates = [f"{at}:{value}" for at, value in values.items()]
    for i in range(0, len(updates), 4000):
        rrdtool.update(str(path), *updates[i : i + 4000])


def _points(path: Path, now: int) -> list[tuple[int, float]]:
    """Return the last week in rows of an hour; of a young database, without any, in finer ones."""
    return list(_rows(path, now, WEEK, HOUR)) or list(_rows(path, now, WEEK, 300))


def _sums(path: Path, now: int, window: int, written: str) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    if path.exists():
        for at, value in _rows(path, now, window, HOUR):
            sums[_date(at, written)] += value
    return dict(sums)


def _rows(path: Path, now: int, window: int, resolution: int) -> Iterator[tuple[int, float]]:
    if not path.exists():
        return
    asked = ("AVERAGE", "-r", str(resolution), "-s", str(now - window), "-e", str(now))
    (at, _, step), _, rows = rrdtool.fetch(str(path), *asked)
    for (value,) in rows:
        at += step
        if value is not None:
            yield at, value


def _date(at: int, written: str) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(written)
