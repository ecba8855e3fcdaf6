"""What a stranger sees first of the README, and its pictures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOP = README.partition("\n## ")[0]
PICTURES = re.findall(r"!\[[^\]]+\]\(([^)]+\.svg)\)", README)
SVG = "{http://www.w3.org/2000/svg}"
EM_PER_CHARACTER = 0.56
"""Of the widest fonts that browsers take for Helvetica or Arial, on average."""


def test_it_opens_with_the_question_a_picture_of_an_answer_and_one_command() -> None:
    lines = TOP.splitlines()
    assert lines[2] == "**What did our cluster's capacity go to, and what did it cost?**"
    assert [line.strip() for line in lines if line.startswith("    ")] == ["make demo"]
    assert lines.index("    make demo") < 15
    assert PICTURES[0] == "docs/answer.svg"


def test_the_five_questions_of_the_demo_stand_in_it() -> None:
    from simulator.questions import QUESTIONS

    plain = README.replace("`", "")
    assert [question.text for question in QUESTIONS if question.text not in plain] == []


def texts(picture: ET.Element) -> Iterator[tuple[str, float, float]]:
    """Every text that stands in the middle, with where it begins and ends from left to right."""
    for group in picture.iter(f"{SVG}g"):
        for each in group.findall(f"{SVG}text"):
            size = float(each.get("font-size") or group.get("font-size") or picture.get("font-size") or 16)
            half = len(each.text or "") * size * EM_PER_CHARACTER / 2
            if "middle" in (each.get("text-anchor"), group.get("text-anchor")):
                middle = float(each.get("x", "nan"))
                yield each.text or "", middle - half, middle + half


def test_no_text_of_the_architecture_crosses_the_border_of_a_panel() -> None:
    picture = ET.parse(ROOT / "docs" / "architecture.svg").getroot()
    panels = picture.findall(f"{SVG}g")[0].findall(f"{SVG}rect")
    left = [float(panel.get("x", "nan")) for panel in panels]
    borders = [*left, *(x + float(panel.get("width", "nan")) for x, panel in zip(left, panels, strict=True))]
    assert len(borders) == 8
    crossing = [text for text, begin, end in texts(picture) for border in borders if begin < border < end]
    assert crossing == []


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_says_what_it_shows_and_draws_nothing_beyond_its_edges(name: str) -> None:
    picture = ET.parse(ROOT / name).getroot()
    title = picture.find(f"{SVG}title")
    assert title is not None
    assert title.text
    _, _, width, height = map(float, picture.get("viewBox", "").split())
    for each in picture.iter(f"{SVG}rect"):
        assert float(each.get("x", 0)) + float(each.get("width", "nan")) <= width
        assert float(each.get("y", 0)) + float(each.get("height", "nan")) <= height
