"""Standard error that keeps nobody waiting, on real pipes."""

from __future__ import annotations

import fcntl
import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from kl_mcp.protocol.standard_error import MAX_KEPT_BYTES, UnblockedStandardError

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """The two ends of a small pipe, which Linux calls full once its second page is begun."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 2 * select.PIPE_BUF)
    yield reader, writer
    for end in (reader, writer):
        try:
            os.close(end)
        except OSError:  # the test has closed it
            continue


def _drained(pipe: Pipe, stream: UnblockedStandardError) -> str:
    """Read what is there, and what follows when there is room again."""
    parts = []
    while select.select(pipe[:1], (), (), 0)[0]:
        parts.append(os.read(pipe[0], 1_000_000))
        stream.flush()
    return b"".join(parts).decode()


def test_what_there_is_room_for_is_written_at_once(pipe: Pipe) -> None:
    stream = UnblockedStandardError(pipe[1])

    print("one", "zwölf", file=stream)

    assert os.read(pipe[0], 100).decode() == "one zwölf\n"


def test_what_there_is_no_room_for_comes_later_in_order_and_once(pipe: Pipe) -> None:
    stream = UnblockedStandardError(pipe[1])
    lines = [f"record {number}\n" for number in range(2_000)]

    for line in lines:
        assert stream.write(line) == len(line)

    assert _drained(pipe, stream) == "".join(lines)


def test_what_is_beyond_the_limit_is_lost_and_counted_once(pipe: Pipe) -> None:
    stream = UnblockedStandardError(pipe[1])
    stream.write("a" * 2 * select.PIPE_BUF)  # fills the pipe
    stream.write("b" * (MAX_KEPT_BYTES - 1))
    stream.write("c" * 10)  # still begins within the limit
    for _ in range(3):
        stream.write("lost\n")

    drained = _drained(pipe, stream)
    stream.write("after\n")

    kept = "a" * 2 * select.PIPE_BUF + "b" * (MAX_KEPT_BYTES - 1) + "c" * 10
    assert drained == kept + "3 records were lost: nobody read standard error.\n"
    assert _drained(pipe, stream) == "after\n"


def test_nothing_is_lost_when_there_is_room_again_for_what_was_kept(pipe: Pipe) -> None:
    stream = UnblockedStandardError(pipe[1])
    stream.write("a" * 2 * select.PIPE_BUF)  # fills the pipe
    stream.write("b" * MAX_KEPT_BYTES)
    begun = os.read(pipe[0], 2 * select.PIPE_BUF).decode()

    stream.write("kept\n")

    assert begun + _drained(pipe, stream) == "a" * 2 * select.PIPE_BUF + "b" * MAX_KEPT_BYTES + "kept\n"


def test_a_reader_that_went_away_and_a_closed_descriptor_raise_nothing(pipe: Pipe) -> None:
    stream = UnblockedStandardError(pipe[1])

    os.close(pipe[0])
    stream.write("nobody reads this\n")
    os.close(pipe[1])
    stream.write("nor this\n")


def test_text_that_is_no_utf_8_is_written_escaped(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        UnblockedStandardError(file.fileno()).write("half \ud83d\n")

    assert (tmp_path / "log").read_text() == "half \\ud83d\n"
