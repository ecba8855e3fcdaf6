"""Resources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio
import orjson
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, ReadResourceResult, TextResourceContents

from kl_mcp.counts import Counts
from kl_mcp.dataset import EMPTY
from kl_mcp.holder import Holder
from kl_mcp.resources import Resources, read_specification, until_next_publication_ms
from tests.support.in_process import MODES, ask
from tests.support.published import publish
from tests.support.small_tools import SMALL_TABLE


def _text(result: ReadResourceResult) -> str:
    (contents,) = result.contents
    assert isinstance(contents, TextResourceContents)
    return contents.text


@pytest.mark.parametrize("mode", MODES)
def test_the_dataset_resource_is_what_describe_dataset_answers(tmp_path: Path, mode: str) -> None:
    publish(tmp_path, 4)

    result = ask(tmp_path, lambda client: client.read_resource("kubeledger://dataset"), mode)

    assert orjson.loads(_text(result))["generation"] == 4
    assert result.contents[0].mime_type == "application/json"


def test_the_specification_is_the_public_document(tmp_path: Path) -> None:
    result = ask(tmp_path, lambda client: client.read_resource("kubeledger://spec"))

    document = Path(__file__).parents[2] / "kubeledger-mcp-spec.md"
    assert _text(result) == document.read_text(encoding="utf-8") == read_specification()


def test_without_the_document_the_specification_is_not_listed(tmp_path: Path) -> None:
    resources = Resources(SMALL_TABLE, Holder(tmp_path, Counts()), specification=None)

    assert [resource.uri for resource in resources.listing.resources] == ["kubeledger://dataset"]
    with pytest.raises(MCPError):
        anyio.run(resources.read, "kubeledger://spec")


def test_the_full_schemas_of_each_tool_can_be_read(tmp_path: Path) -> None:
    for name, tool in SMALL_TABLE.items():
        text = _text(ask(tmp_path, lambda client, name=name: client.read_resource(f"kubeledger://schemas/{name}")))  # type: ignore[misc]

        schemas = orjson.loads(text)
        assert schemas["name"] == name
        assert schemas["answer"] == tool.full_output_schema
        assert "namespace" in schemas["arguments"]["properties"]


def test_lists_name_every_resource_and_template_with_a_description(tmp_path: Path) -> None:
    listed = ask(tmp_path, lambda client: client.list_resources()).resources
    templates = ask(tmp_path, lambda client: client.list_resource_templates()).resource_templates

    assert [resource.uri for resource in listed] == ["kubeledger://dataset", "kubeledger://spec"]
    assert [template.uri_template for template in templates] == ["kubeledger://schemas/{tool}"]
    assert all(resource.description and resource.title for resource in listed)
    assert all(template.description and template.title for template in templates)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "uri",
    ["kubeledger://nothing", "kubeledger://schemas/nothing", "kubeledger://schemas/../spec", "file:///etc/passwd"],
)
def test_an_unknown_resource_is_refused_naming_its_uri(tmp_path: Path, uri: str, mode: str) -> None:
    with pytest.raises(MCPError) as caught:
        ask(tmp_path, lambda client: client.read_resource(uri), mode)

    assert caught.value.error.code == INVALID_PARAMS
    assert caught.value.error.data == {"uri": uri}


def test_lists_may_be_cached_for_an_hour_by_anybody_and_the_dataset_by_the_caller_only(tmp_path: Path) -> None:
    listed = ask(tmp_path, lambda client: client.list_resources())
    tools = ask(tmp_path, lambda client: client.list_tools())
    dataset = ask(tmp_path, lambda client: client.read_resource("kubeledger://dataset"))

    assert (listed.ttl_ms, listed.cache_scope) == (3_600_000, "public")
    assert (tools.ttl_ms, tools.cache_scope) == (3_600_000, "public")
    assert (dataset.ttl_ms, dataset.cache_scope) == (0, "private")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # Published at 1,000 every 300 s, so due again at 1,300.
        (1_000.0, 300_000),
        (1_299.5, 500),
        (1_300.0, 0),
        (9_999.0, 0),
    ],
)
def test_the_dataset_is_fresh_until_the_next_publication_is_due(now: float, expected: int) -> None:
    dataset = replace(EMPTY(""), generated_at=1_000, polling_interval_seconds=300)

    assert until_next_publication_ms(dataset, now) == expected
    assert until_next_publication_ms(EMPTY(""), now) == 0
