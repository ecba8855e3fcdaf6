"""Parameters shared by the tools, and the translation of a failed validation into an error that teaches."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)

from kl_query.errors import ToolArgumentError, nearest_values, quoted
from kl_query.paging import MAX_LIMIT, PageRequest, request_page


class Arguments(BaseModel):
    """Base of every argument model: an argument that does not exist is an error; null means "not given"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value is not None or name not in cls.model_fields}

    def page(self, tool: str) -> PageRequest:
        """Return the page that `limit` and `cursor` ask for; a cursor fits only a call that is otherwise the same."""
        paging = {"limit", "cursor"}
        return request_page(
            tool,
            self.model_dump(mode="json", exclude=paging),
            limit=getattr(self, "limit", None),
            cursor=getattr(self, "cursor", None),
            explicit_limit="limit" in self.model_fields_set,
        )


def split_list(value: Any) -> Any:
    """Accept `a,b`, and the list as JSON text, for `["a", "b"]`; `[ab]*` is a glob."""
    if not isinstance(value, str):
        return value
    listed = _from_json(value) if value.strip().startswith("[") else None
    return listed if isinstance(listed, list) else [part.strip() for part in value.split(",") if part.strip()]


def _from_json(text: str) -> Any:
    """Parse JSON, in no time however deep it is nested; None where a text is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _encodable(text: str) -> str:
    """Refuse half a surrogate pair: JSON can carry it, and no answer could repeat it."""
    text.encode()
    return text


def _whole(value: Any) -> Any:
    """Accept 10.0, which JSON does not tell from 10, and leave a boolean to be refused."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


LIST = BeforeValidator(split_list)
"""Marks an argument that takes a list."""
NameOrGlob = Annotated[str, AfterValidator(_encodable)]
MetricArg = Annotated[Literal["cpu", "memory", "gpu", "gpu_memory"], Field(examples=["cpu"])]
MetricOrTotalArg = Annotated[
    Literal["cpu", "memory", "gpu", "gpu_memory", "total"],
    Field(description="total: costs only", examples=["cpu"]),
]
ScaleArg = Annotated[Literal["hourly_7d", "daily_14d", "monthly_12m"], Field(examples=["daily_14d"])]
DimensionArg = Annotated[Literal["usage", "requests"], Field(examples=["usage"])]
CostModelArg = Annotated[
    Literal["cumulative", "normalized", "costs"] | None,
    Field(description="Default: as configured", examples=["cumulative"]),
]
NamespaceArg = Annotated[
    str | None, Field(min_length=1, max_length=256, description="One exact name", examples=["registry"])
]
NamespacesArg = Annotated[
    tuple[NameOrGlob, ...] | None,
    LIST,
    Field(description="Names or globs, up to 20", examples=["kube-*"]),
]
AggregateArg = Annotated[StrictBool, Field(description="Sum namespaces into one", examples=["true"])]
ExcludeSystemArg = Annotated[
    StrictBool, Field(description="List no kube-*, openshift-*; totals keep them", examples=["true"])
]
DATE = "latest, all, BUCKET or FIRST..LAST; BUCKET is 2026-11-21T14:00:00Z, 2026-11-21 or 2026-11"
DateArg = Annotated[str, Field(max_length=64, description=DATE, examples=["all"])]
Count = Annotated[int, Field(strict=True, ge=1, le=MAX_LIMIT), BeforeValidator(_whole)]
LimitArg = Annotated[Count | None, Field(examples=["10"])]
CursorArg = Annotated[str | None, Field(max_length=256, description="From metadata.truncated")]

_TYPES = {
    "string_type": "a string",
    "int_type": "an integer",
    "bool_type": "true or false",
    "tuple_type": "a list of strings, or one comma-separated string",
}


def argument_error(model: type[BaseModel], tool: str, error: ValidationError) -> ToolArgumentError:
    """Translate the first failure. The arguments exist and are within bounds, or there could be any number of them."""
    first = error.errors(include_url=False, include_context=True, include_input=True)[0]
    name = str(first["loc"][0]) if first["loc"] else "arguments"
    if first["type"] == "missing":
        return ToolArgumentError(
            "missing_argument",
            name,
            f"{tool} needs {name}.",
            allowed=allowed_for(model, name),
            example=example_for(model, name),
        )
    return ToolArgumentError(
        _code(first["type"]),
        name,
        f"{name} must be {_wanted(model, name, first)}, not {quoted(first['input'])}.",
        allowed=allowed_for(model, name),
        nearest=nearest_values(str(first["input"]), _values(model, name)),
        example=example_for(model, name),
    )


def _code(kind: str) -> str:
    if kind in {
        "greater_than_equal",
        "less_than_equal",
        "string_too_long",
        "string_too_short",
        "too_long",
        "too_short",
    }:
        return "out_of_range"
    return "invalid_type" if kind in _TYPES else "invalid_value"


def _wanted(model: type[BaseModel], name: str, failure: Any) -> str:
    kind, context = failure["type"], failure.get("ctx", {})
    if kind in _TYPES:
        return _TYPES["tuple_type"] if len(failure["loc"]) > 1 else _TYPES[kind]
    if kind in {"greater_than_equal", "less_than_equal"}:
        return f"between 1 and {MAX_LIMIT}"
    if kind == "string_too_long":
        return f"at most {context['max_length']} characters long"
    if kind == "string_too_short":
        return f"at least {context['min_length']} character long"
    values = _values(model, name)
    return "one of " + ", ".join(values) if values else "of another form"


def _values(model: type[BaseModel], name: str) -> list[str]:
    field = model.model_fields.get(name)
    if field is None:
        return []
    found: list[str] = []
    candidates: list[Any] = [field.annotation]
    while candidates:
        inside = get_args(candidates.pop())
        found += [value for value in inside if isinstance(value, str)]
        candidates += [each for each in inside if get_args(each)]
    return list(dict.fromkeys(found))


def takes_list(model: type[BaseModel], name: str) -> bool:
    """Say whether an argument takes a list."""
    return LIST in model.model_fields[name].metadata


def allowed_for(model: type[BaseModel], name: str) -> list[str] | str | None:
    """Return what an argument may be: its values, or a sentence; None for one that does not exist."""
    field = model.model_fields.get(name)
    if field is None:
        return None
    if _is(bool, field.annotation):
        return ["true", "false"]
    if _is(int, field.annotation):
        return f"a whole number from 1 to {MAX_LIMIT}"
    return _values(model, name) or field.description


def _is(kind: type, annotation: Any) -> bool:
    """Whether a type is `kind`, or is made of it: optional, or annotated."""
    return annotation is kind or any(_is(kind, part) for part in get_args(annotation))


def example_for(model: type[BaseModel], name: str) -> str | None:
    """Return an argument with a value that it takes; None for one that has no example."""
    field = model.model_fields.get(name)
    return f"{name}={field.examples[0]}" if field and field.examples else None
