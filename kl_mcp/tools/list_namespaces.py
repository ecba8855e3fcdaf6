"""list_namespaces."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from kl_mcp.tools.arguments import (
    NamespacesArg,
)
from kl_mcp.tools.tool import tool
from kl_query.answers import namespaces as namespace_list
from kl_query.dataset.model import Dataset


@tool(
    title="List namespaces",
    description=(
        "Which namespaces exist or existed in the recorded window, as application or system, with first and last "
        "sighting, plus the special entries (idle, non-allocatable, ...) and counts. Use it to find exact names, "
        "new namespaces (sort=first_seen) and gone ones (active=false). Example: "
        '{"type":"application","sort":"first_seen"}'
    ),
)
def list_namespaces(
    dataset: Dataset,
    *,
    namespaces: NamespacesArg = None,
    type: Annotated[Literal["application", "system"] | None, Field(examples=["application"])] = None,  # noqa: A002 -- the argument's name
    active: Annotated[
        StrictBool | None, Field(description="false: only those that are gone", examples=["false"])
    ] = None,
    sort: Annotated[
        Literal["namespace", "first_seen", "last_seen"],
        Field(description="Seen: newest first", examples=["first_seen"]),
    ] = "namespace",
) -> namespace_list.ListNamespacesResult:
    """Answer a call."""
    return namespace_list.namespaces(dataset, kind=type, active=active, patterns=namespaces, sort=sort)
