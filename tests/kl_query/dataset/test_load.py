import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kl_core.regular_files import read_large
from kl_query.dataset import DatasetError, load_dataset
from kl_query.dataset.load import detect_layout
from tests.support.datasets import Dataset, Row, Scale, at, write, write_file
from tests.support.ordinary_user import ordinary_user
from tests.support.warned import told

SCALES = ("hourly_7d", "daily_14d", "monthly_12m")


def small(generation: int = 1) -> Dataset:
    return Dataset(
        generation=generation,
        hourly=Scale("2026-11-21T18:00:00Z", {"web": {"cpu": Row([1], [2])}}, {"cpu": [10]}),
        daily=Scale("2026-11-21", {"web": {"cpu": Row([19], [None])}}, {"cpu": [190]}, open_hours=19),
        monthly=Scale("2026-10", {"web": {}}, {"cpu": [7440, 4990]}, open_hours=499),
        table={"web": {"labels": {"team": [{"value": "a", "first_seen": "2026-01-01T00:00:00Z"}]}}},
        nodes=[
            {"name": "n", "ready": True, "schedulable": False, "pods": 3}
            | {key: {"cpu_cores": 10.0} for key in ("capacity", "allocatable", "usage", "requests")}
        ],
    )


def change(directory: Path, part: str, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Edit a published file and its entry in the manifest, so that only its content is wrong."""
    manifest = json.loads((directory / "dataset.json").read_text())
    if part == "manifest":
        edit(manifest)
    else:
        name = manifest["files"][part]["name"]
        document = json.loads((directory / name).read_text())
        edit(document)
        manifest["files"][part] = write_file(directory, name, document)
    (directory / "dataset.json").write_text(json.dumps(manifest))


def test_a_published_generation_is_read_as_it_was_written(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path, small()))
    assert (dataset.layout, dataset.generation, dataset.cost_model, dataset.cluster) == (
        "native",
        1,
        "cumulative",
        "test",
    )
    assert dataset.metrics == ("cpu",)
    assert dataset.warnings == ()
    hourly = dataset.scales["hourly_7d"]
    assert hourly.starts == (int(at("2026-11-21T18:00:00Z").timestamp()),)
    assert list(hourly.namespaces["web"]["cpu"].usage) == [1]
    assert dataset.namespaces["web"].labels == {"team": (("a", int(at("2026-01-01").timestamp())),)}
    assert dataset.nodes is not None
    assert dataset.nodes.nodes[0].capacity == {"cpu_cores": 10}


@pytest.mark.requirement("KL-D-4", "KL-D-5")
def test_null_is_read_as_unknown_and_buckets_end_by_the_calendar(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path, small()))
    requests = dataset.scales["daily_14d"].namespaces["web"]["cpu"].requests
    assert requests is not None
    assert requests[0] != requests[0]
    monthly = dataset.scales["monthly_12m"]
    assert monthly.ends == (int(at("2026-11").timestamp()), int(at("2026-12").timestamp()))
    assert monthly.sampled_until(1) == int(at("2026-11").timestamp()) + 499 * 3600


def test_system_prefixes_can_be_set(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path, small()), system_prefixes=("we",))
    assert dataset.is_system("web")
    assert not dataset.is_system("kube-system")


@pytest.mark.requirement("KL-E-4")
@pytest.mark.parametrize("part", SCALES)
def test_a_damaged_scale_costs_only_itself_and_is_named(tmp_path: Path, part: str) -> None:
    write(tmp_path, small())
    name = f"{part}-1.json"
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-10])
    dataset = load_dataset(tmp_path)
    assert set(dataset.scales) == set(SCALES) - {part}
    assert len(told(dataset)) == 1
    assert told(dataset)[0].startswith(f"{name} is damaged")
    assert "5 min" in told(dataset)[0]


def test_a_changed_byte_is_found_by_its_sha_256(tmp_path: Path) -> None:
    path = write(tmp_path, small()) / "hourly_7d-1.json"
    path.write_bytes(path.read_bytes().replace(b"10", b"11", 1))
    assert "SHA-256" in told(load_dataset(tmp_path))[0]


def test_missing_nodes_are_a_warning(tmp_path: Path) -> None:
    write(tmp_path, small())
    (tmp_path / "nodes-1.json").unlink()
    dataset = load_dataset(tmp_path)
    assert dataset.nodes is None
    assert told(dataset)[0].startswith("nodes-1.json is missing")


@pytest.mark.requirement("KL-D-3")
def test_a_file_that_vanishes_with_a_new_generation_is_read_from_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, small(1))

    def read_while_the_next_is_published(path: Path, most: int, *, inside: Path) -> memoryview:
        """Read a file; generation 2 is published, and generation 1 removed, while hours are read."""
        if path.name == "hourly_7d-1.json" and path.exists():
            write(tmp_path, small(2))
            for old in tmp_path.glob("*-1.json"):
                old.unlink()
        return read_large(path, most, inside=inside)

    monkeypatch.setattr("kl_query.dataset.load.read_large", read_while_the_next_is_published)
    dataset = load_dataset(tmp_path)
    assert dataset.generation == 2
    assert set(dataset.scales) == set(SCALES)
    assert dataset.warnings == ()


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda d: d["buckets"].append("2026-11-23T00:00:00Z"), "holes"),
        (lambda d: d.update(buckets=["2026-11-21T05:00:00Z"]), "starts no bucket"),
        (lambda d: d.update(buckets=["yesterday"]), "not an instant"),
        (lambda d: d.update(complete=[]), "complete"),
        (lambda d: d.update(elapsed_hours=[None]), "elapsed_hours"),
        (lambda d: d.update(observed_hours=[-1]), "observed_hours"),
        (lambda d: d.update(scale="hourly_7d"), "hourly_7d"),
        (lambda d: d.update(schema_version=2), "upgrade kl-mcp"),
        (lambda d: d.update(schema_version=0), "its schema_version is 0, not 1"),
        (lambda d: d.update(schema_version=True), "schema_version is not an integer"),
        (lambda d: d["namespaces"].update(stranger={}), "stranger"),
        (lambda d: d["namespaces"]["web"]["cpu"].update(usage=[1, 2]), "2 elements for 1 buckets"),
        (lambda d: d["namespaces"]["web"]["cpu"].update(usage=["a"]), "neither a number nor null"),
        (lambda d: d["namespaces"]["web"]["cpu"].pop("usage"), "lacks 'usage'"),
        (lambda d: d["namespaces"].update(web=3), "web is not an object"),
        (lambda d: d["special"].pop("idle"), "special lacks 'idle'"),
        (lambda d: d.pop("capacity"), "lacks 'capacity'"),
        (lambda d: d["coverage"].update(metrics=[1, 1]), "coverage.metrics"),
    ],
)
def test_a_scale_of_another_form_is_named_and_left_out(
    tmp_path: Path, edit: Callable[[dict[str, Any]], Any], says: str
) -> None:
    write(tmp_path, small())
    change(tmp_path, "daily_14d", edit)
    dataset = load_dataset(tmp_path)
    assert "daily_14d" not in dataset.scales
    assert told(dataset)[0].startswith("daily_14d-1.json cannot be used:")
    assert says in told(dataset)[0]


@pytest.mark.parametrize("place", ["the file", "a namespace"])
def test_a_scale_that_is_nested_without_end_costs_only_itself(tmp_path: Path, place: str) -> None:
    write(tmp_path, small())
    deep = b'"deep":' + b'{"a":' * 100_000 + b"0" + b"}" * 100_000
    start = {"the file": b"{", "a namespace": b'"web":{'}[place]
    content = (tmp_path / "daily_14d-1.json").read_bytes().replace(start, start + deep + b",", 1)
    (tmp_path / "daily_14d-1.json").write_bytes(content)
    record = {"name": "daily_14d-1.json", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    change(tmp_path, "manifest", lambda m: m["files"].update(daily_14d=record))
    dataset = load_dataset(tmp_path)
    assert set(dataset.scales) == {"hourly_7d", "monthly_12m"}
    assert told(dataset)[0].startswith("daily_14d-1.json cannot be used: ")


def test_an_idle_below_zero_is_a_number_whatever_number_it_is(tmp_path: Path) -> None:
    write(tmp_path, small())
    change(tmp_path, "hourly_7d", lambda d: d["special"]["idle"]["cpu"].update(usage=[-9e9]))
    dataset = load_dataset(tmp_path)
    assert list(dataset.scales["hourly_7d"].special["idle"]["cpu"].usage) == [-9e9]


def test_amounts_whose_sum_is_beyond_any_number_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, small())
    change(tmp_path, "monthly_12m", lambda d: d["capacity"].update(cpu=[1e308, 1e308]))
    dataset = load_dataset(tmp_path)
    assert "monthly_12m" not in dataset.scales
    assert "cpu holds a number that is not finite" in told(dataset)[0]


@pytest.mark.parametrize("cores", [True, "10", [10]])
def test_nodes_with_something_else_than_a_number_are_named_and_left_out(tmp_path: Path, cores: Any) -> None:
    write(tmp_path, small())
    change(tmp_path, "nodes", lambda d: d["nodes"][0]["capacity"].update(cpu_cores=cores))
    dataset = load_dataset(tmp_path)
    assert dataset.nodes is None
    assert told(dataset)[0].startswith("nodes-1.json cannot be used:")
    assert "cpu_cores is not a finite number" in told(dataset)[0]


@pytest.mark.requirement("KL-D-10")
@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda m: m.update(schema_version=2), "upgrade kl-mcp"),
        (lambda m: m.pop("schema_version"), "lacks 'schema_version'"),
        (lambda m: m.pop("namespaces"), "lacks 'namespaces'"),
        (lambda m: m.update(cost_model="FREE"), "cost_model"),
        (lambda m: m.update(generation="1"), "generation is not an integer"),
        (lambda m: m["files"].pop("nodes"), "files lacks 'nodes'"),
        (lambda m: m["files"]["nodes"].update(name="../../etc/passwd"), "not a plain data file name"),
        (lambda m: m.update(last_sample_at=None), "last_sample_at is not an object"),
        (lambda m: m["namespaces"][0].update(active="yes"), "active is not true or false"),
    ],
)
def test_a_manifest_of_another_form_is_an_error_that_says_what(
    tmp_path: Path, edit: Callable[[dict[str, Any]], Any], says: str
) -> None:
    write(tmp_path, small())
    change(tmp_path, "manifest", edit)
    with pytest.raises(DatasetError, match=r"dataset.json is not a usable dataset manifest") as caught:
        load_dataset(tmp_path)
    assert says in str(caught.value)


@pytest.mark.parametrize("content", [b"", b'{"schema_version": 1', b"[]", b"\xff\xfe", b"null"])
def test_a_truncated_or_foreign_manifest_is_an_error_that_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(DatasetError, match="KL_DATA_DIR"):
        load_dataset(tmp_path)


def test_what_may_not_be_read_is_told_with_the_systems_reason() -> None:
    with ordinary_user() as directory:
        write(directory, small())
        (directory / "daily_14d-1.json").chmod(0)
        (warning,) = told(load_dataset(directory))
        (directory / "dataset.json").chmod(0)
        with pytest.raises(DatasetError, match=r"dataset.json cannot be read \(Permission denied\): let this process"):
            load_dataset(directory)
    assert warning.startswith("daily_14d-1.json cannot be read (Permission denied)")


def test_absence_is_told_apart_by_its_cause(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        load_dataset(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="is a file, not a directory"):
        load_dataset(tmp_path / "file")
    with pytest.raises(DatasetError, match=r"no dataset.json yet.*after its first tick"):
        load_dataset(tmp_path)
    (tmp_path / "backend.json").write_text("{}")
    with pytest.raises(DatasetError, match="existing KubeLedger"):
        load_dataset(tmp_path)


def test_the_layout_is_recognised_by_its_files(tmp_path: Path) -> None:
    assert detect_layout(tmp_path) == "none"
    (tmp_path / "backend.json").write_text("{}")
    assert detect_layout(tmp_path) == "kubeledger"
    write(tmp_path, small())
    assert detect_layout(tmp_path) == "native"


def test_a_dataset_before_its_first_sample_loads_empty(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path, Dataset()))
    assert dataset.scales["daily_14d"].starts == ()
    assert dataset.warnings == ()
