"""`verify` finds whatever was changed since, and names it."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import DamagedDayError, StoreError
from collector.store.ledger import chain
from collector.store.ledger.day_file import day_files
from collector.store.ledger.ledger import Ledger
from collector.store.ledger.verify import verify
from kl_core.calendar import DAY, HOUR
from tests.collector.store.ledger.hours import CLUSTER, MIDNIGHT, day, unobserved

SECOND, THIRD = MIDNIGHT + DAY, MIDNIGHT + 2 * DAY


@pytest.fixture
def heads(tmp_path: Path) -> list[str]:
    """The heads of a ledger of two days and an hour, after each day."""
    ledger = Ledger.open(tmp_path)
    seen = []
    for hours in (day(), day(SECOND), day(THIRD, 1)):
        ledger.append(hours, CLUSTER)
        seen.append(ledger.head)
    return seen


def compressed(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.xz"))


def fault(directory: Path, head: str | None = None) -> DamagedDayError:
    verdict = verify(directory, head=head)
    assert (verdict.proof, verdict.proven_until) == ("bad", None)
    assert verdict.fault is not None
    return verdict.fault


def rewritten(directory: Path, number: int, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a line of the first day, counted from 1, and write the whole ledger anew with chains that fit."""
    head = chain.BEGINNING
    for at, file in enumerate(day_files(directory)):
        lines = []
        for place, line in enumerate(file.lines()[0], 1):
            document = orjson.loads(line)
            del document["chain"]
            if place == 1:
                document["previous"] = head
            if at == 0 and place == number:
                change(document)
            written, head = chain.chained(head, json.dumps(document, separators=(",", ":")).encode())
            lines.append(written)
        file.path.unlink()
        file.begin(lines, is_over=at < 2)


def test_a_ledger_that_nobody_changed_is_consistent(tmp_path: Path, heads: list[str]) -> None:
    steps: list[tuple[int, int]] = []
    verdict = verify(tmp_path, progress=lambda done, total: steps.append((done, total)))
    assert (verdict.proof, verdict.days, verdict.lines, verdict.head) == ("consistent", 3, 52, heads[-1])
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_head_that_was_kept_elsewhere_proves_it_up_to_that_line(tmp_path: Path, heads: list[str]) -> None:
    verdicts = [verify(tmp_path, head=head) for head in heads]
    assert [each.proof for each in verdicts] == ["proven"] * 3
    assert [each.proven_until for each in verdicts] == [
        "2026-10-04T00:00:00Z",
        "2026-10-05T00:00:00Z",
        "2026-10-05T01:00:00Z",
    ]


def test_a_head_that_no_line_has_fails(tmp_path: Path, heads: list[str]) -> None:
    assert "no line up to here has the head eeee" in str(fault(tmp_path, "e" * 64))


def test_a_ledger_written_anew_is_consistent_but_not_proven_by_an_earlier_head(
    tmp_path: Path, heads: list[str]
) -> None:
    rewritten(tmp_path, 2, lambda line: line.update(measured=[5, 5]))
    assert verify(tmp_path).proof == "consistent"
    assert fault(tmp_path, heads[0]).file.endswith("2026-10-05.jsonl")


@given(st.data())
def test_a_flipped_bit_anywhere_in_a_closed_day_is_found_and_its_file_named(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("flipped")
    Ledger.open(directory).append([*day(), *day(SECOND, 1)], CLUSTER)
    (path,) = compressed(directory)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    assert fault(directory).file == str(path)


def test_a_changed_digit_of_any_line_is_found_and_the_line_named(tmp_path: Path, heads: list[str]) -> None:
    path = compressed(tmp_path)[1]
    lines = lzma.decompress(path.read_bytes()).splitlines(keepends=True)
    for at, line in enumerate(lines):
        digit = next(place for place in range(60, len(line)) if line[place : place + 1].isdigit())
        changed = line[:digit] + (b"1" if line[digit : digit + 1] != b"1" else b"2") + line[digit + 1 :]
        path.write_bytes(lzma.compress(b"".join([*lines[:at], changed, *lines[at + 1 :]])))
        found = fault(tmp_path)
        assert (found.file, found.line) == (str(path), at + 1)


@pytest.mark.parametrize(
    ("numbers", "line"), [([0, 2], 2), ([0, 1, 3], 3), ([1, 0, 2], 1), ([0, 1, 1, 2], 3), ([0], 2), ([], 1)]
)
def test_lines_taken_out_doubled_or_moved_are_found(
    tmp_path: Path, heads: list[str], numbers: list[int], line: int
) -> None:
    path = compressed(tmp_path)[0]
    lines = lzma.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(lzma.compress(b"".join(lines[number] for number in numbers)))
    found = fault(tmp_path)
    assert (found.file, found.line) == (str(path), line)


def test_a_day_that_ends_early_is_found(tmp_path: Path, heads: list[str]) -> None:
    path = compressed(tmp_path)[0]
    path.write_bytes(lzma.compress(b"".join(lzma.decompress(path.read_bytes()).splitlines(keepends=True)[:-1])))
    assert (fault(tmp_path).line, fault(tmp_path).fault) == (25, "2026-10-03T23:00:00Z is missing")


def test_a_closed_day_without_its_last_newline_is_found(tmp_path: Path, heads: list[str]) -> None:
    path = compressed(tmp_path)[0]
    path.write_bytes(lzma.compress(lzma.decompress(path.read_bytes())[:-1]))
    assert (fault(tmp_path).line, fault(tmp_path).fault) == (25, "it has no end")


def test_a_day_that_begins_late_is_found_even_where_the_chain_fits(tmp_path: Path, heads: list[str]) -> None:
    second = day_files(tmp_path)[1]
    documents, head, lines = [json.loads(line) for line in second.lines()[0]], heads[0], []
    for document in [documents[0], *documents[2:]]:
        del document["chain"]
        line, head = chain.chained(head, json.dumps(document, separators=(",", ":")).encode())
        lines.append(line)
    second.begin(lines, is_over=True)
    assert (fault(tmp_path).line, fault(tmp_path).fault) == (2, "2026-10-04T00:00:00Z is missing")


def test_two_files_that_were_swapped_are_found(tmp_path: Path, heads: list[str]) -> None:
    first, second = compressed(tmp_path)
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    assert (fault(tmp_path).line, fault(tmp_path).fault) == (1, "it is of 2026-10-04, in the file of 2026-10-03")


def test_a_removed_file_is_found(tmp_path: Path, heads: list[str]) -> None:
    compressed(tmp_path)[1].unlink()
    found = fault(tmp_path)
    assert (found.line, found.fault) == (1, f"it follows the line {heads[1]}, 2026-10-03 ends with {heads[0]}")


def test_a_removed_beginning_is_found_unless_it_is_said_where_to_begin(tmp_path: Path, heads: list[str]) -> None:
    compressed(tmp_path)[0].unlink()
    assert "If older days were given up, verify with --from 2026-10-04" in str(fault(tmp_path))
    assert verify(tmp_path, first="2026-10-04").proof == "consistent"


def test_a_range_of_days_is_held_against_itself_alone(tmp_path: Path, heads: list[str]) -> None:
    compressed(tmp_path)[0].write_bytes(b"")
    verdict = verify(tmp_path, first="2026-10-04", last="2026-10-04", head=heads[1])
    assert (verdict.proof, verdict.lines) == ("proven", 25)
    assert verify(tmp_path, first="2026-10-04", last="2026-10-04", head=heads[2]).proof == "bad"


def test_without_a_day_there_is_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no day of a ledger under"):
        verify(tmp_path)
    with pytest.raises(StoreError, match="there is no day of a ledger from 2026-10-04 to its end under"):
        verify(tmp_path, first="2026-10-04")


def test_a_line_that_is_being_written_is_not_held_against_it(tmp_path: Path, heads: list[str]) -> None:
    newest = next(tmp_path.rglob("*.jsonl"))
    newest.write_bytes(newest.read_bytes() + b'{"hour":"2026-10')
    assert verify(tmp_path).proof == "consistent"


def test_days_that_nobody_observed_have_to_be_named(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append([unobserved(MIDNIGHT + at * HOUR) for at in range(24)], CLUSTER)
    ledger.append(day(THIRD, 2), CLUSTER)
    assert verify(tmp_path).proof == "consistent"
    first, second = day_files(tmp_path)
    header, *hours = [orjson.loads(line) for line in second.lines()[0]]
    head, lines = chain.split(first.lines()[0][-1])[1], []
    for document in [{**header, "unobserved_days": None}, *hours]:
        del document["chain"]
        line, head = chain.chained(head, orjson.dumps(document))
        lines.append(line)
    second.begin(lines, is_over=False)
    assert "its unobserved days are not those between it and the file before" in str(fault(tmp_path))


RULES: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (lambda line: line["rate"].update(rate=2.500001), "the bill is 2500000 millionths, the rate 2500001"),
    (lambda line: line["bill"].update(cpu=1_999_999), "the bill is 2499999 millionths, the rate 2500000"),
    (lambda line: line["bill"].update(cpu=1_999_999, gpu=1), "gpu is billed, of which there is no capacity"),
    (lambda line: line.pop("rate"), "there is a bill without a rate"),
    (lambda line: line.pop("bill"), "there is no bill, though the rate is 2500000 millionths"),
    (lambda line: line["capacity"].update(cpu=3_899 * HOUR), "allocatable.cpu is more than capacity.cpu"),
    (lambda line: line["cpu"].update(charged=[-1, 0]), "less of cpu is charged than is requested"),
    (lambda line: line["memory"].update(usage=[1, -1]), "namespaces memory.usage is below zero"),
    (lambda line: line.update(measured=[3600, 3601]), "namespaces measured is more than the 3600 seconds of an hour"),
    (
        lambda line: line.update(pods_observed=3601, measured=[1, 1]),
        "pods_observed is more than observed.kubernetes",
    ),
    (lambda line: line["observed"].update(metrics=3599), "pods_observed is more than observed.metrics"),
    (
        lambda line: line.update(unobserved={"metrics": {"timeout": 1}}),
        "metrics was observed and unobserved for more than 3600 seconds together",
    ),
    (
        lambda line: line.update(observed={"kubernetes": 1799, "metrics": 0, "dcgm": None}, pods_observed=0),
        "capacity.cpu is known of an hour of which less than half was observed",
    ),
    (lambda line: line["cpu"].update(usage=[1]), "cpu.usage has 1 elements, the day has named 2 so far"),
    (lambda line: line["cpu"].update(usage=[1, 2.5]), "Expected `int | null`, got `float`"),
    (lambda line: line["cpu"].update(usage=[1, 2**64]), "cpu.usage: Python int too large"),
    (lambda line: line["capacity"].update(cpu=2**64), "Python int too large"),
    (lambda line: line["cpu"].update(requests=[None, 1]), "cpu.charged is known where requests are not"),
    (lambda line: line.update(idle=5), "Object contains unknown field `idle`"),
    (lambda line: line.update(gone=[2]), "2 is the place of none of the 2 names so far"),
    (lambda line: line.update(labels={"2": {}}), "'2' is the place of none of the 2 names so far"),
    (lambda line: line.update(unmeasured={"absent": {"x": 1}}), "'x' is the place of none of the 2 names so far"),
    (lambda line: line.update(names=[{"name": "web", "labels": {}}]), "it names a namespace that the day has named"),
    (lambda line: line.update(hour="2026-10-03T02:00:00Z"), "2026-10-03T02:00:00Z is not the hour that stands here"),
    (lambda line: line.update(hour="then"), "'then' is no hour"),
    (lambda line: line["nodes"].update(present=[3601]), "nodes.present is more than the 3600 seconds of an hour"),
]


@pytest.mark.parametrize(("change", "expected"), RULES, ids=[text for _, text in RULES])
def test_an_hour_that_cannot_be_is_found_even_where_the_chain_fits(
    tmp_path: Path, heads: list[str], change: Callable[[dict[str, Any]], None], expected: str
) -> None:
    rewritten(tmp_path, 3, change)
    found = fault(tmp_path)
    assert expected in found.fault
    assert found.line == 3


def test_a_name_that_is_none_is_found(tmp_path: Path, heads: list[str]) -> None:
    rewritten(tmp_path, 1, lambda line: line["namespaces"][1].update(name="=1+1"))
    assert (fault(tmp_path).line, fault(tmp_path).fault) == (2, "'=1+1' is no name of a namespace")
