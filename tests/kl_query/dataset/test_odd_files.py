"""Named pipes, devices, links and monsters in the place of a dataset's files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from kl_core.regular_files import TooLongError
from kl_query.dataset import DatasetError, load_dataset
from kl_query.dataset.legacy import reader_of
from kl_query.dataset.legacy.json_stream import records
from kl_query.dataset.load import MAX_MANIFEST_BYTES
from tests.kl_query.dataset.legacy.conftest import FILES
from tests.support.legacy_layout import put
from tests.support.odd_files import ODD, put_odd, without_waiting
from tests.support.published import publish
from tests.support.warned import told

PARTS = ("hourly_7d", "daily_14d", "monthly_12m", "nodes")
HUGE = 1 << 40


@pytest.fixture
def native(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    publish(directory, 1)
    return directory


@pytest.fixture
def legacy(tmp_path: Path) -> Path:
    directory = tmp_path / "legacy"
    directory.mkdir()
    for name, content in FILES.items():
        put(directory, name, content)
    return directory


def _hole(path: Path, size: int) -> None:
    """Make a file longer without taking space."""
    with path.open("ab") as file:
        file.truncate(size)


def _said(name: str, says: str) -> tuple[str, ...]:
    """What may be said of a file of KubeLedger's, whose age is looked at before what it is."""
    odd_by_its_age = ("is missing", "cannot be read (Too many levels of symbolic links)")
    return (f"{name} cannot be read ({says}", *(f"{name} {what}" for what in odd_by_its_age))


def _change_record(directory: Path, part: str, **change: Any) -> None:
    manifest = json.loads((directory / "dataset.json").read_bytes())
    manifest["files"][part].update(change)
    (directory / "dataset.json").write_text(json.dumps(manifest))


@pytest.mark.requirement("KL-D-11")
@pytest.mark.parametrize("what", ODD)
def test_an_odd_manifest_is_an_error_that_says_what_it_is_and_what_to_do(native: Path, what: str) -> None:
    says = put_odd(native / "dataset.json", what)

    with pytest.raises(DatasetError) as caught:
        without_waiting(lambda: load_dataset(native))

    said = str(caught.value)
    assert said.startswith(f"{native / 'dataset.json'} cannot be used: {says}")
    assert "Remove it" in said


@pytest.mark.parametrize("what", ["pipe", "directory", "link to a device"])
def test_an_odd_manifest_does_not_make_the_directory_one_of_another_layout(legacy: Path, what: str) -> None:
    says = put_odd(legacy / "dataset.json", what)

    with pytest.raises(DatasetError, match=says):
        without_waiting(lambda: load_dataset(legacy))


@pytest.mark.parametrize(("size", "says"), [(MAX_MANIFEST_BYTES + 1, "64,000,001"), (HUGE, "1,099,511,627,776")])
def test_a_manifest_of_a_monstrous_length_is_not_read(native: Path, size: int, says: str) -> None:
    _hole(native / "dataset.json", size)

    with pytest.raises(DatasetError, match=f"it has {says} bytes, more than the 64,000,000 that are read. Remove it"):
        load_dataset(native)


def test_a_manifest_as_long_as_is_allowed_is_read(native: Path) -> None:
    path = native / "dataset.json"
    path.write_bytes(path.read_bytes().ljust(MAX_MANIFEST_BYTES))

    assert load_dataset(native).generation == 1


@pytest.mark.requirement("KL-E-4", "KL-D-11")
@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("part", PARTS)
def test_an_odd_data_file_costs_only_what_is_in_it_and_is_named(native: Path, part: str, what: str) -> None:
    says = put_odd(native / f"{part}-1.json", what)

    dataset = without_waiting(lambda: load_dataset(native))

    (warning,) = told(dataset)
    assert warning.startswith(f"{part}-1.json cannot be read ({says}")
    assert {*dataset.scales, *(["nodes"] if dataset.nodes else [])} == {*PARTS} - {part}


@pytest.mark.parametrize("part", PARTS)
def test_a_data_file_longer_than_the_manifest_says_is_not_read(native: Path, part: str) -> None:
    size = (native / f"{part}-1.json").stat().st_size
    _hole(native / f"{part}-1.json", HUGE)

    (warning,) = told(load_dataset(native))

    assert warning.startswith(f"{part}-1.json is damaged: {HUGE} bytes where the manifest says {size};")


@pytest.mark.requirement("KL-D-11")
@pytest.mark.parametrize("part", PARTS)
def test_a_size_beyond_all_reason_is_not_read_whatever_the_file_is(native: Path, part: str) -> None:
    _hole(native / f"{part}-1.json", HUGE)
    _change_record(native, part, size=HUGE)

    (warning,) = told(load_dataset(native))

    assert warning.startswith(
        f"{part}-1.json is not read: the manifest says it has 1,099,511,627,776 bytes, and at most 512,000,000 are "
        "loaded;"
    )


def test_a_file_as_long_as_is_allowed_is_read(native: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (native / "hourly_7d-1.json").stat().st_size
    monkeypatch.setattr("kl_query.dataset.load.MAX_DATA_FILE_BYTES", size)
    assert "hourly_7d" in load_dataset(native).scales
    monkeypatch.setattr("kl_query.dataset.load.MAX_DATA_FILE_BYTES", size - 1)
    assert "hourly_7d" not in load_dataset(native).scales


def test_a_negative_size_is_no_reason_to_read_everything(native: Path) -> None:
    _hole(native / "hourly_7d-1.json", HUGE)
    _change_record(native, "hourly_7d", size=-5)

    (warning,) = told(load_dataset(native))

    assert warning.startswith(f"hourly_7d-1.json is damaged: {HUGE} bytes where the manifest says -5;")


@pytest.mark.parametrize("name", ["../hourly_7d-1.json", "/etc/hourly_7d-1.json", "hourly_7d-1.json\0", "a\n-1.json"])
def test_a_name_that_could_lead_elsewhere_is_refused(native: Path, name: str) -> None:
    _change_record(native, "hourly_7d", name=name)

    with pytest.raises(DatasetError, match="not a plain data file name"):
        load_dataset(native)


def test_a_whole_generation_is_read_through_links_inside_the_directory(native: Path) -> None:
    inner = native / "..2026"
    inner.mkdir()
    for path in list(native.glob("*.json")):
        path.rename(inner / path.name)
        path.symlink_to(f"..data/{path.name}")
    (native / "..data").symlink_to("..2026")
    alias = native.parent / "alias"
    alias.symlink_to(native)

    for directory in (native, alias):
        dataset = load_dataset(directory)
        assert dataset.warnings == ()
        assert set(dataset.scales) == {*PARTS} - {"nodes"}


def test_a_link_out_is_refused_although_its_content_is_what_the_manifest_says(native: Path) -> None:
    outside = native.parent / "hourly.json"
    (native / "hourly_7d-1.json").rename(outside)
    (native / "hourly_7d-1.json").symlink_to(outside)
    content = outside.read_bytes()
    _change_record(native, "hourly_7d", size=len(content), sha256=hashlib.sha256(content).hexdigest())

    (warning,) = told(load_dataset(native))

    assert warning.startswith(f"hourly_7d-1.json cannot be read (it is a link that leads out of {native})")


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("name", [name for name in FILES if FILES[name]])
def test_an_odd_file_of_kubeledgers_is_answered_from_its_last_good_content(legacy: Path, name: str, what: str) -> None:
    before = load_dataset(legacy)
    says = put_odd(legacy / name, what)

    dataset = without_waiting(lambda: load_dataset(legacy))

    assert dataset.cost_model == "cumulative"
    assert {n: scale.starts for n, scale in dataset.scales.items()} == {n: s.starts for n, s in before.scales.items()}
    assert any(w.startswith(_said(name, says)) for w in told(dataset))


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("name", [name for name in FILES if name != "backend.json"])
def test_an_odd_file_of_kubeledgers_is_unknown_where_it_was_never_read(legacy: Path, name: str, what: str) -> None:
    reader_of.cache_clear()
    says = put_odd(legacy / name, what)

    dataset = without_waiting(lambda: load_dataset(legacy))

    (said,) = (w for w in told(dataset) if w.startswith(_said(name, says)))
    assert said.endswith(": its content is unknown.")


@pytest.mark.parametrize("what", ODD)
def test_an_odd_cost_model_is_an_error_where_it_was_never_read(legacy: Path, what: str) -> None:
    reader_of.cache_clear()
    says = put_odd(legacy / "backend.json", what)

    with pytest.raises(DatasetError) as caught:
        without_waiting(lambda: load_dataset(legacy))

    assert f"backend.json cannot be read ({says}" in str(caught.value)


def test_a_cost_model_of_a_monstrous_length_is_not_read(legacy: Path) -> None:
    load_dataset(legacy)
    _hole(legacy / "backend.json", HUGE)

    said = "backend.json cannot be read (it has 1,099,511,627,776 bytes, more than the 1,000,000 that are read)"
    assert any(warning.startswith(said) for warning in told(load_dataset(legacy)))


def test_a_list_that_grows_without_end_while_it_is_read_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.json"
    row = b'{"stack": "a", "usage": 1, "date": "21 Nov"},'
    path.write_bytes(b"[" + row)
    monkeypatch.setattr("kl_query.dataset.legacy.json_stream.MAX_FILE_BYTES", 1000)

    def read_while_somebody_writes() -> None:
        with path.open("ab", buffering=0) as writer:
            for read, _ in enumerate(records(path, len(row))):
                writer.write(row)
                assert read < 100, "it reads on for as long as somebody writes"

    with pytest.raises(TooLongError, match="more than the 1,000 that are read"):
        read_while_somebody_writes()
    assert path.stat().st_size > 1000


def test_files_of_kubeledgers_are_read_through_links_inside_the_directory(legacy: Path) -> None:
    (legacy / "store").mkdir()
    for name in FILES:
        (legacy / name).rename(legacy / "store" / name)
        (legacy / name).symlink_to(f"store/{name}")

    assert set(load_dataset(legacy).namespaces) == {"shop", "web"}
