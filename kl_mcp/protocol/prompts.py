"""Prompts: recurring questions with the calls that answer them, as one explicit table.

A prompt is written for the dataset that the caller sees, with each call whole, and each call is tried: one that fails
would mislead, and what was filled in wrongly is refused with the words of the tool.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import mcp_types as types
from mcp.shared.exceptions import MCPError
from pydantic import Field

from kl_core.vocabulary import BILLED_METRICS
from kl_core.wording import did_you_mean
from kl_mcp.tools import TABLE
from kl_mcp.tools.refusals import Call, Refusal
from kl_mcp.tools.sent_arguments import split_list
from kl_query.dataset import Dataset
from kl_query.errors import ToolArgumentError

MAX_ARGUMENT_CHARS = 256
EACH_NAMESPACE = "NAMESPACE"
"""Stands in a call for a namespace that an earlier answer names; no legal name is in capitals."""
READ_METADATA = (
    "State unit, data window and freshness from each answer's metadata, and repeat its warnings. "
    "null is unknown, not 0."
)
Given = Mapping[str, str]
"""The arguments that were filled in."""
Piece = str | Call | list[Call]
"""Of a prompt's text: prose, a call, or several to make in turn."""


class Prompt(types.Prompt):
    """One prompt; `text` turns the arguments that were given, and the dataset, into the message to the assistant."""

    description: str
    arguments: list[types.PromptArgument]
    text: Annotated[Callable[[Given, Dataset], Sequence[Piece]], Field(exclude=True)]

    def argument(self, name: str) -> types.PromptArgument | None:
        """Return the argument of that name, or None."""
        return next((argument for argument in self.arguments if argument.name == name), None)


def _call(tool: str, **arguments: Any) -> Call:
    return Call(tool, {name: value for name, value in arguments.items() if value is not None})


def _metrics(dataset: Dataset) -> list[str]:
    """Return the metrics there are; of a dataset that is not there yet, those that every cluster has."""
    return list(dataset.metrics) or ["cpu", "memory"]


def _listed(prose: str, calls: list[Call]) -> list[Piece]:
    return [prose, calls] if calls else []


def _monthly_showback(given: Given, dataset: Dataset) -> list[Piece]:
    month, pattern = given.get("month", "latest"), given.get("pattern")
    shown: list[dict[str, str]] = [{"metric": metric} for metric in _metrics(dataset) if metric in BILLED_METRICS]
    if any(dataset.priced(metric) for metric in BILLED_METRICS):
        shown = [{"metric": "total", "cost_model": "costs"}, *shown]
    period = {"scale": "monthly_12m", "date": month}
    scope = f" for the namespaces matching {pattern}" if pattern else ""
    globs = [glob.strip() for glob in split_list(pattern)] if pattern else []
    groups = [_call("group_namespaces", pattern=globs, **each, **period) for each in shown if globs]
    return [
        f"Write a showback report{scope}, month {month}. For cost model and currency call ",
        _call("describe_dataset"),
        ", then call ",
        [_call("get_namespace_breakdown", **each, **period) for each in shown],
        *_listed(", and for the total of the group call ", groups),
        ". Give a table per namespace with its share of all namespaces and of the cluster, ",
        "then idle and non-allocatable capacity, so that the rows add up to the whole. ",
    ]


def _over_provisioning_review(given: Given, _dataset: Dataset) -> list[Piece]:
    metric, date = given.get("metric", "cpu"), given.get("date", "all")
    scale = given.get("scale") or (None if "date" in given else "daily_14d")
    review = partial(_call, "get_efficiency", metric=metric, scale=scale, date=date)
    return [
        f"Review over-provisioning of {metric}. Call ",
        review(classification="over_provisioned", sort="unused"),
        ". For each of the three namespaces with the most unused requests call ",
        _call("get_efficiency_timeseries", metric=metric, namespace=EACH_NAMESPACE),
        f", its name in the place of {EACH_NAMESPACE}, to see whether the gap is steady or a matter of time of day. ",
        "Namespaces without requests, to be named apart, are in ",
        review(classification="no_requests", sort="usage"),
        ". Report usage, requests and their ratio. ",
    ]


def _namespace_changes(given: Given, dataset: Dataset) -> list[Piece]:
    namespace, metric, date = given["namespace"], given.get("metric"), given.get("date")
    metrics = [metric] if metric else _metrics(dataset)[:2]
    period = {"scale": "daily_14d", "date": date} if date else {}
    against = " The dates are set against as many days before." if date else ""
    return [
        f"What changed in the namespace {namespace}? Call ",
        [_call("compare_periods", namespace=namespace, metric=each, **period) for each in metrics],
        f": what_changed tells the namespace's own amount from the cluster's capacity and rate.{against} ",
        "As months differ in length, name changes as billed and per hour. Then call ",
        [_call("get_timeseries", namespace=namespace, metric=each) for each in metrics],
        " for the last 7 days by the hour, and ",
        _call("get_efficiency", namespace=namespace),
        ". Say since when usage moved, by how much, and whether requests moved with it. ",
    ]


def _capacity_review(given: Given, dataset: Dataset) -> list[Piece]:
    scale, metric = given.get("scale", "daily_14d"), given.get("metric")
    metrics = [metric] if metric else _metrics(dataset)
    requested = [each for each in metrics if each != "gpu_memory"]
    breakdown = partial(_call, "get_namespace_breakdown", scale=scale, date="all")
    return [
        "Review the cluster's capacity. Call ",
        _call("describe_dataset"),
        ", then for allocatable, used, idle and non-allocatable ",
        [breakdown(metric=each) for each in metrics],
        *_listed(", for what is set aside ", [breakdown(metric=each, dimension="requests") for each in requested]),
        ", for the movers ",
        [_call("compare_periods", metric=each) for each in metrics],
        " and for the cluster's peak hour ",
        [_call("get_timeseries", metric=each) for each in metrics],
        ". Report how much is free at the peak and who grows. ",
    ]


_optional = partial(types.PromptArgument, required=False)
SCALE = _optional(name="scale", description="hourly_7d, daily_14d or monthly_12m; default: daily_14d.")

PROMPTS: Mapping[str, Prompt] = {
    prompt.name: prompt
    for prompt in (
        Prompt(
            name="monthly_showback",
            title="Monthly showback",
            description="What each namespace used, or costs, in a month, adding up to the whole cluster.",
            arguments=[
                _optional(name="month", description="Month as YYYY-MM; default: the latest, which may be partial."),
                _optional(name="pattern", description="Glob of the namespaces to sum up, such as team-*."),
            ],
            text=_monthly_showback,
        ),
        Prompt(
            name="over_provisioning_review",
            title="Over-provisioning review",
            description="Which namespaces request much more than they use, and whether that is steady.",
            arguments=[
                _optional(name="metric", description="cpu, memory or gpu; default: cpu."),
                SCALE,
                _optional(name="date", description="Bucket of that scale, or a range FIRST..LAST; default: all of it."),
            ],
            text=_over_provisioning_review,
        ),
        Prompt(
            name="namespace_changes",
            title="What changed in a namespace",
            description="How one namespace's usage and requests moved over the last days and months.",
            arguments=[
                types.PromptArgument(name="namespace", description="Name of the namespace.", required=True),
                _optional(name="metric", description="cpu, memory, gpu or gpu_memory; default: cpu, then memory."),
                _optional(
                    name="date",
                    description="Day as YYYY-MM-DD, or days FIRST..LAST; default: the latest 7 whole days.",
                ),
            ],
            text=_namespace_changes,
        ),
        Prompt(
            name="capacity_review",
            title="Capacity review",
            description="How full the cluster is, when it peaks, and which namespaces grow.",
            arguments=[
                _optional(name="metric", description="cpu, memory, gpu or gpu_memory; default: every metric there is."),
                SCALE,
            ],
            text=_capacity_review,
        ),
    )
}


def get(name: str, arguments: Given, dataset: Dataset) -> types.GetPromptResult:
    """Fill in a prompt. Raise `MCPError` -32602 for an unknown one and for unknown, wrong or missing arguments."""
    prompt = PROMPTS.get(name)
    if prompt is None:
        raise _invalid(f"Unknown prompt {name[:100]!r}.", name, PROMPTS)
    given = {key: value for key, value in arguments.items() if value.strip()}
    _check(prompt, given)
    pieces = prompt.text(given, dataset)
    for call in _calls(pieces):
        if EACH_NAMESPACE not in call.arguments.values():
            _try(call, dataset)
    written = "".join(map(_written, pieces)) + READ_METADATA
    message = types.PromptMessage(role="user", content=types.TextContent(text=written))
    return types.GetPromptResult(description=prompt.description, messages=[message])


def _calls(pieces: Iterable[Piece]) -> Iterator[Call]:
    for piece in pieces:
        yield from [piece] if isinstance(piece, Call) else [] if isinstance(piece, str) else piece


def _written(piece: Piece) -> str:
    if isinstance(piece, list):
        return ", ".join(map(str, piece))
    return str(piece)


def _try(call: Call, dataset: Dataset) -> None:
    try:
        TABLE[call.tool].run(call.arguments, dataset)
    except ToolArgumentError as error:
        raise MCPError(types.INVALID_PARAMS, Refusal(error).text) from None


def _check(prompt: Prompt, given: Given) -> None:
    names = [argument.name for argument in prompt.arguments]
    for name, value in given.items():
        if name not in names:
            raise _invalid(f"Prompt {prompt.name} has no argument {name[:100]!r}.", name, names)
        if len(value) > MAX_ARGUMENT_CHARS or not value.isprintable():
            raise _invalid(f"Argument {name} is limited to {MAX_ARGUMENT_CHARS} printable characters.", name, ())
    for argument in prompt.arguments:
        if argument.required and argument.name not in given:
            raise _invalid(f"Prompt {prompt.name} needs the argument {argument.name}.", argument.name, ())


def _invalid(message: str, wanted: str, known: Iterable[str]) -> MCPError:
    names = list(known)
    listed = f" Known: {', '.join(names)}." if names else ""
    return MCPError(types.INVALID_PARAMS, f"{message}{did_you_mean(wanted, names)}{listed}")
