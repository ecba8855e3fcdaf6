"""What a wrong call is answered: sentences for the assistant, the same as data, and the corrected call, tried out.

A correction is a suggestion of whoever refused the argument. Several arguments may be wrong, and a suggestion may be no
good for this dataset or caller; so each is run, on what the caller may see, until one is answered.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from kl_mcp.tools.sent_arguments import as_meant, is_unbounded
from kl_mcp.tools.tool import Tool
from kl_query.dataset.model import Dataset
from kl_query.errors import Correction, ToolArgumentError, shortened
from kl_query.unmatched import LISTING

MAX_TEXT_CHARS = 2_000
"""Of the text of an error, and of the same as compact JSON."""
MAX_CORRECTED_CHARS = 700
"""Of the arguments of a corrected call as compact JSON. A longer one is not suggested."""
MAX_TRIED_CALLS = 12
MAX_LONG_CALLS = 2
"""Of those, how many may be answered and be too long: what makes them long is none of the corrections'."""
_MAX_UNKNOWN_ARGUMENTS = 10
_MAX_VALUE_CHARS = 80
_MAX_MESSAGE_CHARS = 400
_MAX_ALLOWED_CHARS = 250
_OF_ONE_TOOL = ("cursor", "limit", "sort")
"""Arguments that mean something else to another tool."""
_NAMING = ("namespace", "namespaces", "pattern")
_HOURS = "hourly_7d"
"""The scale of the tools that have no other."""
_ON_EVERY_SCALE: Mapping[str, str] = {"get_timeseries": "get_usage", "get_efficiency_timeseries": "get_efficiency"}
"""The tool that answers a question of an hourly tool by days and months too."""


@dataclass(frozen=True)
class Call:
    """A tool and its arguments."""

    tool: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        """Write it as it is told to an assistant."""
        return f"{self.tool} {_json(self.arguments)}"


@dataclass(frozen=True)
class Refusal:
    """The answer to a wrong call."""

    error: ToolArgumentError
    corrected: Call | None = None

    @property
    def data(self) -> dict[str, Any]:
        """Return `{code, argument, message, allowed, nearest, corrected}`, at most 2,000 characters of compact JSON."""
        error, corrected = self.error, self.corrected
        return {
            "code": error.code,
            "argument": _cut(error.argument),
            "message": _cut(error.message, _MAX_MESSAGE_CHARS),
            "allowed": _cut_allowed(error.allowed),
            "nearest": [_cut(value) for value in error.nearest],
            "corrected": {"tool": corrected.tool, "arguments": corrected.arguments} if corrected else None,
        }

    @property
    def text(self) -> str:
        """Return the same in sentences. They are never JSON, which some clients would parse and hide."""
        data = self.data
        sentences = [data["message"]]
        if data["allowed"]:
            sentences.append(f"Allowed: {_joined(data['allowed']).removesuffix('.')}.")
        if data["nearest"]:
            sentences.append(f"Nearest: {_joined(data['nearest'])}.")
        if self.corrected is not None:
            sentences.append(f"Corrected call: {self.corrected}")
        return " ".join(sentences)


def refuse(
    table: Mapping[str, Tool], call: Call, error: ToolArgumentError, dataset: Dataset, now: float | None = None
) -> Refusal:
    """Return the answer to a call that was refused with `error`, with the corrected call where one is answered."""
    model, fields = table[call.tool].arguments, table[call.tool].arguments.model_fields
    unknown = islice((name for name in call.arguments if name not in fields), _MAX_UNKNOWN_ARGUMENTS)
    names = [*(name for name in fields if name in call.arguments), *unknown]
    bounded = {name: call.arguments[name] for name in names if not is_unbounded(model, name, call.arguments[name])}
    search = _Search(table, dataset, now)
    if len(bounded) == len(names):
        search.skip(Call(call.tool, as_meant(model, bounded)))
    return Refusal(error, search.corrected(Call(call.tool, as_meant(model, bounded)), error))


class _Search:
    """The search for a call that is answered: depth first, the likeliest correction first, within a number of tries."""

    def __init__(self, table: Mapping[str, Tool], dataset: Dataset, now: float | None) -> None:
        self._table = table
        self._dataset = dataset
        self._now = now
        self._calls: set[str] = set()
        self._tries = 0
        self._long_calls = 0

    def skip(self, call: Call) -> bool:
        """Mark a call as one not to try again; say whether it was marked before."""
        known, written = len(self._calls), repr(call)  # in which 1 and true differ
        self._calls.add(written)
        return len(self._calls) == known

    def corrected(self, call: Call, error: ToolArgumentError) -> Call | None:
        """Return the first call that is answered and short enough to be told; None where there is none."""
        for each in self._changed(call, error):
            if self.skip(each):
                continue
            if self._tries == MAX_TRIED_CALLS or self._long_calls == MAX_LONG_CALLS:
                return None
            self._tries += 1
            try:
                self._table[each.tool].run(each.arguments, self._dataset, self._now)
            except ToolArgumentError as wrong_too:
                better = self.corrected(each, wrong_too)
            else:
                better = each if len(_json(each.arguments)) <= MAX_CORRECTED_CHARS else None
                self._long_calls += better is None
            if better is not None:
                return better
        return None

    def _changed(self, call: Call, error: ToolArgumentError) -> Iterator[Call]:
        without = [] if error.argument is None else [_without(error.argument)]
        for correction in (*error.corrections, *without):
            target = correction.tool or self._with_scale(call, correction)
            if target in self._table:
                yield Call(target, self._arguments(call, correction, target))

    def _with_scale(self, call: Call, correction: Correction) -> str:
        """Return the tool that was called, or the one like it that can change the scale if the correction does."""
        scale = correction.changes.get("scale", "")
        changes_scale = scale or (scale is None and "scale" not in call.arguments)
        return _ON_EVERY_SCALE.get(call.tool, call.tool) if changes_scale else call.tool

    def _arguments(self, call: Call, correction: Correction, target: str) -> dict[str, Any]:
        """Return the arguments with the changes; for another tool those that both take, over the same time."""
        source, fields = self._table[call.tool].arguments.model_fields, self._table[target].arguments.model_fields
        given = {**call.arguments, **correction.changes}
        if target != call.tool:
            if "date" in source:
                given = {"date": source["date"].default, **({} if "scale" in source else {"scale": _HOURS}), **given}
            given = {name: value for name, value in given.items() if name in fields and name not in _OF_ONE_TOOL}
        return as_meant(self._table[target].arguments, {k: v for k, v in given.items() if v is not None})


def _without(argument: str) -> Correction:
    """Return the call without an argument; without the names that it is about it would answer for the whole cluster."""
    return LISTING if argument in _NAMING else Correction({argument: None})


def _joined(values: Sequence[str] | str) -> str:
    return values if isinstance(values, str) else ", ".join(values)


def _json(arguments: Mapping[str, Any]) -> str:
    return orjson.dumps(arguments).decode()


def _cut(text: str | None, limit: int = _MAX_VALUE_CHARS) -> str | None:
    if text is None:
        return None
    head = text[: limit + 1].replace('"', "'")
    return shortened("".join(c if c.isprintable() and c != "\\" else "?" for c in head), limit)


def _cut_allowed(allowed: Sequence[str] | str | None) -> list[str] | str | None:
    if allowed is None or isinstance(allowed, str):
        return _cut(allowed, _MAX_ALLOWED_CHARS)
    kept: list[str] = []
    used = 0
    for value in allowed:
        used += len(value) + 3
        if used > _MAX_ALLOWED_CHARS:
            return [*kept, "…"]
        kept.append(value)
    return kept
