from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import rrdtool

from collector.errors import StoreError
from collector.model import MetricValues, NodeState
from collector.store.paths import CLUSTER
from collector.store.registry import LabelValue
from collector.store.store import AppendReport, Store
from tests.collector.store.reading import capacity, coverage, measured, plain, requests, usage
from tests.support.samples import DAY, GIB, HOUR, NOON, STEP, entry, failed_tick, gpu_entry, tick, ticks


def test_an_empty_store_knows_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path / "deep" / "db") as store:
        assert (store.registry.first_tick, store.last_tick, store.nodes.nodes, store.nodes.time) == (
            None,
            None,
            (),
            None,
        )
        assert (dict(store.registry.namespaces), dict(store.registry.special)) == ({}, {})
        assert dict(store.registry.last_sample_at) == {"kubernetes": None, "metrics": None, "dcgm": None}
        assert capacity(store, NOON, 2) == coverage(store, NOON, 2) == [None, None]


def test_a_full_hour_reads_back_as_it_was_fed(tmp_path: Path) -> None:
    web = entry(3.0, 2.0, cpu_requests=4.0, gib_requests=5.0, measured=0.75)
    with Store.open(tmp_path) as store:
        hour = [tick(NOON + i * STEP, {"web": web}, reserved_cpu=1.0) for i in range(1, 13)]
        assert store.append(hour) == AppendReport(stored=12, refused=0)
        rows = store.entry("namespace", "web", NOON, NOON + HOUR, HOUR)
        assert (plain(rows.usage["cpu"]), plain(rows.usage["memory"])) == ([3.0], [2 * GIB])
        assert (plain(rows.requests["cpu"]), plain(rows.requests["memory"])) == ([4.0], [5 * GIB])
        assert plain(rows.measured) == [0.75]
        assert (list(rows.usage), list(rows.requests)) == (["cpu", "memory"], ["cpu", "memory"])
        cluster = store.cluster(NOON, NOON + HOUR, HOUR)
        assert {m: plain(v) for m, v in cluster.capacity.items()} == {
            "cpu": [10.0], "memory": [40 * GIB], "gpu": [0.0], "gpu_memory": [0.0],
        }  # fmt: skip
        assert plain(cluster.allocatable["cpu"]) == [9.0]
        assert {s: plain(v) for s, v in cluster.observed.items()} == {
            "kubernetes": [1.0], "metrics": [1.0], "dcgm": [0.0],
        }  # fmt: skip


def test_the_cluster_file_has_the_sources_it_is_documented_with() -> None:
    assert CLUSTER.sources == (
        "cap_cpu", "cap_mem", "cap_gpu", "cap_gpu_mem", "alloc_cpu", "alloc_mem", "alloc_gpu", "alloc_gpu_mem",
        "observed_kubernetes", "observed_metrics", "observed_dcgm", "observed_pods", "configured_dcgm",
    )  # fmt: skip
    assert max(map(len, CLUSTER.sources)) <= 19, "librrd's limit"


def test_ticks_stand_for_the_interval_that_ends_at_their_time(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + STEP, {"web": entry(1.0)}), tick(NOON + 2 * STEP, {"web": entry(2.0)})])
        assert usage(store, "web", NOON, 3, step=STEP) == [1.0, 2.0, None]


def test_a_failed_kubernetes_tick_makes_everything_unknown_and_counts_as_not_observed(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        web = {"web": entry(4.0, cpu_requests=6.0)}
        store.append([*ticks(NOON, NOON + 9 * STEP, web), *(failed_tick(NOON + i * STEP) for i in (10, 11))])
        store.append([tick(NOON + HOUR, web)])
        assert usage(store, "web", NOON, 12, step=STEP) == [4.0] * 9 + [None, None, 4.0]
        assert requests(store, "web", NOON, 12, step=STEP) == [6.0] * 9 + [None, None, 6.0]
        assert capacity(store, NOON, 12, step=STEP) == [10.0] * 9 + [None, None, 10.0]
        # 10 of 12 steps observed, and the mean is over those.
        assert coverage(store, NOON) == pytest.approx([10 / 12])
        assert (usage(store, "web", NOON), requests(store, "web", NOON)) == ([4.0], [6.0])
        assert store.registry.namespaces["web"].lives == ((NOON + STEP, NOON + HOUR),)


def test_a_failed_metrics_tick_leaves_requests_known(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + 6 * STEP, {"web": entry(4.0, 1.0, cpu_requests=6.0)}))
        blind = {"web": entry(None, None, cpu_requests=8.0, measured=None)}
        store.append([tick(NOON + i * STEP, blind, metrics=False) for i in range(7, 13)])
        assert usage(store, "web", NOON, 12, step=STEP) == [4.0] * 6 + [None] * 6
        assert measured(store, "web", NOON, 12, step=STEP) == [1.0] * 6 + [0.0] * 6
        # Half of the pod samples of the hour were measured.
        assert measured(store, "web", NOON) == [0.5]
        # Usage: half of the hour is known, its mean is 4. Requests: (6 x 6 + 6 x 8) / 12 = 7.
        assert (usage(store, "web", NOON), requests(store, "web", NOON)) == ([4.0], [7.0])
        assert coverage(store, NOON, source="metrics") == [0.5]
        assert coverage(store, NOON) == [1.0]
        assert store.registry.last_sample_at == {"kubernetes": NOON + HOUR, "metrics": NOON + 6 * STEP, "dcgm": None}


def test_since_when_exporters_are_configured_is_kept_beside_what_they_answered(tmp_path: Path) -> None:
    """Configured from 13:20 on (8 of 12 steps), answered from 13:35 on (5 of 12)."""
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + i * STEP, dcgm=None) for i in range(1, 17)])
        store.append([tick(NOON + HOUR + i * STEP, dcgm=i > 7) for i in range(5, 13)])
        assert coverage(store, NOON, 2, source="dcgm") == pytest.approx([0.0, 5 / 12])
        rows = store.cluster(NOON, NOON + 2 * HOUR, HOUR)
        assert list(rows.configured_dcgm) == pytest.approx([0.0, 8 / 12])


def test_in_how_many_steps_pods_and_their_usage_were_both_known_is_kept(tmp_path: Path) -> None:
    """The API fails in steps 1 and 2, metrics-server in 2 to 4: each is there in 10 and 9 of 12, both in 8."""
    answers = [(i > 2, i not in (2, 3, 4)) for i in range(1, 13)]
    with Store.open(tmp_path) as store:
        for i, (kubernetes, metrics) in enumerate(answers, start=1):
            sample = tick(NOON + i * STEP) if kubernetes else failed_tick(NOON + i * STEP)
            store.append([replace(sample, observed={**sample.observed, "metrics": metrics})])
        assert list(store.cluster(NOON, NOON + HOUR, HOUR).observed_pods) == pytest.approx([8 / 12])


def test_a_time_that_is_taken_or_past_is_refused_logged_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + 3 * STEP, {"web": entry(1.0)})])
        with caplog.at_level(logging.WARNING):
            late = [tick(NOON + i * STEP, {"web": entry(9.0)}) for i in (1, 3, 4, 4, 2)]
            assert store.append(late) == AppendReport(stored=1, refused=4)
        assert "refused 4 tick(s)" in caplog.text
        assert "clock" in caplog.text
        assert usage(store, "web", NOON, 5, step=STEP) == [None, None, 1.0, 9.0, None]
        assert store.append(late) == AppendReport(stored=0, refused=5)


def test_refusal_survives_a_restart(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + 3 * STEP)])
    with Store.open(tmp_path) as store:
        assert (store.registry.first_tick, store.last_tick) == (NOON + 3 * STEP, NOON + 3 * STEP)
        assert store.append([tick(NOON + 3 * STEP), tick(NOON + 2 * STEP)]) == AppendReport(0, 2)


def test_failed_ticks_are_stored_ticks(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([failed_tick(NOON + STEP)])
        assert (store.registry.first_tick, store.last_tick) == (NOON + STEP, NOON + STEP)
        assert coverage(store, NOON, 2, step=STEP) == [0.0, None]
        assert store.append([tick(NOON + STEP)]).refused == 1


@pytest.mark.parametrize(("time", "interval"), [(NOON + 1, 300), (NOON + 300, 600), (NOON, 7200), (NOON, 60), (0, 300)])
def test_a_tick_off_the_grid_is_refused_with_an_explanation(tmp_path: Path, time: int, interval: int) -> None:
    with Store.open(tmp_path) as store, pytest.raises(StoreError, match="not on the grid"):
        store.append([tick(time, interval=interval)])


@pytest.mark.parametrize("name", ["idle", "non-allocatable", "unmeasured", "excluded", "x", "0", "a" * 63, "cluster"])
def test_every_legal_namespace_name_works(tmp_path: Path, name: str) -> None:
    with Store.open(tmp_path) as store:
        special = {"excluded": entry(7.0)}
        store.append([tick(NOON + i * STEP, {name: entry(2.0)}, special=special) for i in range(1, 13)])  # type: ignore[arg-type]
        assert usage(store, name, NOON) == [2.0]
        assert usage(store, "excluded", NOON, kind="special") == [7.0]
        assert capacity(store, NOON) == [10.0]
    with Store.open(tmp_path) as store:
        assert list(store.registry.namespaces) == [name]
        assert list(store.registry.special) == ["excluded"]


@pytest.mark.requirement("KL-S-4")
@pytest.mark.parametrize(
    "name", ["", ".", "..", "../cluster", "a/b", "/etc/passwd", "a.gpu", "A", "-a", "a-", "a" * 64, "a\n", "ü", "a b"]
)
def test_a_name_that_is_no_dns_label_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    database = tmp_path / "db"
    with Store.open(database) as store:
        with pytest.raises(StoreError, match="not a DNS label"):
            store.append([tick(NOON + STEP, {"web": entry(1.0), name: entry(1.0)})])
        assert (store.last_tick, dict(store.registry.namespaces)) == (None, {})
    assert list(tmp_path.rglob("*.rrd")) == []
    assert list((database / "journal").iterdir()) == []
    assert list(tmp_path.iterdir()) == [database]


def test_a_namespace_that_never_was_is_named(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, pytest.raises(StoreError, match="'nobody'"):
        store.entry("namespace", "nobody", NOON, NOON + HOUR, HOUR)


def test_gpu_files_exist_only_for_who_held_a_gpu(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        both = {"train": gpu_entry(0.5, 2.0, 8.0), "web": entry(1.0)}
        store.append(ticks(NOON, NOON + HOUR, both))
        rows = store.entry("namespace", "train", NOON, NOON + HOUR, HOUR)
        assert (plain(rows.usage["gpu"]), plain(rows.usage["gpu_memory"])) == ([0.5], [8 * GIB])
        assert (plain(rows.requests["gpu"]), "gpu_memory" in rows.requests) == ([2.0], False)
        assert store.registry.namespaces["train"].gpu_since == NOON + STEP
    assert sorted(path.name for path in (tmp_path / "namespaces").iterdir()) == [
        "train.gpu.rrd",
        "train.rrd",
        "web.rrd",
    ]


def test_the_first_gpu_in_the_middle_of_an_hour_counts_from_there(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + 8 * STEP, {"train": entry(1.0)}))
        assert "gpu" not in store.entry("namespace", "train", NOON, NOON + HOUR, HOUR).usage
        store.append(ticks(NOON + 8 * STEP, NOON + HOUR, {"train": gpu_entry(3.0, 6.0, 12.0, cpu=1.0)}))
        # 4 of 12 steps: 3 x 4 / 12 = 1 GPU, 12 x 4 / 12 = 4 GiB, 6 x 4 / 12 = 2 requested.
        assert usage(store, "train", NOON, metric="gpu") == [1.0]
        assert usage(store, "train", NOON, metric="gpu_memory") == [4 * GIB]
        rows = store.entry("namespace", "train", NOON, NOON + HOUR, HOUR)
        assert (plain(rows.requests["gpu"]), plain(rows.usage["cpu"])) == ([2.0], [1.0])
        assert store.registry.namespaces["train"].gpu_since == NOON + 9 * STEP


def test_a_namespace_that_gave_its_gpu_back_uses_zero(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR, {"train": gpu_entry(1.0, 1.0, 1.0)}))
        store.append(ticks(NOON + HOUR, NOON + 2 * HOUR, {"train": entry(1.0)}))
        assert usage(store, "train", NOON, 2, metric="gpu") == [1.0, 0.0]


def test_gpu_usage_is_unknown_when_dcgm_failed_and_requests_still_count(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + HOUR, {"train": gpu_entry(None, 4.0, None)}))
        rows = store.entry("namespace", "train", NOON, NOON + HOUR, HOUR)
        assert (plain(rows.usage["gpu"]), plain(rows.usage["gpu_memory"])) == ([None], [None])
        assert plain(rows.requests["gpu"]) == [4.0]


def test_gpu_capacity_is_zero_before_the_first_gpu_node(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + 8 * STEP))
        store.append([tick(NOON + i * STEP, gpu=12.0, gpu_gib=480.0) for i in range(9, 13)])
        # 4 of 12 steps: 12 x 4 / 12 = 4 GPU-hours, 480 x 4 / 12 = 160 GiB-hours.
        assert capacity(store, NOON, metric="gpu") == [4.0]
        assert capacity(store, NOON, metric="gpu_memory") == [160 * GIB]


def test_gpu_memory_capacity_is_unknown_while_there_are_gpus_that_nobody_reports(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        unknown = tick(NOON + STEP, gpu=2.0, gpu_gib=None)
        absent: MetricValues = {"cpu": 10.0, "memory": GIB, "gpu": 2.0}
        store.append([unknown, replace(unknown, time=NOON + 2 * STEP, capacity=absent, allocatable=absent)])
        assert capacity(store, NOON, 2, metric="gpu_memory", step=STEP) == [None, None]


def test_labels_are_kept_with_the_time_each_value_was_first_seen(tmp_path: Path) -> None:
    times = [NOON + i * STEP for i in range(1, 7)]
    seen = [
        {"team": "a"},
        {"team": "a", "tier": "1"},
        {"tier": "1"},
        {"team": "b", "tier": "1"},
        {"tier": "1", "team": "b"},
    ]
    with Store.open(tmp_path) as store:
        store.append([tick(t, {"web": entry(labels=labels)}) for t, labels in zip(times, seen, strict=False)])
        # A namespace that goes takes no labels off; it comes back with the first value.
        store.append([tick(times[5])])
        store.append([tick(times[5] + STEP, {"web": entry(labels={"team": "a", "tier": "1"})})])
    with Store.open(tmp_path) as store:
        assert store.registry.namespaces["web"].labels == {
            "team": (
                LabelValue("a", times[0]),
                LabelValue(None, times[2]),
                LabelValue("b", times[3]),
                LabelValue("a", times[5] + STEP),
            ),
            "tier": (LabelValue("1", times[1]),),
        }


def test_the_nodes_of_the_newest_successful_listing_survive_a_restart(tmp_path: Path) -> None:
    def node(name: str) -> NodeState:
        amounts: MetricValues = {"cpu": 4.0, "memory": GIB}
        return NodeState(name, amounts, amounts, {"cpu": None}, amounts, 3, ready=True, schedulable=False)

    with Store.open(tmp_path) as store:
        left = replace(node("n0"), has_left=True)
        store.append([tick(NOON + i * STEP, nodes=(node(f"n{i}"), left)) for i in (1, 2)])
        store.append([failed_tick(NOON + 3 * STEP)])
        assert (store.nodes.nodes, store.nodes.time) == ((node("n2"),), NOON + 2 * STEP)
    with Store.open(tmp_path) as store:
        assert (store.nodes.nodes, store.nodes.time) == ((node("n2"),), NOON + 2 * STEP)
    (tmp_path / "nodes.json").write_text("{")
    with Store.open(tmp_path) as store:
        assert (store.nodes.nodes, store.nodes.time, store.last_tick) == ((), None, NOON + 3 * STEP)


def test_a_batch_and_its_ticks_one_by_one_give_the_same_books(tmp_path: Path) -> None:
    samples = ticks(NOON, NOON + 7 * STEP, {"web": entry(1.0), "gone": entry(2.0)})
    samples += [failed_tick(NOON + 8 * STEP), *ticks(NOON + 20 * STEP, NOON + 30 * STEP, {"web": entry(3.0)})]
    with Store.open(tmp_path / "batch") as batch, Store.open(tmp_path / "single") as single:
        batch.append(samples)
        for sample in samples:
            single.append([sample])
        assert batch.registry.namespaces == single.registry.namespaces
        for name in ("web", "gone"):
            for step in (STEP, HOUR):
                assert usage(batch, name, NOON, 36, step=step) == usage(single, name, NOON, 36, step=step)
        assert coverage(batch, NOON, 36, step=STEP) == coverage(single, NOON, 36, step=STEP)


def test_a_batch_is_one_update_per_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = rrdtool.update, []

    def counted(path: str, *arguments: str) -> None:
        calls.append((Path(path).name, sum(":" in argument for argument in arguments)))
        real(path, *arguments)

    monkeypatch.setattr(rrdtool, "update", counted)
    with Store.open(tmp_path) as store:
        store.append(ticks(NOON, NOON + 24 * HOUR, {"web": entry(1.0), "train": gpu_entry(1.0, 1.0, 1.0)}))
    assert sorted(calls) == [(name, 288) for name in ("cluster.rrd", "train.gpu.rrd", "train.rrd", "web.rrd")]


def test_what_ended_400_days_ago_leaves_the_store(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.append([tick(NOON + STEP, {"old": gpu_entry(1.0, 1.0, 1.0), "again": entry(1.0)}), tick(NOON + HOUR)])
        store.append([tick(NOON + 200 * DAY, {"again": entry(1.0)}), tick(NOON + 201 * DAY)])
        store.append([tick(NOON + 400 * DAY)])
        assert sorted(store.registry.namespaces) == ["again", "old"]
        store.append([tick(NOON + 400 * DAY + 2 * STEP)])
        assert store.registry.namespaces["again"].lives == ((NOON + 200 * DAY, NOON + 200 * DAY),)
        assert sorted(store.registry.namespaces) == ["again"]
        assert [path.name for path in (tmp_path / "namespaces").iterdir()] == ["again.rrd"]
        # A namespace of that name is a new one.
        store.append([tick(NOON + 400 * DAY + 3 * STEP, {"old": entry(5.0)})])
        assert store.registry.namespaces["old"].first_seen == NOON + 400 * DAY + 3 * STEP
    with Store.open(tmp_path) as store:
        assert usage(store, "old", NOON + 400 * DAY + 2 * STEP, 1, step=STEP) == [5.0]
