"""Generations on a real file system, with real readers and real kills."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from collector.errors import PublishError
from collector.publish.generation import publish
from kl_core.durable_files import sync_path
from kl_core.vocabulary import MANIFEST
from tests.support.small_disk import small_disk

NAMES = ("hourly_7d", "daily_14d", "monthly_12m", "nodes")


def documents(mark: int, size: int = 10) -> dict[str, dict[str, Any]]:
    return {name: {"mark": mark, "column": np.arange(size, dtype=np.float64)} for name in NAMES}


def read_generation(directory: Path) -> tuple[int, list[dict[str, Any]]]:
    """Manifest and all files it names, each checked by size and hash; FileNotFoundError when one has been deleted."""
    manifest = orjson.loads((directory / MANIFEST).read_bytes())
    contents = []
    for file in manifest["files"].values():
        content = (directory / file["name"]).read_bytes()
        assert len(content) == file["size"]
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        contents.append(orjson.loads(content))
    return int(manifest["generation"]), contents


@pytest.mark.requirement("KL-D-1")
def test_a_generation_is_four_files_and_the_manifest_that_names_them(tmp_path: Path) -> None:
    assert publish(tmp_path / "new" / "data", documents(1), {"cluster": "prod"}) == 1
    directory = tmp_path / "new" / "data"
    assert sorted(path.name for path in directory.iterdir()) == [
        "daily_14d-1.json",
        "dataset.json",
        "hourly_7d-1.json",
        "monthly_12m-1.json",
        "nodes-1.json",
    ]
    manifest = orjson.loads((directory / MANIFEST).read_bytes())
    assert manifest["cluster"] == "prod"
    assert manifest["files"]["nodes"]["name"] == "nodes-1.json"
    generation, contents = read_generation(directory)
    assert generation == 1
    assert all(content["generation"] == 1 for content in contents)


def test_columns_are_written_as_numbers_and_unknown_as_null(tmp_path: Path) -> None:
    column = np.array([1.5, np.nan, 0.1])
    publish(tmp_path, {**documents(1), "nodes": {"column": column}}, {})
    assert orjson.loads((tmp_path / "nodes-1.json").read_bytes())["column"] == [1.5, None, 0.1]


@pytest.mark.requirement("KL-D-2")
def test_two_generations_are_kept(tmp_path: Path) -> None:
    for mark in range(1, 5):
        assert publish(tmp_path, documents(mark), {}) == mark
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {MANIFEST} | {f"{name}-{generation}.json" for name in NAMES for generation in (3, 4)}


@pytest.mark.requirement("KL-D-3")
def test_the_generation_rises_above_manifest_and_files(tmp_path: Path) -> None:
    (tmp_path / "nodes-41.json").write_bytes(b"{}")
    assert publish(tmp_path, documents(1), {}) == 42
    (tmp_path / MANIFEST).unlink()
    assert publish(tmp_path, documents(2), {}) == 43


@pytest.mark.parametrize("content", [b"", b"not json", b"[]", b'{"files": 3}', b'{"files": {"a": 1}}', b"null"])
def test_a_damaged_manifest_is_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    publish(tmp_path, documents(7), {})
    assert read_generation(tmp_path)[0] == 1


def test_stale_temporary_files_and_orphans_go_and_foreign_files_stay(tmp_path: Path) -> None:
    publish(tmp_path, documents(1), {})
    for name in ("hourly_7d-2.json.unfinished", "dataset.json.unfinished", "hourly_7d-2.json", "notes.txt", "old.json"):
        (tmp_path / name).write_bytes(b"half")
    assert publish(tmp_path, documents(2), {}) == 3
    names = {path.name for path in tmp_path.iterdir()}
    assert {"notes.txt", "old.json"} <= names
    assert not [name for name in names if name.endswith(".unfinished")]
    assert "hourly_7d-2.json" not in names
    assert "hourly_7d-1.json" in names


def test_a_path_that_is_a_file_is_explained(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.write_text("I was here first")
    with pytest.raises(PublishError, match=r"data: it, or a directory above it, is not a directory\. KL_DATA_DIR"):
        publish(place, documents(1), {})
    with pytest.raises(PublishError, match="is not a directory"):
        publish(place / "below", documents(1), {})
    assert place.read_text() == "I was here first"


def test_a_failed_publication_leaves_the_one_before(tmp_path: Path) -> None:
    publish(tmp_path, documents(1), {})
    # A directory in the way of the last data file's temporary name fails the write, whoever runs the test.
    (tmp_path / "nodes-2.json.unfinished").mkdir()
    with pytest.raises(PublishError, match=r"nodes-2\.json: Is a directory"):
        publish(tmp_path, documents(2), {})
    generation, contents = read_generation(tmp_path)
    assert (generation, contents[0]["mark"]) == (1, 1)
    assert not (tmp_path / "hourly_7d-2.json").exists()
    (tmp_path / "nodes-2.json.unfinished").rmdir()
    assert publish(tmp_path, documents(3), {}) == 2


@pytest.mark.parametrize(("refused", "generation"), [(1, 1), (2, 2)])
def test_a_folder_that_cannot_be_synced_leaves_what_its_manifest_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int, generation: int
) -> None:
    """It is synced before its manifest is renamed, and after."""
    publish(tmp_path, documents(1), {})
    calls = 0

    def sync(path: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == refused:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync_path(path)

    monkeypatch.setattr("collector.publish.generation.sync_path", sync)
    with pytest.raises(PublishError, match="Input/output error"):
        publish(tmp_path, documents(2), {})
    assert read_generation(tmp_path)[0] == generation


def test_a_disk_without_space_leaves_the_generation_before(tmp_path: Path) -> None:
    """A real file system of 256 KiB that a generation of 2 MB does not fit on."""
    with small_disk(tmp_path, 256):
        publish(tmp_path, documents(1), {})
        with pytest.raises(PublishError, match=r"no space left \(No space left on device; \d+ KiB free\)"):
            publish(tmp_path, documents(2, size=200_000), {})
        assert read_generation(tmp_path)[0] == 1
        assert not list(tmp_path.glob("*.unfinished"))
        assert publish(tmp_path, documents(3), {}) == 2


def test_a_directory_that_may_not_be_written_is_explained(tmp_path: Path) -> None:
    publish(tmp_path, documents(1), {})
    script = (
        "import os, sys\n"
        "from pathlib import Path; from collector.errors import PublishError\n"
        "from collector.publish.generation import publish\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: publish(Path(sys.argv[1]), {'nodes': {}}, {})\n"
        "except PublishError as error: print(error)"
    )
    # A directory of its own, because pytest's is closed to the user the script becomes.
    place = Path("/tmp") / f"kubeledger-readonly-{os.getpid()}"
    place.mkdir(mode=0o555)
    try:
        done = subprocess.run([sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=True)
    finally:
        place.rmdir()
    assert "nodes-1.json: Permission denied. KL_DATA_DIR has to be a directory that this user may write" in done.stdout


@pytest.mark.requirement("KL-D-1", "KL-D-2")
def test_a_reader_never_sees_half_a_generation(tmp_path: Path) -> None:
    publish(tmp_path, documents(1, size=20_000), {})
    finished = threading.Event()
    seen: set[int] = set()
    problems: list[str] = []

    def read_on() -> None:
        while not finished.is_set():
            try:
                generation, contents = read_generation(tmp_path)
            except FileNotFoundError as error:
                if gone_too_early(tmp_path, Path(error.filename)):
                    problems.append(str(error))
                continue
            except (AssertionError, ValueError) as error:
                problems.append(repr(error))
                continue
            if {content["mark"] for content in contents} != {generation}:
                problems.append(f"generation {generation} is mixed")
            seen.add(generation)

    reader = threading.Thread(target=read_on)
    reader.start()
    last = 1
    while last < 201 or (len(seen) <= 10 and not problems):
        last += 1
        publish(tmp_path, documents(last, size=20_000), {})
    finished.set()
    reader.join()
    assert problems == []
    assert read_generation(tmp_path)[0] == last


def gone_too_early(directory: Path, file: Path) -> bool:
    """A generation stays until two more have come, however long its reader takes."""
    generation = file.stem.rpartition("-")[2]
    newest = int(orjson.loads((directory / MANIFEST).read_bytes())["generation"])
    return not generation.isdecimal() or newest < int(generation) + 2


_PUBLISHER = """
import sys
from pathlib import Path
import numpy as np
from collector.publish.generation import publish
names = ("hourly_7d", "daily_14d", "monthly_12m", "nodes")
mark = 1
while True:
    column = np.arange(50_000, dtype=np.float64)
    mark = publish(Path(sys.argv[1]), {name: {"column": column} for name in names}, {}) + 1
    print(mark, flush=True)
"""


@pytest.mark.requirement("KL-D-2")
@pytest.mark.parametrize("delay", [0.0, 0.003, 0.007, 0.011, 0.017])
def test_a_kill_in_mid_publication_leaves_a_whole_generation(tmp_path: Path, delay: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PUBLISHER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
    generation, contents = read_generation(tmp_path)
    assert generation >= 2
    assert {content["generation"] for content in contents} == {generation}
    # The next publisher goes on from there and clears up.
    assert publish(tmp_path, documents(1), {}) > generation
    assert not list(tmp_path.glob("*.unfinished"))
