"""Completion."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp_types import (
    CompleteRequestParams,
    Completion,
    CompletionArgument,
    PromptReference,
    ResourceTemplateReference,
)

from kl_mcp.completion import complete
from kl_mcp.dataset import EMPTY, Dataset, load_dataset
from kl_mcp.dataset.model import Namespace
from kl_mcp.resources import SCHEMA_TEMPLATE
from tests.support.in_process import MODES, ask
from tests.support.published import publish


def _complete(dataset: Dataset, prompt: str, argument: str, typed: str) -> Completion:
    ref = PromptReference(name=prompt)
    params = CompleteRequestParams(ref=ref, argument=CompletionArgument(name=argument, value=typed))
    return complete(params, dataset, ["get_usage", "get_efficiency"]).completion


def _with_namespaces(*names: str) -> Dataset:
    table = {name: Namespace(name, 0, 0, active=True) for name in names}
    return Dataset("native", "cumulative", namespaces=table)


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


def test_patterns_are_offered_where_several_namespaces_share_a_first_part() -> None:
    dataset = _with_namespaces("team-a", "team-b", "ml-train", "shop")

    assert _complete(dataset, "monthly_showback", "pattern", "").values == ["team-*"]


def test_at_most_a_hundred_values_are_returned_and_the_rest_counted() -> None:
    dataset = _with_namespaces(*(f"ns-{number:03}" for number in range(150)))

    completion = _complete(dataset, "namespace_changes", "namespace", "ns-")

    assert len(completion.values) == 100
    assert (completion.total, completion.has_more) == (150, True)


def test_namespaces_that_must_not_be_named_are_not_offered() -> None:
    dataset = _with_namespaces("mine", "theirs").restricted_to(lambda name: name == "mine")

    assert _complete(dataset, "namespace_changes", "namespace", "").values == ["mine"]


def test_tool_names_complete_the_schema_template_and_nothing_else_does() -> None:
    def values(uri: str, name: str) -> list[str]:
        ref = ResourceTemplateReference(uri=uri)
        params = CompleteRequestParams(ref=ref, argument=CompletionArgument(name=name, value="get_e"))
        return complete(params, EMPTY(""), ["get_usage", "get_efficiency"]).completion.values

    assert values(SCHEMA_TEMPLATE, "tool") == ["get_efficiency"]
    assert values(SCHEMA_TEMPLATE, "other") == []
    assert values("kubeledger://other/{tool}", "tool") == []


@pytest.mark.parametrize("mode", MODES)
def test_completion_is_served_in_each_era(tmp_path: Path, mode: str) -> None:
    publish(tmp_path, 1)
    ref = PromptReference(name="namespace_changes")

    result = ask(tmp_path, lambda client: client.complete(ref, {"name": "namespace", "value": "k"}), mode)

    assert result.completion.values == ["kube-system"]
