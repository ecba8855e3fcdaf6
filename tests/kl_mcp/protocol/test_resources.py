"""Resources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, ErrorData, ReadResourceResult, TextResourceContents

from kl_mcp.access.audit_log import Audit
from kl_mcp.counts import Counts
from kl_mcp.protocol.datasets import Datasets
from kl_mcp.protocol.resources import Resources, until_next_publication_ms
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, empty_dataset, load_dataset
from kl_query.dataset.visibility import restricted
from kl_query.dataset.watcher import Holder
from tests.support.in_process import MODES, ask
from tests.support.published import publish
from tests.support.small_tools import SMALL_TABLE
from tests.support.warned import warned

SPEC, ACCOUNTING = "kubeledger://spec", "kubeledger://accounting"
PUBLISHED_AT = 1_795_262_400.0
"""2026-11-21T12:00:00Z, when the small dataset was published."""


def _text(result: ReadResourceResult) -> str:
    (contents,) = result.contents
    assert isinstance(contents, TextResourceContents)
    return contents.text


def _looked(dataset: Dataset) -> Holder:
    """A holder that has loaded `dataset`."""

    async def look() -> Holder:
        holder = Holder(Path("/nowhere"), Counts(), load=lambda _directory: dataset)
        async with holder.watching():
            await holder.dataset()
        return holder

    return anyio.run(look)


def _read(dataset: Dataset, uri: str, *, now: float = PUBLISHED_AT) -> ReadResourceResult:
    """Read from a server that holds `dataset`, at the time `now`."""
    resources = Resources(
        TABLE, Datasets(_looked(dataset)), Audit(), {SPEC: "# Spec", ACCOUNTING: "# Rules"}, clock=lambda: now
    )
    return anyio.run(resources.read, uri)


def _refusal(dataset: Dataset, uri: str) -> ErrorData:
    with pytest.raises(MCPError) as caught:
        _read(dataset, uri)
    return caught.value.error


@pytest.fixture
def small(tmp_path: Path) -> Dataset:
    publish(tmp_path, 4)
    return load_dataset(tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_the_dataset_resource_is_what_describe_dataset_answers(tmp_path: Path, mode: str) -> None:
    publish(tmp_path, 4)

    result = ask(tmp_path, lambda client: client.read_resource("kubeledger://dataset"), mode)

    assert orjson.loads(_text(result))["generation"] == 4
    assert result.contents[0].mime_type == "application/json"


@pytest.mark.parametrize(
    ("uri", "document"),
    [("kubeledger://spec", "kubeledger-mcp-spec.md"), ("kubeledger://accounting", "docs/accounting.md")],
)
@pytest.mark.parametrize("mode", MODES)
def test_the_specification_and_the_accounting_rules_are_the_public_documents(
    tmp_path: Path, uri: str, document: str, mode: str
) -> None:
    result = ask(tmp_path, lambda client: client.read_resource(uri), mode)

    assert _text(result) == (Path(__file__).parents[3] / document).read_text(encoding="utf-8")
    assert result.contents[0].mime_type == "text/markdown"


def test_a_document_that_was_not_installed_is_not_listed_and_not_found(small: Dataset) -> None:
    resources = Resources(SMALL_TABLE, Datasets(_looked(small)), Audit(), {ACCOUNTING: "# Rules"})

    assert [resource.uri for resource in resources.listing.resources] == [
        "kubeledger://dataset",
        "kubeledger://accounting",
    ]
    with pytest.raises(MCPError, match="Unknown resource"):
        anyio.run(resources.read, "kubeledger://spec")


def test_the_size_of_a_document_is_its_bytes() -> None:
    resources = Resources(SMALL_TABLE, Datasets(Holder(Path(), Counts())), Audit(), {SPEC: "Σ usage"})

    assert [resource.size for resource in resources.listing.resources] == [None, 8]


@pytest.mark.parametrize("name", TABLE)
def test_the_full_schemas_of_each_tool_are_those_of_its_snapshot(small: Dataset, name: str) -> None:
    result = _read(small, f"kubeledger://schemas/{name}")

    schemas = orjson.loads(_text(result))
    snapshot = orjson.loads((Path(__file__).parents[3] / "spec" / "tools" / f"{name}.json").read_bytes())
    assert schemas["name"] == name
    assert schemas["answer"] == snapshot["fullOutputSchema"]
    assert schemas["arguments"] == snapshot["fullInputSchema"]


def test_the_page_of_a_namespace_says_what_it_is_and_what_it_used(small: Dataset) -> None:
    result = _read(small, "kubeledger://namespaces/kube-system")

    page = orjson.loads(_text(result))
    assert (page["namespace"], page["type"], page["first_seen"]) == ("kube-system", "system", "2026-11-21T10:00:00Z")
    # Half a core over two hours, of 1.5 cores that are used in all.
    (cpu,) = [line for line in page["scales"]["hourly_7d"]["amounts"] if line["metric"] == "cpu"]
    assert (cpu["usage"], cpu["share_pct"]) == (1.0, pytest.approx(100 / 3, rel=1e-5))
    assert page["metadata"]["last_sample_utc"] == "2026-11-21T12:00:00Z"


@pytest.mark.requirement("KL-R-2")
@pytest.mark.parametrize("encoded", ["kube%2Dsystem", "%6Bube-system"])
def test_the_name_of_a_namespace_may_be_percent_encoded(small: Dataset, encoded: str) -> None:
    result = _read(small, f"kubeledger://namespaces/{encoded}")

    assert orjson.loads(_text(result))["namespace"] == "kube-system"
    assert result.contents[0].uri == f"kubeledger://namespaces/{encoded}"


@pytest.mark.requirement("KL-R-2", "KL-S-3")
@pytest.mark.parametrize(
    "name", ["nothing", "", "%", "%ff", "%2e%2e%2fspec", "shop/", "shop%00", "SHOP", "../dataset", "idle", "shop?x=1"]
)
def test_a_namespace_that_does_not_exist_is_not_found(small: Dataset, name: str) -> None:
    error = _refusal(small, f"kubeledger://namespaces/{name}")

    assert error.code == INVALID_PARAMS
    assert error.data == {"uri": f"kubeledger://namespaces/{name}"}
    assert "list_namespaces" in error.message


@pytest.mark.requirement("KL-R-2")
def test_a_namespace_that_does_not_exist_is_told_the_nearest_names(small: Dataset) -> None:
    assert _refusal(small, "kubeledger://namespaces/kube%2Dsystm").message.endswith("; the nearest: kube-system.")
    hidden = restricted(small, lambda name: name != "kube-system")
    assert "the nearest" not in _refusal(hidden, "kubeledger://namespaces/kube-system").message


@pytest.mark.requirement("KL-R-2")
def test_a_namespace_that_must_not_be_named_is_told_apart_from_none_by_nobody(small: Dataset) -> None:
    seen = restricted(small, lambda name: name == "shop")

    hidden = _refusal(seen, "kubeledger://namespaces/kube-system")
    absent = _refusal(seen, "kubeledger://namespaces/kube-sys")

    assert hidden.message.replace("kube-system", "kube-sys") == absent.message
    assert hidden.code == absent.code
    page = _read(seen, "kubeledger://namespaces/shop")
    # shop uses 1 of 1.5 cores: the hidden one stays in every total, and is not named.
    (cpu,) = [line for line in orjson.loads(_text(page))["scales"]["hourly_7d"]["amounts"] if line["metric"] == "cpu"]
    assert cpu["share_pct"] == pytest.approx(100 / 1.5, rel=1e-5)
    assert "kube-system" not in _text(page)


def test_while_there_is_no_dataset_a_namespace_is_not_found_with_the_reason() -> None:
    error = _refusal(empty_dataset(warned("No dataset.json yet.")), "kubeledger://namespaces/shop")

    assert "No dataset.json yet." in error.message


@pytest.mark.requirement("KL-R-1")
def test_lists_name_every_resource_and_template_with_a_description(tmp_path: Path) -> None:
    listed = ask(tmp_path, lambda client: client.list_resources()).resources
    templates = ask(tmp_path, lambda client: client.list_resource_templates()).resource_templates

    assert [resource.uri for resource in listed] == [
        "kubeledger://dataset",
        "kubeledger://spec",
        "kubeledger://accounting",
    ]
    assert [template.uri_template for template in templates] == [
        "kubeledger://namespaces/{namespace}",
        "kubeledger://schemas/{tool}",
    ]
    assert all(resource.description and resource.title for resource in listed)
    assert all(template.description and template.title for template in templates)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "uri",
    [
        "kubeledger://nothing",
        "kubeledger://schemas/nothing",
        "kubeledger://schemas/../spec",
        "kubeledger://namespaces/nothing",
        "file:///etc/passwd",
    ],
)
def test_an_unknown_resource_is_refused_naming_its_uri(tmp_path: Path, uri: str, mode: str) -> None:
    with pytest.raises(MCPError) as caught:
        ask(tmp_path, lambda client: client.read_resource(uri), mode)

    assert caught.value.error.code == INVALID_PARAMS
    assert caught.value.error.data == {"uri": uri}


@pytest.mark.requirement("KL-R-4")
def test_lists_may_be_cached_for_an_hour_by_anybody(tmp_path: Path) -> None:
    async def lists(client: Any) -> list[Any]:
        return [
            await client.list_resources(),
            await client.list_resource_templates(),
            await client.list_tools(),
            await client.list_prompts(),
        ]

    for listed in ask(tmp_path, lists):
        assert (listed.ttl_ms, listed.cache_scope) == (3_600_000, "public")


@pytest.mark.requirement("KL-R-4")
@pytest.mark.parametrize(
    "uri",
    [
        "kubeledger://dataset",
        "kubeledger://namespaces/shop",
        "kubeledger://schemas/get_usage",
        "kubeledger://spec",
        "kubeledger://accounting",
    ],
)
def test_a_resource_may_be_cached_by_its_reader_until_the_next_publication(small: Dataset, uri: str) -> None:
    # Published at 12:00:00 every 300 s: two minutes later, 180 s are left; an hour later it is overdue.
    fresh = _read(small, uri, now=PUBLISHED_AT + 120)
    overdue = _read(small, uri, now=PUBLISHED_AT + 3600)

    assert (fresh.ttl_ms, fresh.cache_scope) == (180_000, "private")
    assert (overdue.ttl_ms, overdue.cache_scope) == (0, "private")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # Published at 1,000 every 300 s, so due again at 1,300.
        (1_000.0, 300_000),
        (1_299.5, 500),
        (1_300.0, 0),
        (9_999.0, 0),
        # It was published by a clock that ran ahead: an interval later that may be known.
        (100.0, 300_000),
    ],
)
def test_the_dataset_is_fresh_until_the_next_publication_is_due(now: float, expected: int) -> None:
    dataset = replace(empty_dataset(warned("")), generated_at=1_000, polling_interval_seconds=300)

    assert until_next_publication_ms(dataset, now) == expected
    assert until_next_publication_ms(empty_dataset(warned("")), now) == 0
