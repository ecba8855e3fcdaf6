"""The file of what is remembered of GPUs."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.accounting.gpu_memory import GpuMemory, learn
from collector.store import gpu_memory
from collector.store.paths import GPUS_FILE
from tests.support.gpus import GPU, device, node, spans


def remembered() -> GpuMemory:
    """Of a node that is shared, has lost its units, and whose exporter shows fewer GPUs than before."""
    memory: GpuMemory = {}
    for time, units, devices in ((300, 8, 2), (600, 8, 2), (900, 8, 2), (1200, 0, 1)):
        shown = {"g1": [device(f"GPU-{i}") for i in range(devices)]}
        memory = learn(
            memory,
            spans(node(gpus=units, hints={"nvidia.com/gpu.product": "A10"}), node("a1", {"amd.com/gpu": 8.0})),
            shown,
            time,
        )
    return memory


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    gpu_memory.save(tmp_path, remembered())
    found = gpu_memory.load(tmp_path)
    assert found == remembered()
    assert found["g1"].worth(node(gpus=8), GPU) == 0.25
    assert (found["g1"].devices.since, found["g1"].devices.below) == (1200, 1.0)


def test_what_is_loaded_goes_on_where_it_was(tmp_path: Path) -> None:
    # Two ticks, a restart, the third.
    memory: GpuMemory = {}
    for time in (300, 600, 900):
        memory = learn(memory, spans(node(gpus=4)), {"g1": [device()]}, time)
        gpu_memory.save(tmp_path, memory)
        memory = gpu_memory.load(tmp_path)
    assert memory["g1"].worth(node(gpus=4), GPU) == 0.25


def test_where_there_is_no_file_nothing_is_remembered(tmp_path: Path) -> None:
    assert gpu_memory.load(tmp_path) == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"nodes": []}',
        b'{"nodes": {"g1": null}}',
        b'{"nodes": {"g1": {}}}',
        b'{"nodes": {"g1": {"last_there": "soon"}}}',
    ],
)
def test_a_file_that_cannot_be_understood_is_set_aside_and_named(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / GPUS_FILE
    path.write_bytes(content)
    assert gpu_memory.load(tmp_path) == {}
    assert not path.exists()
    assert path.with_name("gpus.json.damaged").read_bytes() == content
    assert "gpus.json.damaged" in caplog.text
    gpu_memory.save(tmp_path, remembered())
    assert gpu_memory.load(tmp_path) == remembered()


def test_a_folder_that_cannot_be_written_is_named_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gpu_memory.save(tmp_path / "missing", remembered())
    assert "cannot write" in caplog.text
    assert "gpus.json" in caplog.text
