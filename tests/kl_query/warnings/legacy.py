"""Files of an existing KubeLedger of which something is to be warned, whatever the namespaces of others are called."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kl_query.dataset import Dataset
from kl_query.dataset.legacy import Reader
from kl_query.dataset.model import Sharing
from kl_query.measures.sharing import shared_by
from tests.kl_query.dataset.legacy.conftest import FILES, NEWEST
from tests.kl_query.dataset.legacy.test_hours_with_data import ends
from tests.kl_query.warnings.doors import FEW, OWN, Scene, looked, of
from tests.kl_query.warnings.published import Names
from tests.support.legacy_layout import DAILY, MONTHLY, Truth, at, period_rows, put, trend_rows, write

WRITTEN = at(NEWEST) + 300
NOW = at(NEWEST) + 1200
KINDS, WINDOWS = ("usage", "requests"), (DAILY, MONTHLY)
HOURS = {f"2026-11-20T{hour:02}:00:00Z": 10.0 for hour in range(24)} | {"2026-11-21T00:00:00Z": 10.0}


def read(directory: Path, reader: Reader | None = None) -> Dataset:
    """Return what a reader of the directory finds; files are as old in every run."""
    for path in directory.iterdir():
        os.utime(path, (WRITTEN, WRITTEN))
    return (reader or Reader(directory)).read()


def _put(directory: Path, files: Mapping[str, Any]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        put(directory, name, content)
    return directory


def _files(names: Names, day: float = 240.0, **more: Any) -> dict[str, Any]:
    """Return hand-written files of three namespaces, each with 24 points of 10 and a day's sum."""
    mine = (OWN, *names[:2])
    days, month = {"20 Nov": day, "21 Nov": 10.0}, {"Nov 2026": 250.0}
    return {
        **FILES,
        "cpu_usage_trends.json": trend_rows(dict.fromkeys(mine, HOURS)),
        "cpu_usage_period_1209600.json": period_rows(dict.fromkeys(mine, days)),
        "cpu_usage_period_31968000.json": period_rows(dict.fromkeys(mine, month)),
        **{f"cpu_requests_period_{window}.json": [] for window in (DAILY, MONTHLY)},
        **more,
    }


def sums(directory: Path, names: Names) -> Iterator[Scene]:
    """Days that are the sums of hours, of other rows, and of nothing; a young installation, and one without points."""
    for number, day in enumerate((240.0, 480.0, 540.0)):
        yield of(read(_put(directory / str(number), _files(names, day))), NOW, FEW)
    empty: dict[str, Any] = {
        f"{metric}_{kind}_period_{w}.json": [] for metric in ("cpu", "memory") for kind in KINDS for w in WINDOWS
    }
    yield of(read(_put(directory / "young", {**_files(names), **empty})), NOW, FEW)
    pointless = read(_put(directory / "pointless", {**_files(names), "cpu_usage_trends.json": []}))
    yield from (of(pointless, NOW + days * 86_400, FEW) for days in (0, 2))


def broken(directory: Path, names: Names) -> Iterator[Scene]:
    """Files that cannot be used, before and after they could; rows and dates that are none."""
    odd = {"stack": names[0], "usage": "much", "date": "20 Nov"}, {"stack": names[0], "usage": 1.0, "date": names[1]}
    days = "cpu_usage_period_1209600.json"
    files = _files(names)
    yield of(read(_put(directory / "rows", {**files, days: [*files[days], *odd]})), NOW, FEW)
    cut = {days: f'[{{"stack":"{names[0]}"', "gpu_cpu_usage_trends.json": f'[{{"name":"{names[1]}"'}
    yield of(read(_put(directory / "unknown", {**files, **cut})), NOW, FEW)
    reader = Reader(_put(directory / "kept", files))
    read(directory / "kept", reader)
    for backend in ("{", "[]", {"cost_model": names[0]}):
        _put(directory / "kept", {"backend.json": backend, days: f'[{{"stack":"{names[0]}"'})
        yield of(read(directory / "kept", reader), NOW, FEW)
    yield looked(_put(directory / "model", {**files, "backend.json": {"cost_model": names[0]}}), NOW)
    only = {"backend.json": files["backend.json"], days: f'[{{"stack":"{names[0]}"'}
    yield looked(_put(directory / "backend", only), NOW)


def _truth(names: Names, model: str, begun: str | None = None) -> Truth:
    """Return namespaces of which some began or ended inside a day, the tenant's among them."""
    since = at(begun) if begun else 0
    lives = {
        OWN: ends() > at("2026-11-10T20:00:00Z"),
        names[0]: ends() > at("2026-11-10T20:00:00Z"),
        **dict.fromkeys((f"{OWN}-gone", names[1]), ends() <= at("2026-11-11T06:00:00Z")),
        names[2]: ends() > 0,
    }
    inside = ends() > since
    usage = {name: {"cpu": np.where(lived & inside, 10.0, np.nan)} for name, lived in lives.items()}
    usage[names[3]] = {"gpu": np.where(inside, 50.0, np.nan)}
    requests = {name: dict.fromkeys(rows, 20.0) for name, rows in usage.items()}
    return Truth(at(NEWEST), usage, requests, model=model, begun=since)


def windows(directory: Path, names: Names) -> Iterator[Scene]:
    """Rolling windows under each cost model, of an old and of a young installation, with shared costs, a day later."""
    for model in ("cumulative", "normalized", "costs"):
        dataset = read(write(directory / model, _truth(names, model)))
        yield of(dataset, NOW)
        if model == "costs":
            yield of(shared_by(dataset, Sharing((names[2],))), NOW)
    yield of(read(write(directory / "begun", _truth(names, "cumulative", "2026-11-05T15:00:00Z"))), NOW)
    yield of(dataset, NOW + 86_400, FEW)
