"""Questions in plain language, the calls that answer each, and how an answer is held against the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks.known import Known
from benchmarks.periods import Periods

Answer = Mapping[str, Any]
Ask = Callable[[str, Mapping[str, Any]], Answer]
"""Asks one tool and returns its structured content."""

MAX_CALLS = 2
TOLERANCE = 1e-3
CHARS_PER_TOKEN = 4
SECOND = "then"


@dataclass(frozen=True, slots=True)
class Call:
    """A tool with its arguments."""

    tool: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        """As a person would write it."""
        written = ", ".join(f"{name}={_written(value)}" for name, value in self.arguments.items())
        return f"{self.tool}({written})"


def call(tool: str, **arguments: Any) -> Call:
    """A call, with its arguments as they are named in the tool's schema."""
    return Call(tool, arguments)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the calls that answer it at any time, and what has to stand where in the answers.

    `expect` maps places to what is true. A place is a path of names, positions, `*` (each row) and `name=value` (the
    row with that value), from the first answer, or, after `then/`, from the second. The first place holds the answer
    proper. Names, counts and dates must be exactly so, measured numbers within 0.1 per cent.
    """

    text: str
    calls: Callable[[Periods], Call | tuple[Call, Call]]
    expect: Callable[[Known], Mapping[str, Any]]

    def calls_at(self, when: Periods) -> tuple[Call, ...]:
        """The calls at a time."""
        made = self.calls(when)
        return (made,) if isinstance(made, Call) else made


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answers."""

    question: Question
    calls: tuple[Call, ...]
    answers: tuple[Answer, ...]

    @property
    def characters(self) -> int:
        """Of all answers as compact JSON."""
        return sum(len(orjson.dumps(answer).decode()) for answer in self.answers)

    @property
    def tokens(self) -> int:
        """An estimate."""
        return -(-self.characters // CHARS_PER_TOKEN)

    def at(self, place: str) -> Any:
        """What stands at a place. LookupError, naming the place, where there is nothing."""
        first, _, rest = place.partition("/")
        answer, path = (self.answers[1], rest) if first == SECOND else (self.answers[0], place)
        try:
            return _follow(answer, path.split("/"))
        except (KeyError, IndexError, StopIteration, TypeError, ValueError) as error:
            raise LookupError(f"{self.question.text!r}: nothing at {place}") from error

    def differences(self, known: Known) -> list[str]:
        """What is not as it truly is: one line each."""
        return [
            f"{place}: {self.at(place)!r} is not {true!r}"
            for place, true in self.question.expect(known).items()
            if not agrees(self.at(place), true)
        ]


def put(question: Question, when: Periods, ask: Ask) -> Answered:
    """Asks a question."""
    calls = question.calls_at(when)
    return Answered(question, calls, tuple(ask(each.tool, each.arguments) for each in calls))


def agrees(answer: Any, true: Any) -> bool:
    """Whether an answer is true: measured numbers (floats) within 0.1 per cent, everything else exactly."""
    if isinstance(true, float):
        return (
            isinstance(answer, float | int)
            and not isinstance(answer, bool)
            and abs(answer - true) <= max(TOLERANCE * abs(true), 1e-9)
        )
    if isinstance(true, Sequence) and not isinstance(true, str):
        return (
            isinstance(answer, list)
            and len(answer) == len(true)
            and all(agrees(one, other) for one, other in zip(answer, true, strict=True))
        )
    return bool(answer == true) and isinstance(answer, bool) == isinstance(true, bool)


def _follow(value: Any, path: Sequence[str]) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if step == "*":
        return [_follow(row, rest) for row in value]
    name, separator, wanted = step.partition("=")
    if separator:
        return _follow(next(row for row in value if str(row[name]) == wanted), rest)
    return _follow(value[int(step)] if isinstance(value, list) else value[step], rest)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
