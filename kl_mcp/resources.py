"""What can be read besides the tools: the dataset's description, the specification, the tools' full schemas."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import mcp_types as types
import orjson
from mcp.shared.exceptions import MCPError

from kl_mcp.dataset import Dataset
from kl_mcp.holder import Holder
from kl_mcp.tools.tool import Tool

DATASET_URI = "kubeledger://dataset"
SPECIFICATION_URI = "kubeledger://spec"
SCHEMA_PREFIX = "kubeledger://schemas/"
SCHEMA_TEMPLATE = SCHEMA_PREFIX + "{tool}"
JSON = "application/json"
MARKDOWN = "text/markdown"
HOUR_MS = 3_600_000
DESCRIBING_TOOL = "describe_dataset"
SPECIFICATION_FILE = "kubeledger-mcp-spec.md"


def read_specification() -> str | None:
    """The public specification: shipped inside the installed package, beside it in a checkout; None in neither."""
    package = Path(__file__).parent
    for directory in (package, package.parent):
        path = directory / SPECIFICATION_FILE
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def until_next_publication_ms(dataset: Dataset, now: float) -> int:
    """Milliseconds until the collector is due to publish again; 0 when that is unknown or overdue."""
    if dataset.generated_at is None or dataset.polling_interval_seconds is None:
        return 0
    seconds = dataset.generated_at + dataset.polling_interval_seconds - now
    return round(min(max(seconds, 0.0) * 1000, HOUR_MS))


class Resources:
    """`resources/list`, `resources/templates/list` and `resources/read`."""

    def __init__(self, table: Mapping[str, Tool], holder: Holder, specification: str | None = None) -> None:
        self._table = table
        self._holder = holder
        self._specification = specification
        self.listing = types.ListResourcesResult(resources=self._listed())
        self.templates = types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    uri_template=SCHEMA_TEMPLATE,
                    name="schemas",
                    title="Schemas of a tool",
                    description="Full JSON Schemas of a tool: its arguments and every field of its answer, with units.",
                    mime_type=JSON,
                )
            ]
        )

    def _listed(self) -> list[types.Resource]:
        dataset = types.Resource(
            uri=DATASET_URI,
            name="dataset",
            title="Dataset description",
            description="What there is to ask about: metrics, scales and their depth, cost model, freshness, coverage. "
            "The same as the tool describe_dataset answers; changes with every publication.",
            mime_type=JSON,
        )
        if self._specification is None:
            return [dataset]
        specification = types.Resource(
            uri=SPECIFICATION_URI,
            name="specification",
            title="KubeLedger MCP specification",
            description="Dataset, tools, metadata block, errors, transports and security model of this server.",
            mime_type=MARKDOWN,
            size=len(self._specification.encode()),
        )
        return [dataset, specification]

    async def read(self, uri: str) -> types.ReadResourceResult:
        """The contents of `uri`. Raises `MCPError` -32602 with the uri as data when there is no such resource."""
        if uri == DATASET_URI:
            dataset = await self._holder.dataset()
            text = orjson.dumps(self._table[DESCRIBING_TOOL].run({}, dataset)).decode()
            return _contents(uri, JSON, text, until_next_publication_ms(dataset, time.time()), "private")
        if uri == SPECIFICATION_URI and self._specification is not None:
            return _contents(uri, MARKDOWN, self._specification, HOUR_MS, "public")
        tool = self._table.get(uri.removeprefix(SCHEMA_PREFIX)) if uri.startswith(SCHEMA_PREFIX) else None
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"Unknown resource: {uri[:200]}", {"uri": uri[:200]})
        schemas = {
            "name": tool.name,
            "arguments": tool.arguments.model_json_schema(),
            "answer": tool.full_output_schema,
        }
        return _contents(uri, JSON, orjson.dumps(schemas).decode(), HOUR_MS, "public")


def _contents(uri: str, mime_type: str, text: str, ttl_ms: int, scope: str) -> types.ReadResourceResult:
    return types.ReadResourceResult.model_validate(
        {
            "contents": [{"uri": uri, "mimeType": mime_type, "text": text}],
            "ttlMs": ttl_ms,
            "cacheScope": scope,
        }
    )
