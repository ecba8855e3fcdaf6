"""Files of the history: read when they are asked for, kept within a bound, and named where they cannot be used."""

from __future__ import annotations

import hashlib
import json
import lzma
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.history import HistoryCache
from kl_query.view import Frame, frame
from tests.kl_query.test_past_dates import published
from tests.support.datasets import write, write_file


def asked(dataset: Dataset, date: str) -> Frame:
    return frame(dataset, "daily_14d", "cpu", None, date=date)


def october(directory: Path) -> Path:
    return directory / "history" / "days-2026-10-01.json.xz"


def test_nothing_is_read_before_it_is_asked_for_and_then_once(tmp_path: Path) -> None:
    cache = HistoryCache()
    dataset = load_dataset(write(tmp_path, published()), cache=cache)
    october(tmp_path).rename(tmp_path / "aside")
    assert not asked(dataset, "2026-11-10").scale.problems
    assert asked(dataset, "2026-10-02").scale.problems
    (tmp_path / "aside").rename(october(tmp_path))
    assert asked(dataset, "2026-10-02").total_of("web").value == 2
    october(tmp_path).unlink()
    again = load_dataset(tmp_path, cache=cache)
    assert asked(again, "2026-10-02..2026-10-03").total_of("web").value == 5


@pytest.mark.parametrize("most", [0, 1])
def test_what_is_beyond_the_bound_is_read_again(tmp_path: Path, most: int) -> None:
    dataset = load_dataset(write(tmp_path, published()), cache=HistoryCache(most))
    assert asked(dataset, "2026-10-02").total_of("web").value == 2
    assert asked(dataset, "2026-11-02").total_of("web").value == 24
    october(tmp_path).unlink()
    assert asked(dataset, "2026-10-02").scale.problems


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "it is missing"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "it is not what the index says of it"),
    "flipped": (flipped, "it is not what the index says of it"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b" "), "it cannot be read"),
    "folder": (as_folder, "it cannot be read"),
}


@pytest.mark.requirement("KL-D-14")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_cannot_be_used_is_named_and_what_it_holds_unknown(tmp_path: Path, damage: str) -> None:
    change, said = DAMAGES[damage]
    dataset = load_dataset(write(tmp_path, published()))
    change(october(tmp_path))
    view = asked(dataset, "2026-10-30..2026-11-02")
    assert view.total_of("web").value == 48
    assert view.window.observed_hours == 48
    (problem,) = (warning.text for warning in view.scale.problems)
    assert problem.startswith("history/days-2026-10-01.json.xz of the history is not used, for ")
    assert said in problem


@pytest.mark.parametrize("content", [b"no xz", lzma.compress(b"no json"), lzma.compress(b"{}")[:-8]])
def test_a_file_of_another_form_is_named_too(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, published())
    manifest = json.loads((tmp_path / "dataset.json").read_text())
    index = json.loads((tmp_path / "history-1.json").read_text())
    index["files"][0] |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (tmp_path / index["files"][0]["name"]).write_bytes(content)
    manifest["files"]["history"] = write_file(tmp_path, "history-1.json", index)
    (tmp_path / "dataset.json").write_text(json.dumps(manifest))
    assert asked(load_dataset(tmp_path), "2026-10-30").scale.problems


def published_with(directory: Path, change: Callable[[list[dict[str, object]]], object]) -> Dataset:
    """Publish with an index whose files are changed."""
    write(directory, published())
    manifest = json.loads((directory / "dataset.json").read_text())
    index = json.loads((directory / "history-1.json").read_text())
    change(index["files"])
    manifest["files"]["history"] = write_file(directory, "history-1.json", index)
    (directory / "dataset.json").write_text(json.dumps(manifest))
    return load_dataset(directory)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda files: files.reverse(), "overlap or are not in order"),
        (lambda files: files.insert(1, files[0]), "overlap or are not in order"),
        (lambda files: files[0].update(end=files[1]["end"]), "overlap or are not in order"),
        (lambda files: files[1].update(end=files[1]["start"]), "overlap or are not in order"),
        (lambda files: files[0].update(start="2026-10-01T06:00:00Z"), "do not begin and end with a bucket"),
    ],
)
def test_an_index_whose_files_are_not_one_after_the_other_counts_nothing_twice(
    tmp_path: Path, change: Callable[[list[dict[str, object]]], object], fault: str
) -> None:
    dataset = published_with(tmp_path, change)
    assert dataset.history is None
    (said,) = dataset.warnings
    assert f"its files of daily_14d {fault}" in said.text


def test_a_file_with_other_buckets_than_the_index_says_is_named(tmp_path: Path) -> None:
    dataset = published_with(tmp_path, lambda files: files[0].update(start="2026-10-05T00:00:00Z"))
    view = asked(dataset, "2026-10-30..2026-11-01")
    assert view.total_of("web").value == 24
    (said,) = view.scale.problems
    assert "it holds other buckets than the index says" in said.text


def test_an_index_that_cannot_be_used_leaves_the_scales_and_is_said(tmp_path: Path) -> None:
    write(tmp_path, published())
    (tmp_path / "history-1.json").unlink()
    dataset = load_dataset(tmp_path)
    assert dataset.history is None
    assert asked(dataset, "2026-11-10").total_of("web").value == 24
    assert [warning.text for warning in dataset.warnings] == [
        "history-1.json is missing; dates before the published scales cannot be asked for until the next generation."
    ]


@pytest.mark.parametrize("name", ["../days.json.xz", "history/../x", "/etc/passwd", "history/.hidden", "history/a/b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, published())
    manifest = json.loads((tmp_path / "dataset.json").read_text())
    index = json.loads((tmp_path / "history-1.json").read_text())
    index["files"][0]["name"] = name
    manifest["files"]["history"] = write_file(tmp_path, "history-1.json", index)
    (tmp_path / "dataset.json").write_text(json.dumps(manifest))
    (warning,) = load_dataset(tmp_path).warnings
    assert "is no name of a file of the history" in warning.text


def test_money_of_which_no_index_tells_the_currency_is_unknown_and_amounts_are_not(tmp_path: Path) -> None:
    write(tmp_path, published())
    manifest = json.loads((tmp_path / "dataset.json").read_text())
    index = json.loads((tmp_path / "history-1.json").read_text())
    del index["files"][0]["currency"]
    manifest["files"]["history"] = write_file(tmp_path, "history-1.json", index)
    (tmp_path / "dataset.json").write_text(json.dumps(manifest))
    dataset = load_dataset(tmp_path)
    assert asked(dataset, "2026-10-20").total_of("db").value == 40
    assert math.isnan(frame(dataset, "daily_14d", "cpu", "costs", date="2026-10-20").total_of("db").value)
    assert frame(dataset, "daily_14d", "cpu", "costs", date="2026-11-02").capacity_or_bill == 144
