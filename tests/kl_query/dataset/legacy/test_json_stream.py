"""Long lists, a chunk at a time."""

from __future__ import annotations

import json
from itertools import chain
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
    assert list(chain.from_iterable(records(path, chunk))) == ROWS


@pytest.mark.parametrize("chunk", [1, 8, 16, 1 << 20])
@pytest.mark.parametrize("after", ["x", " {", " 1]"])
def test_records_that_no_comma_parts_are_malformed(tmp_path: Path, chunk: int, after: str) -> None:
    path = tmp_path / "f.json"
    # Eight characters: a chunk of 8 or 16 ends where the record does.
    path.write_text('[{"a":1}' + after)
    with pytest.raises(MalformedError):
        list(records(path, chunk))


def test_what_holds_no_record_is_given_up_before_all_of_it_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_text("[" + "1," * 50_000 + "1]")
    read = records(path, 64)
    with pytest.raises(MalformedError, match="not a list of records"):
        next(read)


@pytest.mark.parametrize("chunk", [1, 16, 64, 1 << 20])
def test_a_list_cut_anywhere_is_malformed(tmp_path: Path, chunk: int) -> None:
    path = tmp_path / "f.json"
    whole = json.dumps(ROWS[:3])
    for cut in range(len(whole)):
        path.write_text(whole[:cut])
        with pytest.raises(MalformedError):
            list(records(path, chunk))
