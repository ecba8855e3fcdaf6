"""What a wrong call is answered: sentences for the assistant, the same as data, and the corrected call, tried out.

A correction is a suggestion of whoever refused the argument. Several arguments may be wrong, and a suggestion may be no
good for this dataset or caller; so each is run, on what the caller may see, until one is answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Any

import orjson

from kl_mcp.tools.sent_arguments import as_meant, broken_bound
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
        lists = {"Allowed": _joined(data["allowed"] or "").removesuffix("."), "Nearest": _joined(data["nearest"])}
        sentences = [data["message"], *(f"{name}: {values}." for name, values in lists.items() if values)]
        return " ".join([*sentences, f"Corrected call: {self.corrected}"] if self.corrected else sentences)


def refuse(
    table: Mapping[str, Tool], call: Call, error: ToolArgumentError, dataset: Dataset, now: float | None = None
) -> Refusal:
    """Return the answer to a call that was refused with `error`, with the corrected call where one is answered."""
    schemas, given = table[call.tool].input_schema["properties"], call.arguments
    unknown = islice((name for name in given if name not in schemas), _MAX_UNKNOWN_ARGUMENTS)
    names = [*(name for name in schemas if name in given), *unknown]
    bounded = {name: given[name] for name in names if not broken_bound(schemas.get(name, {}), given[name])}
    meant = Call(call.tool, as_meant(table[call.tool].arguments, bounded))
    tried = {repr(meant)} if len(bounded) == len(names) else set()
    return Refusal(error, _corrected(table, meant, error, dataset, now=now, tried=tried))


def _corrected(
    table: Mapping[str, Tool],
    call: Call,
    error: ToolArgumentError,
    dataset: Dataset,
    *,
    now: float | None,
    tried: set[str],
) -> Call | None:
    """Return a call that is answered and short enough to be told; None where no try within their number finds one.

    The search goes depth first, the likeliest correction first, and tries no call that is in `tried`.
    """
    waiting, tries, long_calls = _changed(table, call, error), 0, 0
    while waiting and tries < MAX_TRIED_CALLS and long_calls < MAX_LONG_CALLS:
        each = waiting.pop(0)
        written = repr(each)  # in which 1 and true differ
        if written in tried:
            continue
        tried.add(written)
        tries += 1
        try:
            table[each.tool].run(each.arguments, dataset, now)
        except ToolArgumentError as wrong_too:
            waiting = [*_changed(table, each, wrong_too), *waiting]
        else:
            if len(_json(each.arguments)) <= MAX_CORRECTED_CHARS:
                return each
            long_calls += 1
    return None


def _changed(table: Mapping[str, Tool], call: Call, error: ToolArgumentError) -> list[Call]:
    """Return the calls that the corrections of an error make, and the one without the argument that is wrong."""
    # Without the names that it is about, a call would answer for the whole cluster.
    without = LISTING if error.argument in _NAMING else Correction({str(error.argument): None})
    corrections = error.corrections if error.argument is None else (*error.corrections, without)
    targets = ((each, each.tool or _with_scale(call, each)) for each in corrections)
    return [Call(target, _arguments(table, call, each, target)) for each, target in targets if target in table]


def _with_scale(call: Call, correction: Correction) -> str:
    """Return the tool that was called, or the one like it that can change the scale if the correction does."""
    scale = correction.changes.get("scale", "")
    changes_scale = scale or (scale is None and "scale" not in call.arguments)
    return _ON_EVERY_SCALE.get(call.tool, call.tool) if changes_scale else call.tool


def _arguments(table: Mapping[str, Tool], call: Call, correction: Correction, target: str) -> dict[str, Any]:
    """Return the arguments with the changes; for another tool those that both take, over the same time."""
    source, model = table[call.tool].arguments.model_fields, table[target].arguments
    given = {**call.arguments, **correction.changes}
    if target != call.tool:
        if "date" in source:
            given = {"date": source["date"].default, **({} if "scale" in source else {"scale": _HOURS}), **given}
        given = {
            name: value for name, value in given.items() if name in model.model_fields and name not in _OF_ONE_TOOL
        }
    return as_meant(model, {k: v for k, v in given.items() if v is not None})


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
    lengths = accumulate(len(value) + 3 for value in allowed)
    kept = [value for value, length in zip(allowed, lengths, strict=True) if length <= _MAX_ALLOWED_CHARS]
    return kept if len(kept) == len(allowed) else [*kept, "…"]
