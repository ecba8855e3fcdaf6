"""The table of sizes covers every tool and finds what is over its budget."""

from __future__ import annotations

import pytest

from benchmarks import sizes
from kl_mcp.tools import TABLE
from tests.support.large_dataset import large_dataset


def test_every_tool_has_a_line() -> None:
    assert list(sizes.sizes(large_dataset(3))) == list(TABLE)


def test_characters_are_counted_and_not_bytes() -> None:
    # {"a":"é"} has nine characters and ten bytes.
    assert sizes.characters({"a": "é"}) == 9


@pytest.mark.parametrize(("budget", "code"), [(40_000, 0), (10, 1)])
def test_the_command_fails_when_an_answer_is_over_its_budget(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], budget: int, code: int
) -> None:
    monkeypatch.setattr(sizes, "NAMESPACES", 5)
    monkeypatch.setattr(sizes, "MAX_CHARS", budget)
    assert sizes.main() == code
    assert "get_top_consumers" in capsys.readouterr().out
