"""Published datasets in which something is to be warned of, whatever the namespaces of others are called."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kl_mcp.counts import Counts
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.model import CollectorClock, Sharing
from kl_query.dataset.watcher import HeldDataset, Holder
from kl_query.measures.sharing import shared_by
from kl_query.warnings.unmeasured import BLIND_SPOTS
from tests.kl_query.warnings.doors import FEW, OWN, Scene, looked, of
from tests.support.datasets import Dataset as Published
from tests.support.datasets import Row, Scale, write, write_file
from tests.support.small_cluster import NOW, SAMPLED, published

Names = Sequence[str]
Edit = Callable[[Any, Names], object]
DAY = 86_400
EARLIER = "2026-11-21T11:00:00Z"
OLD_CURSOR = {"metric": "cpu", "limit": 1}
RATES = [
    {"effective": at, "rate": rate, "currency": currency, "weights": None}
    for at, rate, currency in (
        ("2026-10-01T00:00:00Z", 1.0, "€"),
        ("2026-11-20T00:00:00Z", 2.0, "$"),
        ("2027-01-01T00:00:00Z", 3.0, "$"),
    )
]


def busy(names: Names, **changes: Any) -> Published:
    """Return a small cluster in which much is amiss at once."""
    small = published()
    scales = {
        "hourly": _of(small.hourly, names, observed=[1.0, 1.0, 0.5, 1.0, 1.0, 0.5], coverage={}),
        "daily": _of(small.daily, names, more={"silent_hours": {"metrics": [0.0, 2.0, 0.0], "dcgm": [0.0, 2.0, 0.0]}}),
        "monthly": _of(small.monthly, names),
    }
    facts: dict[str, Any] = {
        "rates": RATES,
        "table": {names[0]: {"labels": {names[1]: [{"value": names[2], "first_seen": SAMPLED}]}}},
        "last_sample_at": _sampled(SAMPLED, SAMPLED, SAMPLED),
        "more": {
            "producer": {"name": "kubeledger-collector", "version": "0.0.1"},
            "unmeasured": {OWN: {"stale": 3, "gpu_not_seen": 1}, names[0]: {"stale": 2}, names[1]: {"negative": 1}},
            "blind_spots": [{"code": code, "text": f"{names[1]} is unseen: {code}."} for code in (*BLIND_SPOTS, "new")],
        },
    }
    return dataclasses.replace(small, **{**scales, **facts, **changes})


def _of(scale: Scale | None, names: Names, **changes: Any) -> Scale:
    assert scale is not None
    count = len(scale.capacity["cpu"])
    some, odd = [1.0] * count, [*[1.0] * (count - 2), None, 1.0]
    hours = [10.0, 5.0, *[10.0] * (count - 2)]
    parts = {
        "cpu": Row(
            [12.0] * count, [24.0] * count, usage_hours=hours, usage_matched=some, matched_hours=[h - 4 for h in hours]
        ),
        "memory": Row([None] * count, some),
        "gpu": Row(odd, some),
        "gpu_memory": Row(odd, [None] * count),
    }
    rows = {
        **dict.fromkeys((OWN, *names[:2]), parts),
        names[2]: {"cpu": Row([1.0, None, *some[2:]], some)},
        names[3]: {"cpu": Row(some, some)},
    }
    gpus = {"gpu": [20.0] * count, "gpu_memory": [200.0] * count}
    facts: dict[str, Any] = {
        "namespaces": rows,
        "capacity": {**scale.capacity, **gpus},
        "allocatable": {**(scale.allocatable or scale.capacity), **gpus},
        "coverage": {"dcgm": some},
        "measured": {name: [0.6] * count for name in rows},
        "special": {"unattributed": {metric: {"usage": some} for metric in gpus}},
    }
    return dataclasses.replace(scale, **{**facts, **changes})


def _sampled(kubernetes: str | None, metrics: str | None, dcgm: str | None) -> dict[str, str | None]:
    return {"kubernetes": kubernetes, "metrics": metrics, "dcgm": dcgm}


def whole(directory: Path, names: Names) -> Iterator[Scene]:
    """Much amiss at once, under each way to share costs, on an old page, and a day later."""
    dataset = load_dataset(write(directory, busy(names)))
    for sharing in (Sharing(), Sharing((OWN, names[0]), idle=True), Sharing(("*",))):
        yield of(shared_by(dataset, sharing), NOW)
    yield of(dataset, NOW + DAY, FEW)
    yield of(dataset, NOW, (_next_page(dataclasses.replace(dataset, generation=1)),))


def _next_page(earlier: Dataset) -> tuple[str, dict[str, Any]]:
    """Return the call of the second page of an answer from an earlier generation."""
    first = TABLE["get_usage"].run(OLD_CURSOR, earlier, NOW)
    return "get_usage", {**OLD_CURSOR, "cursor": first["metadata"]["truncated"]["cursor"]}


def young(directory: Path, names: Names) -> Iterator[Scene]:
    """Days only; nothing at all."""
    yield of(load_dataset(write(directory / "days", busy(names, monthly=None, hourly=None))), NOW)
    yield of(load_dataset(write(directory / "none", busy(names, monthly=None, daily=None, hourly=None))), NOW)


def parts(directory: Path, names: Names) -> Iterator[Scene]:
    """Namespaces known for other parts of one day, and of one month, than of the next."""
    some = Row([12.0, 12.0, 9.75], [12.0, 12.0, 9.75], usage_hours=[24.0, 12.0, 19.5])
    rows = {name: {"cpu": some} for name in (OWN, *names[:2])}
    steady = {"cpu": Row([24.0, 24.0, 19.5], [24.0, 24.0, 19.5])}
    unknown = {"cpu": Row([24.0, None, 19.5], [24.0, 24.0, 19.5])}
    capacity = {"cpu": [240.0, 240.0, 195.0]}
    daily = Scale("2026-11-19", {**rows, names[2]: steady, names[3]: unknown}, capacity, open_hours=19.5)
    months = {"cpu": Row([100.0, 100.0, 100.0], [200.0, 200.0, 200.0], usage_hours=[720.0, 200.0, 499.5])}
    monthly = Scale(
        "2026-09",
        {OWN: steady, **dict.fromkeys(names[:2], months), names[2]: steady},
        {"cpu": [7200.0, 7440.0, 4995.0]},
        open_hours=499.5,
    )
    yield of(load_dataset(write(directory, busy(names, daily=daily, monthly=monthly))), NOW)


def came(directory: Path, names: Names) -> Iterator[Scene]:
    """An open day whose hours are published with those of the day before, and namespaces born in October."""
    rows = {name: {"cpu": Row([1.0] * 44, [1.0] * 44)} for name in (OWN, *names[:3])}
    hourly = Scale("2026-11-20T00:00:00Z", rows, {"cpu": [10.0] * 43 + [5.0]}, open_hours=0.5)
    table = {name: {"first_seen": "2026-10-02T10:00:00Z"} for name in (OWN, names[0])}
    calls = tuple(("compare_periods", given) for given in ({"namespaces": "*"}, {"date": "latest"}))
    yield of(load_dataset(write(directory, busy(names, hourly=hourly, table=table))), NOW, calls)


def silent(directory: Path, names: Names) -> Iterator[Scene]:
    """Sources that answer late, no more, or never."""
    late = _sampled(SAMPLED, None, EARLIER), _sampled(None, None, None), _sampled(EARLIER, EARLIER, None)
    for number, sampled in enumerate(late):
        yield of(load_dataset(write(directory / str(number), busy(names, last_sample_at=sampled))), NOW, FEW)


def clocks(directory: Path, names: Names) -> Iterator[Scene]:
    """Clocks that disagree: the collector's by its own account, and the newest sample with the server's."""
    dataset = load_dataset(write(directory, busy(names)))
    report = CollectorClock(round(NOW), 3 * DAY, ("api_server", "boot_clock"))
    yield of(dataclasses.replace(dataset, collector_clock=report), NOW - DAY, FEW)


def damaged(directory: Path, names: Names) -> Iterator[Scene]:
    """Each way in which data files cannot be used; the later ones are quoted with another's namespace."""
    edits = (_edited(part, edit) for part, edit in FAULTS)
    for number, damage in enumerate((_missing, _unreadable, _shorter, _other, *edits)):
        place = write(directory / str(number), busy(names))
        damage(place, names)
        yield of(load_dataset(place), NOW, FEW)


def _missing(place: Path, _: Names) -> None:
    (place / "daily_14d-7.json").unlink()
    (place / "nodes-7.json").unlink()


def _unreadable(place: Path, names: Names) -> None:
    _missing(place, names)
    (place / "daily_14d-7.json").mkdir()
    (place / "nodes-7.json").mkdir()


def _shorter(place: Path, _: Names) -> None:
    (place / "hourly_7d-7.json").write_text("[]")


def _other(place: Path, _: Names) -> None:
    path = place / "hourly_7d-7.json"
    path.write_bytes(path.read_bytes()[:-1] + b" ")


def _edited(part: str, edit: Edit) -> Callable[[Path, Names], None]:
    """Return a damage to a file that its manifest knows of."""

    def damage(place: Path, names: Names) -> None:
        document = json.loads((place / f"{part}-7.json").read_text())
        edit(document, names)
        manifest = json.loads((place / "dataset.json").read_text())
        manifest["files"][part] = write_file(place, f"{part}-7.json", document)
        (place / "dataset.json").write_text(json.dumps(manifest))

    return damage


def _usage(found: Any) -> Edit:
    return lambda document, names: document["namespaces"][names[0]]["cpu"].update(usage=found)


FAULTS: tuple[tuple[str, Edit], ...] = (
    ("daily_14d", _usage("much")),
    ("daily_14d", _usage([1.0])),
    ("daily_14d", _usage(["much", 1.0, 1.0])),
    ("daily_14d", lambda document, names: document["namespaces"][names[0]]["cpu"].pop("usage")),
    ("daily_14d", lambda document, names: document["namespaces"].update({f"{names[0]}-old": {}})),
    ("daily_14d", lambda document, names: document.update(scale=names[0])),
    ("daily_14d", lambda document, names: document.update(buckets=[names[0]])),
    ("daily_14d", lambda document, _: document.update(schema_version=2)),
    ("nodes", lambda document, names: document["nodes"][0].update(name=names[1], pods="many")),
)
MANIFEST_FAULTS: tuple[Edit, ...] = (
    lambda manifest, names: manifest["namespaces"][0].update(name=names[0], active="yes"),
    lambda manifest, names: manifest["namespaces"][0].update(labels={names[0]: 5}),
    lambda manifest, names: manifest.update(cost_model=names[0]),
    lambda manifest, names: manifest.update(generated_at=names[0]),
    lambda manifest, names: manifest["files"]["nodes"].update(name=names[0]),
    lambda manifest, names: manifest["last_sample_at"].update(metrics=names[0]),
)


def absent(directory: Path, names: Names) -> Iterator[Scene]:
    """Before the first look, and where nothing is published."""
    yield Scene(Holder(directory, Counts()).held, NOW)
    directory.mkdir(parents=True)
    (directory / "file").write_text("")
    (directory / "bare").mkdir()
    (directory / "taken" / "dataset.json").mkdir(parents=True)
    for place in ("nowhere", "file", "bare", "taken", "x" * 300):
        yield looked(directory / place, NOW)


def past(directory: Path, names: Names) -> Iterator[Scene]:
    """Days of October, of which one namespace is known from there alone: as they are, damaged, and without an index."""
    rows = {name: {"cpu": Row([1.0] * 31, [1.0] * 31)} for name in (OWN, *names[:2], f"{names[2]}-old")}
    published = busy(names, history=[Scale("2026-10-01", rows, {"cpu": [240.0] * 31})])
    dates = ("2026-10-05", "2026-09-20..2026-10-05", "2026-10-31..2026-11-02")
    calls = tuple(
        (tool, {"metric": metric, "date": date})
        for date in dates
        for metric in ("cpu", "total")
        for tool in ("get_usage", "get_top_consumers", "get_namespace_breakdown")
    )
    place = write(directory, published)
    yield of(load_dataset(place), NOW, calls)
    (place / "history" / "days-2026-10-01.json.xz").write_bytes(names[0].encode())
    yield of(load_dataset(place), NOW, calls)
    (place / "history-7.json").write_text(names[0])
    yield of(load_dataset(place), NOW, FEW)


def replaced(directory: Path, names: Names) -> Iterator[Scene]:
    """A manifest that cannot be used, without an earlier generation and after one."""
    good = looked(write(directory, busy(names)), NOW).held
    written = (directory / "dataset.json").read_text()
    for edit in (None, *MANIFEST_FAULTS):
        manifest = json.loads(written)
        if edit is not None:
            edit(manifest, names)
        (directory / "dataset.json").write_text("{" if edit is None else json.dumps(manifest))
        yield from (looked(directory, NOW, before) for before in (None, good))


def unforeseen(directory: Path, names: Names) -> Iterator[Scene]:
    """A load that fails as no load should, on account of a namespace."""

    def load(_: Path) -> Dataset:
        raise RecursionError(names[0])

    good = load_dataset(write(directory, busy(names)))
    yield from (looked(directory, NOW, before, load) for before in (None, HeldDataset(good, good)))
