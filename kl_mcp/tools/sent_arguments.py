"""Takes arguments as clients really send them, and says what they mean in the terms of a tool's schema.

A list may come as JSON text or as one comma-separated string, a number or a switch as text, a single value as a list of
one, a choice in any case. Null, an empty text and an empty list are "not given". What a client adds by itself is
ignored. Everything else stays as it is, to be refused.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson
from pydantic import BaseModel

from kl_core.wording import as_word
from kl_mcp.tools.client_habits import ADDED_BY_CLIENTS, SAME_VALUES
from kl_mcp.tools.schema import Schema, input_schema

MAX_TEXT_CHARS = 8_192
"""Of one argument or element: 20 patterns of 256 characters, the most that any takes, fit in one text."""
MAX_LIST_ELEMENTS = 100
"""No argument takes more than 20; up to this many, its own error says so."""
LIST = "a list of strings, or one comma-separated string"
DATES = ("date", "baseline")
_INTEGER = re.compile(r"([+-]?\d{1,18})(?:\.0+)?", re.ASCII)


def as_meant(model: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the arguments mean: as the schema of `model` has them, where that is plain; those given alone."""
    properties = input_schema(model)["properties"]
    meant = {
        name: _value_meant(name, properties[name], value) if name in properties else value
        for name, value in arguments.items()
        if name in properties or name not in ADDED_BY_CLIENTS
    }
    return {name: value for name, value in meant.items() if name not in properties or value not in (None, "", [], ())}


def broken_bound(schema: Schema, value: Any) -> tuple[str, str] | None:
    """Return the code of an error and the rule that a value breaks whatever it means; None where it breaks none.

    `schema` is what is advertised of the argument; of an unknown one, it is empty.
    """
    return _broken(value) or (_broken(split_list(value)) if schema.get("type") == "array" else None)


def _broken(value: Any) -> tuple[str, str] | None:
    if isinstance(value, Mapping):
        return "invalid_type", "must not be an object"
    elements = value if isinstance(value, list | tuple) else [value]
    if len(elements) > MAX_LIST_ELEMENTS:
        return (
            "out_of_range",
            f"is a list of {len(elements)} elements, and no list may have more than {MAX_LIST_ELEMENTS}",
        )
    if any(isinstance(each, Mapping | list | tuple) for each in elements):
        return "invalid_type", f"must be {LIST}, with nothing nested in it"
    too_long = next((each for each in elements if isinstance(each, str) and len(each) > MAX_TEXT_CHARS), None)
    if too_long is None:
        return None
    return "out_of_range", f"must be at most {MAX_TEXT_CHARS} characters long, not {len(too_long)}"


def split_list(value: Any) -> Any:
    """Return the list that `a,b`, or the list as JSON text, stands for; `[ab]*` is a glob."""
    listed = _from_json(value)
    return listed.split(",") if isinstance(listed, str) else listed


def _from_json(value: Any) -> Any:
    """Return the list that a JSON text is, in no time however deep it is nested; anything else as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(value)
    return value


def _value_meant(name: str, schema: Schema, value: Any) -> Any:
    if broken_bound(schema, value):
        return value
    takes_list = schema["type"] == "array"
    listed = split_list(value) if takes_list else _from_json(value)
    is_list = isinstance(listed, list | tuple)
    stripped = [each.strip() if isinstance(each, str) else each for each in (listed if is_list else [listed])]
    elements = [each for each in stripped if each != ""]
    if takes_list or len(elements) > 1:
        return elements if is_list else value
    return _single_meant(name, schema, elements[0]) if elements else None


def _single_meant(name: str, schema: Schema, value: Any) -> Any:
    if schema["type"] == "integer":
        return integer_meant(value)
    if not isinstance(value, str):
        return str(value) if name in DATES and type(value) is int else value
    if schema["type"] == "boolean":
        return {"true": True, "false": False}.get(value.lower(), value)
    return choice_meant(name, schema["enum"], value) if "enum" in schema else value


def integer_meant(value: Any) -> Any:
    """Return the whole number that a number or a text is; anything else as it is."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    match = _INTEGER.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match else value


def choice_meant(name: str, choices: list[str], text: str) -> str:
    """Return the choice that a text is in another case, or another word for; else the text."""
    word = as_word(text)
    same = SAME_VALUES.get(name, {}).get(word, word)
    return same if same in choices else text
