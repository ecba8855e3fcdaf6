"""The tables of the specification say what the product has."""

from __future__ import annotations

import ast
import re
from dataclasses import fields

import pytest

from kl_core.vocabulary import METRICS, SCALES, SPECIAL_ENTRIES
from kl_mcp.access.audit_log import Audit
from kl_mcp.counts import PREFIX, Counts
from kl_mcp.protocol.datasets import Datasets
from kl_mcp.protocol.resources import DATASET, TEMPLATES, Resources, installed_documents
from kl_mcp.protocol.tool_calls import INTERNAL
from kl_mcp.tools import TABLE
from kl_mcp.tools.answer_size import Truncated
from kl_mcp.tools.wrong_arguments import VALIDATION_ERRORS
from kl_mcp.transport.metrics import Metrics
from kl_query.dataset.watcher import Holder
from kl_query.metadata import Coverage, DataWindow
from tests.spec.document import ROOT, TEXT, table, words
from tests.support.shown import METADATA_KEYS


def _terms() -> dict[str, str]:
    return {row[0]: row[1] for row in table("term")}


def test_the_vocabulary_names_the_metrics_scales_and_special_entries_there_are() -> None:
    terms = _terms()

    assert words(terms["metric"]) == list(METRICS)
    assert words(terms["scale"]) == list(SCALES)
    assert set(words(terms["special entry"])) == set(SPECIAL_ENTRIES)


@pytest.mark.requirement("KL-M-1")
def test_the_metadata_keys_are_those_of_every_answer() -> None:
    rows = {name: row[1] for row in table("key") for name in words(row[0])}

    assert set(rows) == set(METADATA_KEYS)
    assert words(rows["data_window"]) == [field.name for field in fields(DataWindow)]
    assert {field.name for field in fields(Truncated)} <= set(words(rows["truncated"]))
    assert {"kubernetes", "metrics", "dcgm"} < {field.name for field in fields(Coverage)}


@pytest.mark.requirement("KL-T-3")
def test_the_arguments_are_those_of_the_tools_with_the_defaults_the_table_says() -> None:
    meanings = {name: row[1] for row in table("argument") for name in words(row[0])}
    used = {name for tool in TABLE.values() for name in tool.input_schema["properties"]}
    assert set(meanings) <= used

    dates = {name: tool.input_schema["properties"].get("date", {}).get("default") for name, tool in TABLE.items()}
    assert "default of rankings, breakdowns and groups" in meanings["date"]
    assert {name for name, default in dates.items() if default == "latest"} == {
        "get_top_consumers",
        "get_namespace_breakdown",
        "group_namespaces",
    }
    assert {name for name, default in dates.items() if default == "all"} == {
        "get_usage",
        "get_timeseries",
        "get_efficiency",
        "get_efficiency_timeseries",
    }
    scales = {tool.input_schema["properties"].get("scale", {}).get("default") for tool in TABLE.values()}
    assert scales == {"daily_14d", None}


@pytest.mark.requirement("KL-E-6")
def test_the_error_codes_are_those_the_server_can_answer_with() -> None:
    documented = [code for row in table("code") for code in words(row[0])]

    assert len(documented) == len(set(documented))
    assert set(documented) == _codes_in_the_source()


def _codes_in_the_source() -> set[str]:
    """First arguments of every `ToolArgumentError(...)`, and the codes that a failed validation is translated to."""
    found: list[ast.expr] = []
    for path in (path for package in ("kl_mcp", "kl_query") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "ToolArgumentError":
                found.append(node.args[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "VALIDATION_ERRORS.get":
                found += [each.elts[0] for each in node.args if isinstance(each, ast.Tuple)]
    branches = [b for e in found for b in ((e.body, e.orelse) if isinstance(e, ast.IfExp) else (e,))]
    translated = {code for code, _ in VALIDATION_ERRORS.values()}
    return {INTERNAL, *translated, *(str(branch.value) for branch in branches if isinstance(branch, ast.Constant))}


@pytest.mark.requirement("KL-X-5")
def test_the_metrics_are_those_that_are_served() -> None:
    counts = Counts()
    documented = {words(row[0])[0].removesuffix("_total"): set(words(row[1])) - {"le"} for row in table("series")}

    families = {family.name: family for family in Metrics(Holder(ROOT, counts), counts, TABLE, lambda: 0.0).collect()}

    served = {name.removeprefix(f"{PREFIX}_") for name in families}
    of_a_dataset = {"dataset_generation", "dataset_age_seconds", "clocks_disagree"}
    of_a_dataset |= {"kubeledger_unmeasured_pods", "kubeledger_blind_spots"}
    assert set(documented) == served | of_a_dataset
    for name, family in families.items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels <= documented[name.removeprefix(f"{PREFIX}_")]


@pytest.mark.requirement("KL-R-1")
def test_the_resources_are_those_that_are_listed() -> None:
    documented = [words(row[0])[0] for row in table("resource")]
    resources = Resources(TABLE, Datasets(Holder(ROOT, Counts())), Audit(), installed_documents())

    listed = [resource.uri for resource in resources.listing.resources]
    assert documented == [*listed, *(template.uri_template for template in TEMPLATES)]
    assert listed[0] == DATASET.uri


def test_every_requirement_that_the_text_refers_to_exists() -> None:
    mentioned = set(re.findall(r"KL-[A-Z]-\d+", TEXT))

    assert mentioned == set(re.findall(r"\*\*\[(KL-[A-Z]-\d+)\]\*\*", TEXT))
