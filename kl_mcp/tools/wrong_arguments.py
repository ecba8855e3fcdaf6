"""Refuses arguments that a tool does not take, with an error that teaches: what is allowed, what comes nearest.

Validation tells of every wrong element, and an error repeats what was wrong: without bounds, one call with a list of
some hundred thousand elements takes seconds and hundreds of megabytes. So bounds come first: a few comparisons a call.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from kl_mcp.tools.arguments import split_list
from kl_mcp.tools.schema import input_schema
from kl_query.errors import ToolArgumentError, nearest_values, quoted
from kl_query.paging import MAX_PAGE_ROWS

MAX_TEXT_CHARS = 8_192
"""Of one argument or element: 20 patterns of 256 characters, the most that any takes, fit in one text."""
MAX_LIST_ELEMENTS = 100
"""No argument takes more than 20; up to this many, its own error says so."""
_BETWEEN = ("out_of_range", f"between 1 and {MAX_PAGE_ROWS}")
_LIST = "a list of strings, or one comma-separated string"
VALIDATION_ERRORS = {
    "string_type": ("invalid_type", "a string"),
    "int_type": ("invalid_type", "an integer"),
    "bool_type": ("invalid_type", "true or false"),
    "tuple_type": ("invalid_type", _LIST),
    "greater_than_equal": _BETWEEN,
    "less_than_equal": _BETWEEN,
    "string_too_long": ("out_of_range", "at most {max_length} characters long"),
    "string_too_short": ("out_of_range", "at least {min_length} character long"),
}
"""Error code and what an argument must be, by what Pydantic found wrong with it."""


def check_bounds(model: type[BaseModel], tool: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that do not exist, and values beyond any that a tool takes. Raises ToolArgumentError."""
    unknown = next((name for name in arguments if name not in model.model_fields), None)
    if unknown is not None:
        raise _unknown_argument(model, tool, unknown)
    for name, value in arguments.items():
        takes_list = _declared(model, name)["type"] == "array"
        if wrong := _wrong(value) or (_wrong(split_list(value)) if takes_list else None):
            raise ToolArgumentError(wrong[0], name, f"{name} {wrong[1]}.", **_advice(model, name))


def _wrong(value: Any) -> tuple[str, str] | None:
    """Return the code of an error and the rule that a value breaks; None where it breaks none."""
    if isinstance(value, Mapping):
        return "invalid_type", "must not be an object"
    elements = value if isinstance(value, list | tuple) else [value]
    if len(elements) > MAX_LIST_ELEMENTS:
        return (
            "out_of_range",
            f"is a list of {len(elements)} elements, and no list may have more than {MAX_LIST_ELEMENTS}",
        )
    if any(isinstance(each, Mapping | list | tuple) for each in elements):
        return "invalid_type", f"must be {_LIST}, with nothing nested in it"
    too_long = next((each for each in elements if isinstance(each, str) and len(each) > MAX_TEXT_CHARS), None)
    if too_long is None:
        return None
    return "out_of_range", f"must be at most {MAX_TEXT_CHARS} characters long, not {len(too_long)}"


def _unknown_argument(model: type[BaseModel], tool: str, name: str) -> ToolArgumentError:
    known = list(model.model_fields)
    return ToolArgumentError(
        "unknown_argument",
        name,
        f"{tool} has no argument {quoted(name)}." if known else f"{tool} takes no arguments.",
        allowed=known,
        nearest=nearest_values(name, known),
        example=_advice(model, known[0])["example"] if known else None,
    )


def argument_error(model: type[BaseModel], tool: str, error: ValidationError) -> ToolArgumentError:
    """Translate the first failure. The arguments exist and are within bounds, or there could be any number of them."""
    first = error.errors(include_url=False, include_context=True, include_input=True)[0]
    name = str(first["loc"][0])
    advice = _advice(model, name)
    if first["type"] == "missing":
        return ToolArgumentError("missing_argument", name, f"{tool} needs {name}.", **advice)
    values = _declared(model, name).get("enum", [])
    otherwise = "one of " + ", ".join(values) if values else "of another form"
    code, wanted = VALIDATION_ERRORS.get(first["type"], ("invalid_value", otherwise))
    if code == "invalid_type" and len(first["loc"]) > 1:
        wanted = _LIST
    message = f"{name} must be {wanted.format_map(first.get('ctx', {}))}, not {quoted(first['input'])}."
    return ToolArgumentError(code, name, message, nearest=nearest_values(str(first["input"]), values), **advice)


def _declared(model: type[BaseModel], name: str) -> dict[str, Any]:
    """Return what is advertised of an argument."""
    declared: dict[str, Any] = input_schema(model)["properties"][name]
    return declared


def _advice(model: type[BaseModel], name: str) -> dict[str, Any]:
    """Return what an argument may be, its values or a sentence, and an example of it."""
    declared = _declared(model, name)
    allowed = {"boolean": ["true", "false"], "integer": f"a whole number from 1 to {MAX_PAGE_ROWS}"}.get(
        declared["type"]
    )
    examples = model.model_fields[name].examples
    return {
        "allowed": allowed or declared.get("enum") or declared.get("description"),
        "example": f"{name}={examples[0]}" if examples else None,
    }
