"""Prompts: recurring questions with the calls that answer them, as one explicit table."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated

import mcp_types as types
from mcp.shared.exceptions import MCPError
from pydantic import Field

from kl_core.wording import did_you_mean

MAX_ARGUMENT_CHARS = 256
READ_METADATA = (
    "State unit, data window and freshness from each answer's metadata, and repeat its warnings. "
    "null is unknown, not 0."
)


class Prompt(types.Prompt):
    """One prompt; `text` turns the arguments that were given into the message to the assistant."""

    description: str
    arguments: list[types.PromptArgument]
    text: Annotated[Callable[[Mapping[str, str]], str], Field(exclude=True)]

    def argument(self, name: str) -> types.PromptArgument | None:
        """Return the argument of that name, or None."""
        return next((argument for argument in self.arguments if argument.name == name), None)


def _monthly_showback(given: Mapping[str, str]) -> str:
    month = given.get("month", "latest")
    pattern = given.get("pattern")
    scope = f" for the namespaces matching {pattern}" if pattern else ""
    group = (
        f" Then call group_namespaces with pattern={pattern}, scale=monthly_12m and date={month} for their total."
        if pattern
        else ""
    )
    return (
        f"Write a showback report{scope}, month {month}. Call describe_dataset for cost model and currency. For cpu "
        "and memory (metric=total with cost_model=costs when a rate is set) call get_namespace_breakdown with "
        f"scale=monthly_12m and date={month}.{group} Give a table per namespace with its share of all namespaces and "
        "of the cluster, then idle and non-allocatable capacity, so that the rows add up to the whole. "
        f"{READ_METADATA}"
    )


def _over_provisioning_review(given: Mapping[str, str]) -> str:
    metric, scale, date = given.get("metric", "cpu"), given.get("scale", "daily_14d"), given.get("date", "all")
    return (
        f"Review over-provisioning of {metric}. Call get_efficiency with metric={metric}, scale={scale}, date={date}, "
        "classification=over_provisioned and sort=unused. For the three namespaces with the most unused requests call "
        f"get_efficiency_timeseries with metric={metric} to see whether the gap is steady or a matter of time of day. "
        "Report usage, requests and their ratio; name namespaces without requests (classification=no_requests) apart. "
        f"{READ_METADATA}"
    )


def _namespace_changes(given: Mapping[str, str]) -> str:
    namespace, metric, date = given["namespace"], given.get("metric"), given.get("date")
    measured = f"metric={metric}" if metric else "metric=cpu, then with metric=memory"
    period = f", scale=daily_14d and date={date} (it is set against as many days before)" if date else ""
    return (
        f"What changed in the namespace {namespace}? Call compare_periods with namespace={namespace}{period} and "
        f"{measured}: what_changed tells the namespace's own amount from the cluster's capacity and rate. As months "
        "differ in length, name changes as billed and per hour. Then call "
        f"get_timeseries with namespace={namespace} for the last 7 days by the hour, and get_efficiency with "
        f"namespace={namespace}. Say since when usage moved, by how much, and whether requests moved with it. "
        f"{READ_METADATA}"
    )


def _capacity_review(given: Mapping[str, str]) -> str:
    scale, metric = given.get("scale", "daily_14d"), given.get("metric")
    measured = f"metric={metric}" if metric else "each metric it lists"
    return (
        f"Review the cluster's capacity. Call describe_dataset, then get_namespace_breakdown with scale={scale}, "
        f"date=all and {measured}: allocatable, used, idle, non-allocatable; the same with dimension=requests for what "
        "is set aside. Call compare_periods without a namespace for the movers, and get_timeseries without one for the "
        f"cluster's peak hour. Report how much is free at the peak and who grows. {READ_METADATA}"
    )


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


def get(name: str, arguments: Mapping[str, str]) -> types.GetPromptResult:
    """Fill in a prompt. Raise `MCPError` -32602 for an unknown prompt or argument, or one that is missing."""
    prompt = PROMPTS.get(name)
    if prompt is None:
        raise _invalid(f"Unknown prompt {name[:100]!r}.", name, PROMPTS)
    given = {key: value for key, value in arguments.items() if value.strip()}
    _check(prompt, given)
    message = types.PromptMessage(role="user", content=types.TextContent(text=prompt.text(given)))
    return types.GetPromptResult(description=prompt.description, messages=[message])


def _check(prompt: Prompt, given: Mapping[str, str]) -> None:
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
