"""A field that an answer does not have is found before anything runs, and so is a value of another type."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCE = """
from kl_query.answers.shares import RestOfSeries
from kl_query.fields import LazyRows

right = RestOfSeries(count=1, value=2.0)
misspelt = RestOfSeries(count=1, values=2.0)
absent = RestOfSeries(count=1)
of_another_type = RestOfSeries(count="1", value=2.0)
read = right.values
rows = LazyRows(3, lambda place: RestOfSeries(count=place, value=0.0))
of_a_row = rows[0].counts
"""
WRONG = [6, 7, 8, 9, 11]
"""The lines of it that are."""


def test_a_misspelt_field_fails_the_check_of_types(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text(SOURCE, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        "pyproject.toml",
        "--cache-dir",
        str(tmp_path),
        str(source),
    ]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert sorted({int(line) for line in re.findall(r"source\.py:(\d+): error", checked.stdout)}) == WRONG


@pytest.mark.parametrize("place", sorted(ROOT.glob("kl_query/answers/**/*.py")), ids=lambda place: place.stem)
def test_no_question_answers_with_a_dictionary_of_anything(place: Path) -> None:
    assert not re.findall(r"dict\[str, Any\]|Mapping\[str, Any\]", place.read_text(encoding="utf-8"))
