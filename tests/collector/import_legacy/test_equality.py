"""An import and a publication give the figures of the source, whatever happened to its namespaces and to itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from collector import cli
from collector.publish.legacy.files import documents
from collector.publish.legacy.shares import Keeper
from collector.store import rates
from collector.store.store import Store
from tests.collector.import_legacy.importing import OPEN_HOUR
from tests.support.legacy_rrd import at
from tests.support.legacy_scenario import METRICS, WINDOWS, Figures, Scenario, figures, random_scenario, requested

END = at("2026-11-12T12:35")
MODELS = ("cumulative", "normalized", "costs")
HISTORY = "from,cpu,memory\n,48,192Gi\n2026-10-20T09:00:00Z,64,256Gi\n2026-11-10,32,300Gi\n"


def imported(root: Path, scenario: Scenario, now: int, *options: str) -> Path:
    """Imports the scenario's databases; returns their directory."""
    source = scenario.write(root / "source")
    (root / "capacity.csv").write_text(HISTORY)
    environ = {"KL_DB_LOCATION": str(root / "db"), "KL_DATA_DIR": str(root / "data"), "KL_BILLING_HOURLY_RATE": "7.5"}
    arguments = ["import", str(source), "--capacity-history", str(root / "capacity.csv"), *options]
    assert cli.main(arguments, environ, lambda: float(now)) == 0
    return source


def published(root: Path, model: str) -> Mapping[str, Figures]:
    """The period files by name, as the layout holds them."""
    with Store.open(root / "db") as store:
        found = orjson.loads(orjson.dumps(dict(documents(Keeper(store).figures(rates.load(root / "db")), model, "$"))))
    result: dict[str, Figures] = {}
    for name in found:
        if "_period_" in name:
            result[name] = defaultdict(dict)
            for row in found[name]:
                result[name][row["date"]][row["stack"]] = row["usage"]
    return result


def compare(ours: Figures, theirs: Figures) -> None:
    """Same dates, same entries; every figure and every share of its bucket within 0.5 %."""
    assert {date: set(entries) for date, entries in ours.items()} == {
        date: set(entries) for date, entries in theirs.items()
    }
    for date, entries in theirs.items():
        total, own = sum(entries.values()), sum(ours[date].values())
        for name, value in entries.items():
            assert ours[date][name] == pytest.approx(value, rel=0.005), (date, name)
            assert ours[date][name] / own == pytest.approx(value / total, rel=0.005), (date, name)


# With seed 1 the source is back for five minutes of the open hour only, after an outage of 20 hours.
@pytest.mark.parametrize(
    ("seed", "options"), [(0, ()), (1, (OPEN_HOUR,)), (2, ()), (2, (OPEN_HOUR,)), (3, ()), (4, ())]
)
def test_random_lives_and_outages_give_the_figures_of_the_source_under_every_cost_model(
    tmp_path: Path, seed: int, options: tuple[str, ...]
) -> None:
    now = END - seed * 1700
    scenario = random_scenario(seed, now)
    source = imported(tmp_path, scenario, now, *options)
    for model in MODELS:
        found = published(tmp_path, model)
        for metric in METRICS:
            for window in WINDOWS:
                theirs = figures(source, window, scenario.closed, metric, model)
                assert theirs
                compare(found[f"{metric}_usage_period_{window}.json"], theirs)
        # Of memory no rf is 0, from which nothing could be told.
        for window in WINDOWS:
            compare(
                found[f"memory_requests_period_{window}.json"],
                requested(source, window, scenario.closed, "memory", model),
            )
