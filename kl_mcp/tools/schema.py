"""JSON Schemas of the tools: the full, described ones, and the short projections a `tools/list` advertises.

Ten full schemas cost more than 70,000 characters of an assistant's context, so the advertised ones keep what a client
needs in order to call and to validate: names, types, what is required.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]


@cache
def input_schema(model: type[BaseModel]) -> Schema:
    """Project an argument model: no titles, no examples, optional parameters not nullable, lists as arrays."""
    full = model.model_json_schema()
    properties = {name: _input_property(value) for name, value in full.get("properties", {}).items()}
    projected: Schema = {"type": "object", "properties": properties}
    if full.get("required"):
        projected["required"] = full["required"]
    return {**projected, "additionalProperties": False}


def _input_property(schema: Schema) -> Schema:
    not_null: Schema = next((choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"), {})
    merged = {**schema, **not_null}
    keep = ("type", "enum", "items", "minItems", "minimum", "maximum", "default", "description")
    return {key: merged[key] for key in keep if merged.get(key) is not None}


def output_schema(model: type[BaseModel]) -> Schema:
    """Project a result model: top-level properties typed, rows and blocks as objects with their required names."""
    full = model.model_json_schema(mode="serialization")
    definitions = full.get("$defs", {})
    properties = {
        name: _named(value, definitions) if name == "metadata" else _property(value, definitions)
        for name, value in full["properties"].items()
    }
    return {"type": "object", "properties": properties, "required": full["required"]}


def _property(schema: Schema, definitions: Schema) -> Schema:
    if "anyOf" in schema:
        choices = [_property(choice, definitions) for choice in schema["anyOf"]]
        # Not a list of types, which some clients' schema checks complain of.
        return {"anyOf": choices} if len(choices) > 1 else choices[0]
    if "$ref" in schema:
        return {"type": "object"}
    if schema["type"] == "array":
        return {"type": "array", "items": _named(schema["items"], definitions)}
    return {"type": schema["type"]}


def _named(schema: Schema, definitions: Schema) -> Schema:
    """Project a row, or the metadata block: an object with the names it must have."""
    if "$ref" not in schema:
        return _property(schema, definitions)
    required: list[str] = definitions[schema["$ref"].rsplit("/", 1)[1]]["required"]
    return {"type": "object", "required": required}
