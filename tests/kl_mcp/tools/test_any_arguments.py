"""Whatever is asked within the input schemas, of whatever dataset: an answer that conforms and fits, or an error."""

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_mcp.tools import TABLE
from kl_mcp.tools.refusals import Call, refuse
from kl_query.dataset import Dataset, empty_dataset
from kl_query.dataset.model import Sharing
from kl_query.dataset.visibility import restricted
from kl_query.errors import ToolArgumentError
from kl_query.measures.sharing import shared_by
from kl_query.metadata import metadata
from tests.kl_mcp.tools.conftest import check_refusal, check_schemas
from tests.support.examples import examples
from tests.support.large_dataset import NOW, large_dataset
from tests.support.warned import warned

BOOKS = large_dataset(40)
NAMES = sorted(BOOKS.namespaces)
DATES = ["latest", "all", "2026-11", "2026-10..2026-11", "2026-11-21", "2026-11-08..2026-11-14", "2026-11-21T10:00:00Z"]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "date": st.sampled_from(DATES),
    "baseline": st.sampled_from(DATES),
    "namespace": st.sampled_from([*NAMES[:3], "nobody"]),
    "namespaces": st.lists(st.sampled_from([*NAMES[:3], "kube-*", "*", "x-*"]), min_size=1, max_size=3),
    "pattern": st.lists(st.sampled_from([*NAMES[:3], "kube-*", "*", "x-*", "!a"]), min_size=1, max_size=3),
    "cursor": st.just("nonsense"),
}


def without_hours(dataset: Dataset) -> Dataset:
    return replace(dataset, scales={name: scale for name, scale in dataset.scales.items() if name != "hourly_7d"})


def without_bills(dataset: Dataset) -> Dataset:
    return replace(dataset, scales={name: replace(scale, bill={}) for name, scale in dataset.scales.items()})


def without_capacity(dataset: Dataset) -> Dataset:
    scales = {name: replace(scale, capacity={}, allocatable={}) for name, scale in dataset.scales.items()}
    return replace(dataset, scales=scales)


def charging_back(dataset: Dataset) -> Dataset:
    return replace(dataset, cost_model="costs", scales={"daily_14d": dataset.scales["daily_14d"]})


SHARING = Sharing((NAMES[0], "kube-0[0-3]*"), idle=True, multiplier=1.2)
DATASETS = {
    "whole": BOOKS,
    "absent": empty_dataset(warned("Nothing yet.")),
    "without hours": without_hours(BOOKS),
    "without bills": without_bills(BOOKS),
    "without capacity": without_capacity(BOOKS),
    "charging back, days only": charging_back(BOOKS),
    "one visible": restricted(BOOKS, lambda name: name == NAMES[0]),
    "sharing": shared_by(charging_back(BOOKS), SHARING),
    "sharing, one visible": restricted(shared_by(BOOKS, SHARING), lambda name: name == NAMES[-1]),
}


def values(name: str, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if name in VALUES:
        return VALUES[name]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return st.booleans() if schema["type"] == "boolean" else st.integers(schema["minimum"], schema["maximum"])


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    tool = TABLE[draw(st.sampled_from(list(TABLE)))]
    properties = tool.input_schema["properties"]
    rare = {"cursor"}
    chosen = draw(st.lists(st.sampled_from(sorted(set(properties) - rare)), unique=True)) if properties else []
    required = tool.input_schema.get("required", [])
    return tool.name, {name: draw(values(name, properties[name])) for name in {*chosen, *required}}


def answered(name: str, arguments: dict[str, Any], dataset: Dataset) -> dict[str, Any] | ToolArgumentError:
    try:
        return TABLE[name].run(arguments, dataset, NOW)
    except ToolArgumentError as refused:
        return refused


@settings(max_examples=examples(300), deadline=None)
@given(calls(), st.sampled_from(list(DATASETS)))
def test_an_answer_conforms_and_fits_or_an_error_teaches(call: tuple[str, dict[str, Any]], state: str) -> None:
    name, arguments = call
    jsonschema.validate(arguments, TABLE[name].input_schema)
    answer = answered(name, arguments, DATASETS[state])
    if isinstance(answer, ToolArgumentError):
        assert answer.argument in TABLE[name].input_schema["properties"]
        assert answer.message
        refusal = refuse(TABLE, Call(name, arguments), answer, DATASETS[state], NOW)
        check_refusal(refusal, DATASETS[state], NOW)
        written = json.dumps(refusal.data) + refusal.text
    else:
        check_schemas(name, answer)
        written = json.dumps(answer, allow_nan=False)
        assert len(written) <= (40_000 if "limit" in arguments else 32_000)
    withheld = BOOKS.namespaces.keys() - DATASETS[state].namespaces.keys()
    unasked = [name for name in withheld if name not in json.dumps(arguments)]
    assert not [hidden for hidden in unasked if hidden in written]


def test_the_datasets_differ_as_they_say() -> None:
    assert not DATASETS["without hours"].scales.get("hourly_7d")
    assert [warning.text for warning in metadata(DATASETS["absent"]).warnings] == ["Nothing yet."]
    with pytest.raises(ToolArgumentError):
        TABLE["get_usage"].run({"cost_model": "costs"}, DATASETS["without bills"], NOW)
