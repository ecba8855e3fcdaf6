"""JSON Schemas of the tools: the full, described ones, and the short projections a `tools/list` advertises.

Ten full schemas cost more than 70,000 characters of an assistant's context, so the advertised ones keep what a client
needs in order to call and to validate: names, types, what is required.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from kl_mcp.tools.answer_size import Truncated
from kl_query.metadata import Answer, Metadata

Schema = dict[str, Any]


@cache
def input_schema(model: type[BaseModel]) -> Schema:
    """Project an argument model: no titles, no examples, optional parameters not nullable, lists as arrays."""
    full = model.model_json_schema()
    properties = {name: _input_property(value) for name, value in full.get("properties", {}).items()}
    required = {"required": full["required"]} if full.get("required") else {}
    return {"type": "object", "properties": properties, **required, "additionalProperties": False}


def _input_property(schema: Schema) -> Schema:
    not_null: Schema = next((choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"), {})
    merged = {**schema, **not_null}
    keep = ("type", "enum", "items", "minItems", "minimum", "maximum", "default", "description")
    return {key: merged[key] for key in keep if merged.get(key) is not None}


class _Described(GenerateJsonSchema):
    """Writes the dataclasses of answers as closed objects, described by their docstrings; metadata as shown."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> Schema:
        """Write one."""
        described = {"additionalProperties": False, "description": inspect.cleandoc(schema["cls"].__doc__ or "")}
        written = {**super().dataclass_schema(schema), **described}
        if schema["cls"] is Metadata:
            written["properties"]["truncated"] = self.generate_inner(TypeAdapter(_Cut).core_schema)
            written["required"].append("truncated")
        return written


_Cut = Annotated[Truncated | None, Field(description="null when nothing is left out")]


@cache
def full_output_schema(answer: Callable[..., Answer]) -> Schema:
    """Return the described JSON Schema of what a tool answers."""
    returned = inspect.signature(answer, eval_str=True).return_annotation
    return TypeAdapter(returned).json_schema(mode="serialization", schema_generator=_Described)


def output_schema(answer: Callable[..., Answer]) -> Schema:
    """Project the schema of an answer: top-level properties typed, rows and blocks as objects with required names."""
    full = full_output_schema(answer)
    definitions = full["$defs"]
    properties = {
        name: _property(value, definitions, named=name == "metadata") for name, value in full["properties"].items()
    }
    return {"type": "object", "properties": properties, "required": full["required"]}


def _property(schema: Schema, definitions: Schema, *, named: bool = False) -> Schema:
    """Project a property; a row, or the metadata block, is an object with the names it must have."""
    if "anyOf" in schema:
        choices = [_property(choice, definitions) for choice in schema["anyOf"]]
        # Not a list of types, which some clients' schema checks complain of.
        return {"anyOf": choices} if len(choices) > 1 else choices[0]
    if "$ref" in schema:
        names = {"required": definitions[schema["$ref"].rsplit("/", 1)[1]]["required"]} if named else {}
        return {"type": "object", **names}
    items = {"items": _property(schema["items"], definitions, named=True)} if schema["type"] == "array" else {}
    return {"type": schema["type"], **items}
