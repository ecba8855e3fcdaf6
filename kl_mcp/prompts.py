"""Prompts: recurring questions with the calls that answer them, as one explicit table."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import mcp_types as types
from mcp.shared.exceptions import MCPError

ARGUMENT_CHARACTERS = 256
READ_METADATA = (
    "State unit, data window and freshness from each answer's metadata, and repeat its warnings. "
    "null is unknown, not 0."
)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a prompt; `completes` names the values it is completed with."""

    name: str
    description: str
    completes: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt; `text` turns the arguments that were given into the message to the assistant."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    text: Callable[[Mapping[str, str]], str]

    def argument(self, name: str) -> Argument | None:
        """The argument of that name, or None."""
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
    metric = given.get("metric", "cpu")
    return (
        f"Review over-provisioning of {metric} over the last 14 days. Call get_efficiency with metric={metric}, "
        "scale=daily_14d, classification=over_provisioned and sort=unused. For the three namespaces with the most "
        f"unused requests call get_efficiency_timeseries with metric={metric} to see whether the gap is steady or a "
        "matter of time of day. Report usage, requests and their ratio; name namespaces without requests apart. "
        f"{READ_METADATA}"
    )


def _namespace_changes(given: Mapping[str, str]) -> str:
    namespace = given["namespace"]
    return (
        f"What changed in the namespace {namespace}? Call compare_periods with namespace={namespace} for cpu and for "
        f"memory, then get_timeseries with namespace={namespace} for the last 7 days. Say since when usage moved, by "
        "how much, and whether requests moved with it (get_efficiency with the same namespace). "
        f"{READ_METADATA}"
    )


def _capacity_review(_given: Mapping[str, str]) -> str:
    return (
        "Review the cluster's capacity. Call describe_dataset, then get_namespace_breakdown for each available metric "
        "with scale=daily_14d and date=all: allocatable, used, idle, non-allocatable. Call compare_periods without a "
        "namespace for the movers, and get_timeseries for the cluster's peak hour. Report how much is free at the peak "
        f"and who grows. {READ_METADATA}"
    )


PROMPTS: Mapping[str, Prompt] = {
    prompt.name: prompt
    for prompt in (
        Prompt(
            "monthly_showback",
            "Monthly showback",
            "What each namespace used, or costs, in a month, adding up to the whole cluster.",
            (
                Argument("month", "Month as YYYY-MM; default: the latest, which may be partial.", "month"),
                Argument("pattern", "Glob of the namespaces to sum up, such as team-*.", "pattern"),
            ),
            _monthly_showback,
        ),
        Prompt(
            "over_provisioning_review",
            "Over-provisioning review",
            "Which namespaces request much more than they use, and whether that is steady.",
            (Argument("metric", "cpu or memory; default: cpu.", "metric"),),
            _over_provisioning_review,
        ),
        Prompt(
            "namespace_changes",
            "What changed in a namespace",
            "How one namespace's usage and requests moved over the last days and months.",
            (Argument("namespace", "Name of the namespace.", "namespace", required=True),),
            _namespace_changes,
        ),
        Prompt(
            "capacity_review",
            "Capacity review",
            "How full the cluster is, when it peaks, and which namespaces grow.",
            (),
            _capacity_review,
        ),
    )
}


def listing(prompts: Iterable[Prompt] = PROMPTS.values()) -> types.ListPromptsResult:
    """The answer to `prompts/list`."""
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=prompt.name,
                title=prompt.title,
                description=prompt.description,
                arguments=[
                    types.PromptArgument(name=item.name, description=item.description, required=item.required)
                    for item in prompt.arguments
                ],
            )
            for prompt in prompts
        ]
    )


def get(name: str, arguments: Mapping[str, str]) -> types.GetPromptResult:
    """The filled-in prompt. Raises `MCPError` -32602 for an unknown prompt or argument, or one that is missing."""
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
        if len(value) > ARGUMENT_CHARACTERS or not value.isprintable():
            raise _invalid(f"Argument {name} is limited to {ARGUMENT_CHARACTERS} printable characters.", name, ())
    for argument in prompt.arguments:
        if argument.required and argument.name not in given:
            raise _invalid(f"Prompt {prompt.name} needs the argument {argument.name}.", argument.name, ())


def _invalid(message: str, wanted: str, known: Iterable[str]) -> MCPError:
    names = list(known)
    nearest = difflib.get_close_matches(wanted[:100], names, n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    listed = f" Known: {', '.join(names)}." if names else ""
    return MCPError(types.INVALID_PARAMS, f"{message}{hint}{listed}")
