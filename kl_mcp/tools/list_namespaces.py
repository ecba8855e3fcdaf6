"""list_namespaces."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from kl_mcp.tools.arguments import NamespacesArg, PageArg
from kl_mcp.tools.results import Instant, Metadata, RecordedSince, Result
from kl_mcp.tools.tool import Answer, tool
from kl_query.answers.namespaces import namespaces as answer_namespaces
from kl_query.dataset.model import Dataset


class NamespaceLine(Result):
    """A namespace that has samples in the window."""

    name: str
    type: str = Field(description="system (kube-*, openshift-*) or application")
    active: bool | None = Field(description="Named by the last listing of the cluster")
    first_seen: Instant | None
    last_seen: Instant | None


class SpecialEntry(Result):
    """A row of the books that is not a namespace."""

    name: str
    role: str
    description: str


class MatchedCounts(Result):
    """Over all that match, listed or not."""

    application: int
    system: int
    special: int
    active: int
    inactive: int


class ListNamespacesResult(Result):
    """Namespaces and special entries."""

    namespaces: list[NamespaceLine]
    special_entries: list[SpecialEntry]
    recorded_since: RecordedSince
    counts: MatchedCounts
    metadata: Metadata


@tool(
    title="List namespaces",
    description=(
        "Which namespaces exist or existed in the recorded window, as application or system, with first and last "
        "sighting, plus the special entries (idle, non-allocatable, ...) and counts. Use it to find exact names, "
        "new namespaces (sort=first_seen) and gone ones (active=false). Example: "
        '{"type":"application","sort":"first_seen"}'
    ),
    result=ListNamespacesResult,
)
def list_namespaces(
    dataset: Dataset,
    now: float,
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
    page: PageArg,
) -> Answer:
    """Answer a call."""
    return answer_namespaces(dataset, now, page, kind=type, active=active, patterns=namespaces, sort=sort)
