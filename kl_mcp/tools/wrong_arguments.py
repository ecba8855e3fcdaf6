"""Refuses arguments that a tool does not take, with an error that teaches: what is allowed, what comes nearest.

Validation tells of every wrong element, and an error repeats what was wrong: without bounds, one call with a list of
some hundred thousand elements takes seconds and hundreds of megabytes. So bounds come first: a few comparisons a call.
"""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Any

from pydantic import BaseModel, ValidationError

from kl_core.globs import MAX_PATTERNS
from kl_core.vocabulary import SCALES
from kl_core.wording import MAX_COMPARED_CHARS, as_word, bare_word
from kl_mcp.tools.client_habits import (
    ADDED_BY_CLIENTS,
    COUNTED,
    LIKELY_VALUES,
    NOT_RECORDED,
    OPPOSITES,
    OTHER_NAMES,
    PERIODS,
    RANGE_ENDS,
    RANGE_STARTS,
    SAME_VALUES,
)
from kl_mcp.tools.paging import MAX_PAGE_ROWS
from kl_mcp.tools.schema import input_schema
from kl_mcp.tools.sent_arguments import DATES, LIST, broken_bound, choice_meant, integer_meant
from kl_query.dates import LATEST, dates_meant, read_date
from kl_query.errors import Correction, ToolArgumentError, nearest_values, quoted

_MAX_RENAMED_ARGUMENTS = 10
_SWITCHES = {
    **dict.fromkeys(("true", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "0", "no", "n", "off"), False),
}
_FAR_FUTURE = 250_000_000_000
"""In the year 9892."""
_ALIKE = 0.75
"""How alike the names of two arguments are that may mean the same: exclude_system and exclude_special do not."""
_SEPARATORS = re.compile(r"[,;|/+]|\s+(?:and|or)\s+", re.IGNORECASE)
"""Of several values where one belongs."""
_MAX_SPLIT_CHARS = 200
"""Of a text that is searched for separators, which takes time that grows with the square of its blanks."""
_SPELLINGS = {
    bare_word(name): name
    for name in (*OTHER_NAMES, *OPPOSITES, *RANGE_STARTS, *RANGE_ENDS, *chain(*PERIODS), *COUNTED, *NOT_RECORDED)
}
"""The names of the tables, by what all their spellings have in common."""
VALIDATION_ERRORS = {
    "string_type": ("invalid_type", "a string"),
    "int_type": ("invalid_type", "an integer"),
    "bool_type": ("invalid_type", "true or false"),
    "tuple_type": ("invalid_type", LIST),
    **dict.fromkeys(("greater_than_equal", "less_than_equal"), ("out_of_range", f"between 1 and {MAX_PAGE_ROWS}")),
    "string_too_long": ("out_of_range", "at most {max_length} characters long"),
    "string_too_short": ("out_of_range", "at least {min_length} character long"),
}
"""Error code and what an argument must be, by what Pydantic found wrong with it."""


def check_bounds(model: type[BaseModel], tool: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that do not exist, and values beyond any that a tool takes. Raises ToolArgumentError."""
    fields = model.model_fields
    names = (name for name in arguments if name not in fields and name not in ADDED_BY_CLIENTS)
    unknown = list(islice(names, _MAX_RENAMED_ARGUMENTS))
    if unknown:
        raise _unknown_argument(model, tool, unknown, arguments)
    for name in (name for name in arguments if name in fields):
        wrong = broken_bound(_declared(model, name), arguments[name])
        if wrong:
            raise ToolArgumentError(wrong[0], name, f"{name} {wrong[1]}.", allowed=_allowed(model, name))


def _unknown_argument(
    model: type[BaseModel], tool: str, unknown: Sequence[str], arguments: Mapping[str, Any]
) -> ToolArgumentError:
    """Return the error for the first of the unknown arguments; what it suggests does without any of them."""
    known = list(model.model_fields)
    sent: dict[str, Any] = {}
    for each in unknown:
        sent.setdefault(_plain(each, known), arguments[each])
    name, plain = unknown[0], next(iter(sent))
    why = NOT_RECORDED.get(plain)
    said = f"{tool} has no argument {quoted(name)}" if known else f"{tool} takes no arguments"
    dropped: dict[str, Any] = dict.fromkeys(unknown)
    renamed = _renamed(known, [each for each in known if each in arguments], sent)
    scale = _longer_scale(sent) if "date" in known and "scale" not in known else None
    namespaces = {each: value for each, value in sent.items() if each in ("namespace", "namespaces")}
    corrections = [
        (scale, Correction({**dropped, **renamed, "scale": scale})),
        (renamed, Correction({**dropped, **renamed})),
        (namespaces and not renamed, Correction({**dropped, **namespaces}, tool="get_usage")),
        ("currency" in sent and "cost_model" in known, Correction({**dropped, "cost_model": "costs"})),
        (True, Correction(dropped)),
    ]
    return ToolArgumentError(
        "unknown_argument",
        name,
        f"{said}. {why}." if why else f"{said}.",
        allowed=known,
        nearest=nearest_values(plain, known),
        corrections=[correction for applies, correction in corrections if applies],
    )


def _plain(name: str, known: Sequence[str]) -> str:
    """Return the name of an unknown argument as the tool or a table has it: `topN` is `top_n`, `Scales` is `scale`."""
    spellings = {**_SPELLINGS, **{bare_word(each): each for each in known}}
    bare = bare_word(name[:MAX_COMPARED_CHARS])
    return spellings.get(bare) or spellings.get(bare.removesuffix("s")) or as_word(name[:MAX_COMPARED_CHARS])


def _renamed(known: Sequence[str], given: Sequence[str], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the unknown arguments under the names that they are likely to mean, none of them given already."""
    renamed, joined = _dates(sent)
    if any(name in given or name not in known for name in renamed):
        renamed, joined = {}, ()
    for name, value in sent.items():
        switch, on = OPPOSITES.get(name), _SWITCHES.get(str(value)[:10].lower())
        if switch and switch in known and switch not in given and on is not None:
            renamed[switch] = not on
        likely = OTHER_NAMES.get(name, ())
        near = [] if likely or switch or name in NOT_RECORDED else nearest_values(name, known, _ALIKE)
        free = (each for each in (name, *likely, *near) if each in known)
        target = next((each for each in free if each not in given and each not in renamed), None)
        if target is not None and name not in joined:
            renamed[target] = value
    return renamed


def _dates(sent: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[str]]:
    """Return the dates that unknown arguments say together or as a number, and which arguments these are."""
    first, last = (next((each for each in ends if each in sent), None) for ends in (RANGE_STARTS, RANGE_ENDS))
    if first is not None:
        date = _range_meant(sent[first], sent[last] if last else None)
        return {"date": date}, (*RANGE_STARTS, *RANGE_ENDS)
    for pair in (pair for pair in PERIODS if set(pair) <= set(sent)):
        earlier, later = sorted((sent[each] for each in pair), key=_beginning)
        return {"date": later, "baseline": earlier}, pair
    for name, value in sent.items():
        unit, count = COUNTED.get(name), integer_meant(value)
        if unit and type(count) is int and count > 0:
            return {"date": f"last_{count}{unit}"}, (name,)
    return {}, ()


def _beginning(date: Any) -> float:
    """Return when a date begins, for comparison; words such as `this_month` after every other, and `latest` last."""
    named = read_date(str(date)[:100], _FAR_FUTURE)
    return named.first if named else math.inf if as_word(str(date)[:100]) == LATEST else 0


def _longer_scale(sent: Mapping[str, Any]) -> str | None:
    """Return the scale of days or months that unknown arguments ask for; None where they ask for neither."""
    values = (
        as_word(value[:100])
        for name, value in sent.items()
        if isinstance(value, str) and "scale" in (name, *OTHER_NAMES.get(name, ()))
    )
    scales = (LIKELY_VALUES["scale"].get(value, SAME_VALUES["scale"].get(value, value)) for value in values)
    return next((scale for scale in scales if scale in SCALES[1:]), None)


def _range_meant(first: Any, last: Any) -> str:
    """Return the range from `first` to `last`, which is no longer part of it where it is a time."""
    plain = f"{first}..{last or LATEST}"
    meant = dates_meant(f"{first}/{last}") if last and len(plain) <= _MAX_SPLIT_CHARS else ()
    return next(iter(meant), plain)


def argument_error(model: type[BaseModel], tool: str, error: ValidationError) -> ToolArgumentError:
    """Translate the first failure. The arguments exist and are within bounds, or there could be any number of them."""
    first = error.errors(include_url=False, include_context=True, include_input=True)[0]
    name, value = str(first["loc"][0]), first["input"]
    allowed = _allowed(model, name)
    if first["type"] == "missing":
        everything = [{name: ["*"]}] if _declared(model, name)["type"] == "array" else []
        return ToolArgumentError(
            "missing_argument", name, f"{tool} needs {name}.", allowed=allowed, corrections=everything
        )
    code, wanted = VALIDATION_ERRORS.get(first["type"], ("invalid_value", ""))
    if code == "invalid_type" and len(first["loc"]) > 1:
        wanted = LIST
    must = f"must be {wanted.format_map(first.get('ctx', {}))}, not" if wanted else "cannot be"
    why = NOT_RECORDED.get(as_word(value)) if name == "metric" and isinstance(value, str) else None
    nearest = [] if why else nearest_values(as_word(str(value)[:100]), _declared(model, name).get("enum", []))
    return ToolArgumentError(
        code,
        name,
        f"{name} {must} {quoted(value)}." + (f" {why}." if why else ""),
        allowed=allowed,
        nearest=nearest,
        corrections=[*_likely_changes(model, name, value), *({name: each} for each in nearest[:1])],
    )


def _likely_changes(model: type[BaseModel], name: str, value: Any) -> list[dict[str, Any]]:
    """Return changes that make of a wrong value what it probably means."""
    likely: list[dict[str, Any]] = []
    match value, _declared(model, name):
        case str(), _ if as_word(value) in LIKELY_VALUES.get(name, {}):
            likely = [{name: LIKELY_VALUES[name][as_word(value)]}]
        case str(), {"enum": choices}:
            named = (choice_meant(name, choices, each) for each in _SEPARATORS.split(value[:_MAX_SPLIT_CHARS]))
            likely = [{name: each} for each in named if each in choices][:1]
        case int(), {"type": "integer"} if not isinstance(value, bool):
            likely = [{name: min(max(value, 1), MAX_PAGE_ROWS)}]
        case _, {"type": "boolean"}:
            on = _SWITCHES.get(str(value).lower())
            likely = [] if on is None else [{name: on}]
        case list() | tuple(), _ if name in DATES and len(value) == 2:
            likely = [{name: f"{value[0]}..{value[1]}"}]
        case list() | tuple(), _ if name == "namespace":
            likely = [{"namespace": None, "namespaces": [str(each) for each in value[:MAX_PATTERNS]]}]
        case list() | tuple(), _:
            likely = [{name: str(each)} for each in value[:1]]
        case int(), {"type": "string"}:
            likely = [{name: str(value)}]
    return likely


def _declared(model: type[BaseModel], name: str) -> dict[str, Any]:
    """Return what is advertised of an argument."""
    return dict(input_schema(model)["properties"][name])


def _allowed(model: type[BaseModel], name: str) -> list[str] | str | None:
    """Return what an argument may be: its values, or a sentence."""
    declared = _declared(model, name)
    by_type: dict[str, list[str] | str] = {
        "boolean": ["true", "false"],
        "integer": f"a whole number from 1 to {MAX_PAGE_ROWS}",
    }
    return by_type.get(declared["type"]) or declared.get("enum") or declared.get("description")
