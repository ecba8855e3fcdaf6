"""The arguments of a tool: those that several take, and the model that the parameters of its answer make."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    create_model,
    model_validator,
)

from kl_query.paging import MAX_PAGE_ROWS, PageRequest


class Arguments(BaseModel):
    """Base of every argument model: an argument that does not exist is an error; null means "not given"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_given(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value is not None or name not in cls.model_fields}


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


def _integer(value: Any) -> Any:
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
DateArg = Annotated[
    str,
    Field(
        max_length=64,
        description="latest, all, BUCKET or FIRST..LAST; BUCKET is 2026-11-21T14:00:00Z, 2026-11-21 or 2026-11",
        examples=["all"],
    ),
]
Count = Annotated[int, Field(strict=True, ge=1, le=MAX_PAGE_ROWS), BeforeValidator(_integer)]
LimitArg = Annotated[Count | None, Field(examples=["10"])]
CursorArg = Annotated[str | None, Field(max_length=256, description="From metadata.truncated")]
PageArg = Annotated[PageRequest, "limit and cursor"]
"""A parameter that stands for these two arguments."""


def arguments_of(answer: Callable[..., Any], tool: str) -> type[Arguments]:
    """Return the model of a tool's arguments: the keyword parameters of its `answer`."""
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(answer, eval_str=True).parameters.items():
        if parameter.annotation == PageArg:
            fields.setdefault("limit", (LimitArg, None))
            fields["cursor"] = (CursorArg, None)
        elif parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (parameter.annotation, default)
    return create_model(
        "Args",
        __base__=Arguments,
        __doc__=f"Arguments of {tool}." if fields else f"{tool} takes no arguments.",
        **fields,
    )
