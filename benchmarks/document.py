"""`docs/questions.md`: every question with its calls, what they answer, and what the answers cost to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.catalogue import CHAPTERS
from benchmarks.known import Known
from benchmarks.questions import SECOND, Answered, Ask, put
from benchmarks.year import FROZEN_NOW, Year
from kl_mcp.tools import TABLE
from simulator.objects import timestamp

SAMPLED_SECONDS_AGO = 20.0
_LISTED = 3
_HEAD = """\
# Questions and what it takes to answer them

<!-- Written by scripts/questions.py: change benchmarks/catalogue and run it again. -->

Questions that platform engineers and FinOps analysts ask, each with the calls an assistant makes, what stands in the
answer and where, and how long the answers are. They are put to twelve months of a simulated cluster ({namespaces}
namespaces, asked at {moment}), whose true answers follow from a formula. The test suite computes
every one of them and checks that it is in the answer.

**{questions} questions, {single} of them in one call, the others in two. What has to be read takes {median} tokens in
the median and {largest} at most** (characters ÷ 4, of all answers to a question together).
"""


def put_all(year: Year) -> list[tuple[str, list[Answered]]]:
    """Asks every question in this process, a few seconds after the last sample; by chapter."""
    ask = in_process(year)
    return [(title, [put(question, year.when, ask) for question in questions]) for title, questions in CHAPTERS]


def in_process(year: Year) -> Ask:
    """Asks the tools themselves."""
    dataset = year.dataset()

    def ask(tool: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return TABLE[tool].run(arguments, dataset, FROZEN_NOW + SAMPLED_SECONDS_AGO)

    return ask


def document(year: Year) -> str:
    """The whole page."""
    chapters, known = put_all(year), Known(year)
    answered = [each for _, chapter in chapters for each in chapter]
    head = _HEAD.format(
        namespaces=len(known.namespaces),
        moment=timestamp(FROZEN_NOW),
        questions=len(answered),
        single=sum(1 for each in answered if len(each.calls) == 1),
        median=round(median(each.tokens for each in answered)),
        largest=max(each.tokens for each in answered),
    )
    number, parts = 0, [head]
    for title, chapter in chapters:
        rows = [_row(number + place, each, known) for place, each in enumerate(chapter, start=1)]
        number += len(chapter)
        parts.append(f"## {title}\n\n" + _table(rows))
    return "\n".join(parts)


def _row(number: int, answered: Answered, known: Known) -> list[str]:
    places = _shown(list(answered.question.expect(known)))
    answer = "<br>".join(f"`{place}` {_value(answered.at(place))}{_unit(answered, place)}" for place in places)
    calls = "<br>".join(f"`{each}`" for each in answered.calls)
    return [str(number), answered.question.text, calls, answer, f"{answered.characters:,}", f"{answered.tokens:,}"]


def _shown(places: Sequence[str]) -> list[str]:
    """The answer proper: the first place, with the second where the first alone says only a half of it."""
    half = places[0].endswith(("namespace", "name", "billed_change_pct")) and len(places) > 1
    return list(places[:2]) if half or (len(places) > 1 and places[1].startswith(SECOND)) else list(places[:1])


def _unit(answered: Answered, place: str) -> str:
    """After a measured amount, its unit."""
    answer = answered.answers[place.startswith(f"{SECOND}/")]
    unit = answer["metadata"]["unit"]
    amount = place.endswith(("value", "values", "total", "totals", "value_scaled_to_month", "change", "unused"))
    return f" {unit}" if amount and unit and unit != "efficiency_ratio" else ""


def _value(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(_value, value[:_LISTED]))
        return f"{shown}, … ({len(value)})" if len(value) > _LISTED else shown
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = ("", "question", "calls", "in the answer", "characters", "tokens")
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    lines.insert(1, "| --: | --- | --- | --- | --: | --: |")
    return "\n".join(lines) + "\n"
