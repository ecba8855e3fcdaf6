"""Moving over, as processes: an existing installation's databases, the import, a live tick, and both layouts asked."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from simulator.processes import environment
from simulator.server import running_simulator
from simulator.workload import Workload, default_origin
from tests.e2e.standing_clock import HALF_A_MINUTE_PAST
from tests.support.legacy_rrd import DAY, HOUR, hashes
from tests.support.legacy_scenario import METRICS, RATE, Scenario, hours
from tests.support.mcp_clients import HttpServer, call, http_server
from tests.support.patience import LIMIT_SECONDS

MODELS = {"CUMULATIVE_RATIO": "cumulative", "RATIO": "normalized", "CHARGE_BACK": "costs"}
WINDOWS = {"daily_14d": (1_209_600, "%Y-%m-%d"), "monthly_12m": (31_968_000, "%Y-%m")}
CAPACITY = ("--capacity-cpu", "64", "--capacity-memory", "256Gi")
TOOLS: Mapping[str, dict[str, Any]] = {
    "list_namespaces": {},
    "describe_dataset": {},
    "get_usage": {"metric": "cpu", "scale": "daily_14d"},
    "get_top_consumers": {"metric": "memory", "scale": "monthly_12m"},
    "get_namespace_breakdown": {"metric": "cpu", "scale": "daily_14d", "date": "all"},
    "get_efficiency": {"scale": "daily_14d"},
    "get_timeseries": {"metric": "cpu", "namespace": "shop"},
    "compare_periods": {"metric": "cpu", "namespace": "shop"},
    "get_efficiency_timeseries": {"metric": "cpu", "namespace": "shop"},
    "group_namespaces": {"metric": "cpu", "scale": "daily_14d", "pattern": "shop*"},
}
ASKED = {"platform": 9.0, "shop": 12.0}
"""Per cent of cpu and of memory that is requested all the time."""
Shares = dict[str, dict[str, float]]
"""Share of the usage of the migrated namespaces by bucket and namespace."""


@dataclass(frozen=True)
class Moved:
    """What the commands said and left behind."""

    source: Path
    before: Mapping[str, str]
    root: Path
    plan: subprocess.CompletedProcess[str]
    written_by_plan: list[str]
    reports: list[str]
    newest: int
    """End of the newest full hour that is published."""


@dataclass(frozen=True)
class Asked:
    """A server of the dataset and one of the layout, published under one cost model."""

    native: HttpServer
    layout: HttpServer


def existing(due: int) -> Scenario:
    """35 days up to the last full hour, with an outage of 20 hours; one begins, one ends, one comes back."""
    end = (due - 1) // HOUR * HOUR + 20
    begin = end - 35 * DAY
    down = (end - 20 * DAY, end - 20 * DAY + 20 * HOUR)
    polls = tuple(poll for poll in range(begin, end + 1, 300) if not down[0] <= poll < down[1])
    always = ((begin, end + 1),)
    lives = {
        "platform": always,
        "shop": always,
        "shop-begins": ((end - 3 * DAY - 2000, end + 1),),
        "shop-ends": ((begin, end - 5 * DAY - 1300),),
        "shop-again": (
            (begin, end - 9 * DAY + 700),
            (end - 8 * DAY - 900, end - 8 * DAY + 4000),
            (end - 5000, end + 1),
        ),
    }
    return Scenario(polls, lives, 7, ((0, 8.0),), ASKED)


def run(root: Path, published: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return started([sys.executable, "-m", "collector", *arguments], root, published, **settings)


def started(command: list[str], root: Path, published: str, **settings: str) -> subprocess.CompletedProcess[str]:
    chosen = {
        "KL_DB_LOCATION": str(root / "db"),
        "KL_DATA_DIR": str(root / published),
        "KL_PUBLISH_KUBELEDGER_LAYOUT": "true",
        "KL_BILLING_HOURLY_RATE": "8",
        "HOME": str(root),
        **settings,
    }
    return subprocess.run(
        command, env=environment(chosen), capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
    )


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Moved:
    root = tmp_path_factory.mktemp("migration")
    source = existing(int(time.time()) // 300 * 300).write(root / "source")
    before = hashes(source)
    import_ = ("import", str(source), *CAPACITY)
    plan = run(root, "CUMULATIVE_RATIO", *import_, "--dry-run")
    written = sorted(path.name for path in root.iterdir() if path != source)
    done = [run(root, "CUMULATIVE_RATIO", *import_)]
    due = int(time.time()) // 300 * 300
    with running_simulator(Workload(default_origin(due)), at=due) as cluster:
        command = [sys.executable, "-c", HALF_A_MINUTE_PAST, str(due)]
        done.append(started(command, root, "CUMULATIVE_RATIO", KL_K8S_API_ENDPOINT=cluster.url))
    # Importing again only publishes: each time under another model.
    done += [run(root, model, *import_, KL_COST_MODEL=model) for model in MODELS]
    for each in done:
        assert each.returncode == 0, each.stderr
    last = orjson.loads((root / "RATIO" / "dataset.json").read_bytes())["last_sample_at"]["kubernetes"]
    newest = int(datetime.fromisoformat(last).timestamp()) // HOUR * HOUR
    return Moved(source, before, root, plan, written, [each.stdout for each in done], newest)


@pytest.fixture(scope="module", params=list(MODELS))
def asked(request: pytest.FixtureRequest, moved: Moved) -> Iterator[Asked]:
    data = moved.root / request.param
    with http_server(data) as native, http_server(data / "kubeledger") as layout:
        yield Asked(native, layout)


def ask(server: HttpServer, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = call(server.url, tool, arguments)
    assert not answer.is_error, answer.content
    assert isinstance(answer.structured_content, dict)
    return answer.structured_content


def normed(amounts: Mapping[str, Mapping[str, float]]) -> Shares:
    return {
        bucket: {name: value / sum(named.values()) for name, value in named.items()}
        for bucket, named in amounts.items()
        if named
    }


def told(server: HttpServer, metric: str, scale: str, names: set[str]) -> Shares:
    answer = ask(server, "get_usage", metric=metric, scale=scale, namespaces=sorted(names))
    amounts: dict[str, dict[str, float]] = defaultdict(dict)
    for series in answer["series"]:
        for date, value in zip(answer["dates"], series["values"], strict=True):
            if value:
                amounts[date][series["namespace"]] = value
    return normed(amounts)


def recorded(moved: Moved, metric: str, start: int, bucket_of: Callable[[int], str]) -> Shares:
    """The source's own hours, grouped by what `bucket_of` makes of their end."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for name, ends, value in hours(moved.source, start, moved.newest, metric):
        if name not in (RATE, "non-allocatable"):
            sums[bucket_of(ends)][name] += value
    return normed(sums)


def compare(ours: Shares, theirs: Shares) -> None:
    assert {bucket: set(named) for bucket, named in ours.items()} == {
        bucket: set(named) for bucket, named in theirs.items()
    }
    for bucket, named in theirs.items():
        assert ours[bucket] == pytest.approx(dict(named), rel=0.005), bucket


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scale", WINDOWS)
def test_the_old_layout_gives_the_shares_of_the_source(moved: Moved, asked: Asked, metric: str, scale: str) -> None:
    window, form = WINDOWS[scale]
    theirs = recorded(
        moved, metric, moved.newest - window, lambda ends: datetime.fromtimestamp(ends, UTC).strftime(form)
    )
    names = {name for named in theirs.values() for name in named}
    assert len(names) == 5
    compare(told(asked.layout, metric, scale, names), theirs)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("scale", WINDOWS)
def test_the_dataset_gives_the_shares_of_the_source_by_the_begin_of_its_hours(
    moved: Moved, asked: Asked, metric: str, scale: str
) -> None:
    start = moved.newest // DAY * DAY - (14 if scale == "daily_14d" else 40) * DAY
    form = WINDOWS[scale][1]
    theirs = recorded(moved, metric, start, lambda ends: datetime.fromtimestamp(ends - HOUR, UTC).strftime(form))
    names = {name for named in theirs.values() for name in named}
    compare(told(asked.native, metric, scale, names), theirs)


@pytest.mark.parametrize("metric", METRICS)
def test_efficiency_of_a_day_is_that_of_the_source_in_both_layouts(moved: Moved, asked: Asked, metric: str) -> None:
    midnight = moved.newest // DAY * DAY - 6 * DAY
    date = datetime.fromtimestamp(midnight, UTC).strftime("%Y-%m-%d")
    # By the begin of the hour in the dataset, by its end in the layout.
    for server, start in ((asked.native, midnight), (asked.layout, midnight - HOUR)):
        used: dict[str, float] = defaultdict(float)
        for name, _, value in hours(moved.source, start, start + DAY, metric):
            used[name] += value
        answer = ask(
            server, "get_efficiency", scale="daily_14d", date=date, metric=metric, namespaces=["platform", "shop"]
        )
        ratios = {row["namespace"]: row["efficiency_ratio"] for row in answer["efficiency"]}
        assert ratios == pytest.approx({name: used[name] / 24 / of for name, of in ASKED.items()}, rel=0.005)


@pytest.mark.parametrize("metric", METRICS)
def test_efficiency_of_every_hour_is_the_same_from_both_layouts(asked: Asked, metric: str) -> None:
    found = []
    for server in (asked.native, asked.layout):
        answer = ask(server, "get_efficiency_timeseries", metric=metric, namespace="shop")
        (series,) = answer["series"]
        found.append(dict(zip(answer["hours"], series["values"], strict=True)))
    common = [hour for hour in found[0] if found[0][hour] is not None and found[1].get(hour) is not None]
    assert len(common) >= 165
    assert [found[0][hour] for hour in common] == pytest.approx([found[1][hour] for hour in common], rel=0.005)


def test_all_ten_tools_answer_from_both_layouts(asked: Asked) -> None:
    assert len(TOOLS) == 10
    for tool, arguments in TOOLS.items():
        for server in (asked.native, asked.layout):
            assert ask(server, tool, **arguments)
    assert ask(asked.native, "describe_dataset")["layout"] == "native"
    assert ask(asked.layout, "describe_dataset")["layout"] == "kubeledger"


def test_the_plan_is_shown_and_nothing_is_written(moved: Moved) -> None:
    assert moved.plan.returncode == 0, moved.plan.stderr
    assert "namespaces  5, of which 5 with requests and 0 with GPUs" in moved.plan.stdout
    assert moved.written_by_plan == []


def test_importing_again_adds_nothing(moved: Moved) -> None:
    first, _, *again = moved.reports
    stored = first.split("stored ")[1].split(" ticks")[0]
    assert int(stored) > 800
    assert all(f"stored 0 ticks; {stored} were there already" in report for report in again)


def test_the_existing_installation_is_never_touched(moved: Moved) -> None:
    assert hashes(moved.source) == moved.before
