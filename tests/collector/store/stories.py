"""Stores with a history that can be interrupted anywhere and gone on with, and everything they say in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import orjson

from collector import cli
from collector.model import TickSample
from collector.publish.publisher import Publisher
from collector.settings import Settings
from collector.store.paths import CLUSTER, ENTRY, GPU
from collector.store.rrd import database
from collector.store.store import Store
from tests.support.legacy_rrd import steps, write_database
from tests.support.samples import HOUR, NOON, STEP, entry, gpu_entry, tick

IMPORTED_UNTIL = NOON
RATE = 10.0
WEB = entry(1.0, 1.0, cpu_requests=2.0)
TICKS = (
    tick(NOON + 10 * STEP, {"web": WEB}),
    # A pause, the end of an hour, and a birth within the next one.
    tick(NOON + 12 * STEP, {"web": WEB, "train": gpu_entry(0.5, 1.0, 1.0, cpu=3.0)}),
    tick(NOON + 13 * STEP, {"train": entry(0.5)}, special={"excluded": WEB}),
    tick(NOON + 14 * STEP, {"web": entry(2.0), "late": WEB}),
    tick(NOON + 26 * STEP, {"web": WEB, "train": entry(1.0)}),
)


@dataclass(frozen=True)
class Story:
    """A store under `root`, of which `begin` may be interrupted; `go_on` does what is left of it, and the rest."""

    root: Path
    begin: Callable[[], None]
    go_on: Callable[[], None]

    def recover(self) -> None:
        """Opens the store and closes it."""
        with Store.open(self.root / "db", Settings().cluster_name):
            pass


def of_ticks(root: Path, count: int) -> Story:
    """A collector that is interrupted during its first ticks."""
    return Story(root, lambda: _collect(root, TICKS[:count]), lambda: _collect(root, TICKS))


def of_import(root: Path, source: Path) -> Story:
    """An import that is interrupted, after which a collector goes on."""
    write_database(source / "shop", steps(IMPORTED_UNTIL - 20 * HOUR, IMPORTED_UNTIL, 10.0, 20.0))
    write_database(source / "shop__rf", steps(IMPORTED_UNTIL - 20 * HOUR, IMPORTED_UNTIL, 0.5, 0.8))
    write_database(source / "lab", steps(IMPORTED_UNTIL - 9 * HOUR, IMPORTED_UNTIL - 5 * HOUR, 4.0, 2.0))
    write_database(source / ".billing-hourly-rate", steps(IMPORTED_UNTIL - 20 * HOUR, IMPORTED_UNTIL, RATE, RATE))

    def begin() -> None:
        places = {"KL_DB_LOCATION": str(root / "db"), "KL_DATA_DIR": str(root / "data"), "HOME": str(root)}
        capacity = ("--capacity-cpu", "50", "--capacity-memory", "200Gi")
        assert cli.main(["import", str(source), *capacity], places, lambda: float(IMPORTED_UNTIL)) == cli.OK

    def go_on() -> None:
        begin()
        _collect(root, TICKS)

    return Story(root, begin, go_on)


def _collect(root: Path, ticks: Sequence[TickSample]) -> None:
    settings = Settings(db_location=root / "db", data_dir=root / "data", billing_hourly_rate=RATE)
    with Store.open(settings.db_location, settings.cluster_name) as store:
        publisher = Publisher(settings, store, lambda: float(NOON))
        for sample in ticks:
            if store.last_tick is None or sample.time > store.last_tick:
                store.append([sample])
        publisher.publish()


def books(root: Path) -> dict[str, object]:
    """Every row of both archives of every database, and every published number."""
    found: dict[str, object] = {}
    for path in sorted((root / "db").rglob("*.rrd")):
        found[str(path.relative_to(root))] = _rows(path.name, path.read_bytes(), path)
    manifest = orjson.loads((root / "data" / "dataset.json").read_bytes())
    for name, file in manifest.pop("files").items():
        document = orjson.loads((root / "data" / file["name"]).read_bytes())
        found[name] = {key: value for key, value in document.items() if key != "generation"}
    found["manifest"] = {key: manifest[key] for key in manifest.keys() - {"generation", "generated_at"}}
    return found


@lru_cache(maxsize=50)
def _rows(name: str, _content: bytes, path: Path) -> tuple[bytes, ...]:
    form = CLUSTER if name == "cluster.rrd" else GPU if name.endswith(".gpu.rrd") else ENTRY
    end = TICKS[-1].time
    tables: list[database.Array] = []
    for step, rows in ((STEP, database.FINE_ROWS), (HOUR, database.HOURLY_ROWS)):
        last = end - end % step
        tables += database.fetch(path, form.sources, last - rows * step, last, step).values()
    return tuple(np.nan_to_num(table, nan=-1.0).tobytes() for table in tables)
