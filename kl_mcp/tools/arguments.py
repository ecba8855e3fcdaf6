"""The arguments of a tool: those that several take, and the model that the parameters of its answer make."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    create_model,
)

from kl_mcp.tools.paging import MAX_PAGE_ROWS


class Arguments(BaseModel):
    """Base of every argument model: an argument that does not exist is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _encodable(text: str) -> str:
    """Refuse half a surrogate pair: JSON can carry it, and no answer could repeat it."""
    text.encode()
    return text


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
        description="latest, all, last_week, last_7d, ...; 2026-11-21T14:00:00Z, 2026-11-21, 2026-11; FIRST..LAST",
        examples=["all"],
    ),
]
Count = Annotated[int, Field(strict=True, ge=1, le=MAX_PAGE_ROWS)]
LimitArg = Annotated[Count | None, Field(examples=["10"])]
CursorArg = Annotated[str | None, Field(max_length=256, description="From metadata.truncated")]


def arguments_of(answer: Callable[..., Any], tool: str, *, paged: bool) -> type[Arguments]:
    """Return the model of a tool's arguments: the keyword parameters of its `answer`, and those of a page."""
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(answer, eval_str=True).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (parameter.annotation, default)
    if paged:
        fields.setdefault("limit", (LimitArg, None))
        fields["cursor"] = (CursorArg, None)
    return create_model(
        "Args",
        __base__=Arguments,
        __doc__=f"Arguments of {tool}." if fields else f"{tool} takes no arguments.",
        **fields,
    )
