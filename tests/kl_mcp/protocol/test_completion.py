"""Completion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp_types import (
    CompleteRequestParams,
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from kl_mcp.protocol.completion import complete
from kl_mcp.protocol.prompts import PROMPTS
from kl_mcp.protocol.resources import NAMESPACE_TEMPLATE, SCHEMA_TEMPLATE
from kl_query.dataset import Dataset, empty_dataset, load_dataset
from kl_query.dataset.model import Namespace
from kl_query.dataset.visibility import restricted
from tests.support.in_process import MODES, ask
from tests.support.published import publish
from tests.support.warned import warned


def _complete(dataset: Dataset, prompt: str, argument: str, typed: str, **given: str) -> Completion:
    ref = PromptReference(name=prompt)
    context = CompletionContext(arguments=given) if given else None
    params = CompleteRequestParams(ref=ref, argument=CompletionArgument(name=argument, value=typed), context=context)
    return complete(params, dataset, ["get_usage", "get_efficiency"]).completion


def _with_namespaces(*names: str) -> Dataset:
    table = {name: Namespace(name, 0, 0, active=True) for name in names}
    return Dataset("native", "cumulative", namespaces=table)


@pytest.mark.requirement("KL-R-6")
@pytest.mark.parametrize(
    ("prompt", "argument", "typed", "expected"),
    [
        ("namespace_changes", "namespace", "", ["kube-system", "shop"]),
        ("namespace_changes", "namespace", "sh", ["shop"]),
        ("namespace_changes", "namespace", "SH", []),
        ("over_provisioning_review", "metric", "", ["cpu", "memory"]),
        ("monthly_showback", "month", "2026", ["2026-11"]),
        ("monthly_showback", "pattern", "", []),
        ("monthly_showback", "namespace", "", []),
        ("capacity_review", "scale", "", ["hourly_7d", "daily_14d", "monthly_12m"]),
        ("capacity_review", "scale", "d", ["daily_14d"]),
        ("namespace_changes", "date", "", ["latest", "all", "2026-11-21"]),
        ("over_provisioning_review", "date", "2026", ["2026-11-21"]),
        ("no_such_prompt", "namespace", "", []),
    ],
)
def test_arguments_of_prompts_are_completed_from_the_dataset(
    tmp_path: Path, prompt: str, argument: str, typed: str, expected: list[str]
) -> None:
    publish(tmp_path, 1)

    completion = _complete(load_dataset(tmp_path), prompt, argument, typed)

    assert completion.values == expected
    assert (completion.total, completion.has_more) == (len(expected), False)


@pytest.mark.requirement("KL-R-6")
@pytest.mark.parametrize(
    ("scale", "typed", "expected"),
    [
        # The published hours are 10:00 and 11:00; the newest comes first.
        ("hourly_7d", "2026", ["2026-11-21T11:00:00Z", "2026-11-21T10:00:00Z"]),
        ("monthly_12m", "", ["latest", "all", "2026-11"]),
        (
            "hourly_7d",
            "2026-11-21T10:00:00Z..",
            [f"2026-11-21T10:00:00Z..2026-11-21T{hour}:00:00Z" for hour in (11, 10)],
        ),
        ("hourly_7d", "2026-11-21T11:00:00Z..", ["2026-11-21T11:00:00Z..2026-11-21T11:00:00Z"]),
        ("hourly_7d", "2020..", []),
        ("weekly", "", []),
    ],
)
def test_dates_are_the_buckets_of_the_scale_that_was_chosen_before(
    tmp_path: Path, scale: str, typed: str, expected: list[str]
) -> None:
    publish(tmp_path, 1)

    completion = _complete(load_dataset(tmp_path), "over_provisioning_review", "date", typed, scale=scale)

    assert completion.values == expected


def test_gpu_memory_which_cannot_be_requested_is_no_metric_of_the_over_provisioning_review() -> None:
    dataset = Dataset("native", "cumulative", metrics=("cpu", "memory", "gpu", "gpu_memory"))

    assert _complete(dataset, "over_provisioning_review", "metric", "g").values == ["gpu"]
    assert _complete(dataset, "capacity_review", "metric", "g").values == ["gpu", "gpu_memory"]


@pytest.mark.parametrize("argument", [(p, a.name) for p, prompt in PROMPTS.items() for a in prompt.arguments])
def test_an_absent_dataset_completes_nothing_and_is_no_error(argument: tuple[str, str]) -> None:
    assert _complete(empty_dataset(warned("Nothing yet.")), *argument, "").values == []


def test_patterns_are_offered_where_several_namespaces_share_a_first_part() -> None:
    dataset = _with_namespaces("team-a", "team-b", "ml-train", "shop", "team", "teams-x")

    for typed in ("", "tea", "team", "team-", "team-*"):
        assert _complete(dataset, "monthly_showback", "pattern", typed).values == ["team-*"]
    assert _complete(dataset, "monthly_showback", "pattern", "team-a").values == []


@pytest.mark.requirement("KL-R-6")
def test_at_most_a_hundred_values_are_returned_and_the_rest_counted() -> None:
    dataset = _with_namespaces(*(f"ns-{number:03}" for number in range(150)))

    completion = _complete(dataset, "namespace_changes", "namespace", "ns-")

    assert len(completion.values) == 100
    assert (completion.total, completion.has_more) == (150, True)


def test_namespaces_that_must_not_be_named_are_not_offered() -> None:
    dataset = restricted(_with_namespaces("mine", "theirs"), lambda name: name == "mine")

    assert _complete(dataset, "namespace_changes", "namespace", "").values == ["mine"]
    assert _of_template(dataset, NAMESPACE_TEMPLATE, "namespace", "") == ["mine"]


def _of_template(dataset: Dataset, uri: str, name: str, typed: str) -> list[str]:
    ref = ResourceTemplateReference(uri=uri)
    params = CompleteRequestParams(ref=ref, argument=CompletionArgument(name=name, value=typed))
    return complete(params, dataset, ["get_usage", "get_efficiency"]).completion.values


def test_variables_of_the_templates_are_completed_and_nothing_else_is() -> None:
    dataset = _with_namespaces("get-out", "shop")

    assert _of_template(dataset, SCHEMA_TEMPLATE, "tool", "get_e") == ["get_efficiency"]
    assert _of_template(dataset, NAMESPACE_TEMPLATE, "namespace", "get") == ["get-out"]
    assert _of_template(dataset, SCHEMA_TEMPLATE, "namespace", "get") == []
    assert _of_template(dataset, NAMESPACE_TEMPLATE, "tool", "get") == []
    assert _of_template(dataset, "kubeledger://other/{tool}", "tool", "get") == []


@pytest.mark.parametrize("mode", MODES)
def test_completion_is_served_in_each_era(tmp_path: Path, mode: str) -> None:
    publish(tmp_path, 1)
    ref = PromptReference(name="namespace_changes")

    result = ask(tmp_path, lambda client: client.complete(ref, {"name": "namespace", "value": "k"}), mode)

    assert result.completion.values == ["kube-system"]


class CountedName(str):
    """A name that counts how often it is compared, or read."""

    __slots__ = ()
    reads = 0

    def __lt__(self, other: str) -> bool:
        CountedName.reads += 1
        return str.__lt__(self, other)

    def __gt__(self, other: str) -> bool:
        CountedName.reads += 1
        return str.__gt__(self, other)

    def startswith(self, *prefixes: Any) -> bool:
        CountedName.reads += 1
        return str.startswith(self, *prefixes)

    def partition(self, separator: str) -> tuple[str, str, str]:
        CountedName.reads += 1
        return str.partition(self, separator)


@pytest.mark.parametrize(
    ("prompt", "argument", "typed"),
    [
        ("namespace_changes", "namespace", ""),
        ("namespace_changes", "namespace", "ns-0123"),
        ("monthly_showback", "pattern", "ns-0123"),
        ("over_provisioning_review", "metric", "c"),
        ("over_provisioning_review", "date", "2026"),
    ],
)
def test_a_keystroke_looks_at_a_few_of_many_names(prompt: str, argument: str, typed: str) -> None:
    dataset = _with_namespaces(*(CountedName(f"ns-{number:05}") for number in range(20_000)))
    CountedName.reads = 0

    _complete(dataset, prompt, argument, typed)

    assert CountedName.reads <= 60
