"""What arguments have to keep to before they are looked at in detail.

Validation tells of every wrong element, and an error repeats what was wrong: without bounds, one call with a list of
some hundred thousand elements takes seconds and hundreds of megabytes. All of this takes a few comparisons a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from kl_mcp.tools.arguments import allowed_for, example_for, split_list, takes_list
from kl_query.errors import ToolArgumentError, nearest_values, quoted

LONGEST_TEXT = 8_192
"""Characters of one argument or element: 20 patterns of 256 characters, the most that any takes, fit in one text."""
LONGEST_LIST = 100
"""Elements of a list. No argument takes more than 20; up to this many, its own error says so."""


def check_bounds(model: type[BaseModel], tool: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that do not exist, and values beyond any that a tool takes. Raises ToolArgumentError."""
    unknown = next((name for name in arguments if name not in model.model_fields), None)
    if unknown is not None:
        raise _unknown_argument(model, tool, unknown)
    for name, value in arguments.items():
        wrong = _wrong(value) or (_wrong(split_list(value)) if takes_list(model, name) else None)
        if wrong is not None:
            code, rule = wrong
            raise ToolArgumentError(
                code, name, f"{name} {rule}.", allowed=allowed_for(model, name), example=example_for(model, name)
            )


def _wrong(value: Any) -> tuple[str, str] | None:
    """Return the code of an error and the rule that a value breaks; None where it breaks none."""
    if isinstance(value, str):
        return _too_long(value)
    if isinstance(value, Mapping):
        return "invalid_type", "must not be an object"
    if not isinstance(value, list | tuple):
        return None
    if len(value) > LONGEST_LIST:
        return "out_of_range", f"is a list of {len(value)} elements, and no list may have more than {LONGEST_LIST}"
    if any(isinstance(each, Mapping | list | tuple) for each in value):
        return "invalid_type", "must be a list of strings, or one comma-separated string, with nothing nested in it"
    return next((wrong for each in value if isinstance(each, str) and (wrong := _too_long(each))), None)


def _too_long(text: str) -> tuple[str, str] | None:
    if len(text) <= LONGEST_TEXT:
        return None
    return "out_of_range", f"must be at most {LONGEST_TEXT} characters long, not {len(text)}"


def _unknown_argument(model: type[BaseModel], tool: str, name: str) -> ToolArgumentError:
    known = list(model.model_fields)
    return ToolArgumentError(
        "unknown_argument",
        name,
        f"{tool} has no argument {quoted(name)}." if known else f"{tool} takes no arguments.",
        allowed=known,
        nearest=nearest_values(name, known),
        example=example_for(model, known[0]) if known else None,
    )
