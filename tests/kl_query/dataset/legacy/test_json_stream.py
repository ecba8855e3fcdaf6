"""Long lists, a chunk at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kl_query.dataset.fields import MalformedError
from kl_query.dataset.legacy.json_stream import records

ROWS = [{"stack": f"ns-{i}", "usage": i / 3, "date": "21 Nov"} for i in range(40)]


@pytest.mark.parametrize("chunk", range(1, 130, 7))
@pytest.mark.parametrize("indent", [None, 1])
def test_a_list_reads_the_same_wherever_chunks_end(tmp_path: Path, chunk: int, indent: int | None) -> None:
    path = tmp_path / "f.json"
    path.write_text(json.dumps(ROWS, indent=indent) + "\n")
    assert list(records(path, chunk)) == ROWS


@pytest.mark.parametrize("chunk", [1, 16, 64, 1 << 20])
def test_a_list_cut_anywhere_is_malformed(tmp_path: Path, chunk: int) -> None:
    path = tmp_path / "f.json"
    whole = json.dumps(ROWS[:3])
    for cut in range(len(whole)):
        path.write_text(whole[:cut])
        with pytest.raises(MalformedError):
            list(records(path, chunk))
