"""What can be read besides the tools: the dataset's description, two documents, a page per namespace, full schemas."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import mcp_types as types
import orjson
from mcp.shared.exceptions import MCPError

from kl_mcp.access.audit_log import Audit
from kl_mcp.access.callers import ANYBODY, Caller
from kl_mcp.protocol.datasets import Datasets
from kl_mcp.tools.answer_size import shown
from kl_mcp.tools.tool import Tool
from kl_query.answers.namespace_page import one_namespace
from kl_query.dataset import Dataset
from kl_query.selection import listed
from kl_query.staleness import warnings_at
from kl_query.unmatched import nearest_names
from kl_query.warnings.warning import texts

NAMESPACE_PREFIX = "kubeledger://namespaces/"
NAMESPACE_TEMPLATE = NAMESPACE_PREFIX + "{namespace}"
SCHEMA_PREFIX = "kubeledger://schemas/"
SCHEMA_TEMPLATE = SCHEMA_PREFIX + "{tool}"
JSON = "application/json"
MARKDOWN = "text/markdown"
HOUR_MS = 3_600_000
MAX_URI_CHARS = 200
PACKAGE = Path(__file__).parents[1]
CHECKOUT = PACKAGE.parent

DATASET = types.Resource(
    uri="kubeledger://dataset",
    name="dataset",
    title="Dataset description",
    description="What there is to ask about: metrics, scales and their depth, cost model, freshness, coverage. What "
    "the tool describe_dataset answers; changes with every publication.",
    mime_type=JSON,
)
SPECIFICATION = types.Resource(
    uri="kubeledger://spec",
    name="specification",
    title="KubeLedger MCP specification",
    description="Dataset, tools, metadata block, errors, transports and security model of this server.",
    mime_type=MARKDOWN,
)
ACCOUNTING = types.Resource(
    uri="kubeledger://accounting",
    name="accounting",
    title="Accounting rules",
    description="How the numbers come about, each rule with its formula and a worked example: who is charged, "
    "requests, GPUs, unknown hours, idle, efficiency, costs, time. Read it to explain a number.",
    mime_type=MARKDOWN,
)
TEMPLATES = [
    types.ResourceTemplate(
        uri_template=NAMESPACE_TEMPLATE,
        name="namespaces",
        title="Page of a namespace",
        description="One namespace: type, first and last seen, labels with their history, and over each whole scale "
        "its usage, requests, efficiency, shares and costs.",
        mime_type=JSON,
    ),
    types.ResourceTemplate(
        uri_template=SCHEMA_TEMPLATE,
        name="schemas",
        title="Schemas of a tool",
        description="Full JSON Schemas of a tool: its arguments and every field of its answer, with units.",
        mime_type=JSON,
    ),
]


def installed_documents() -> dict[str, str]:
    """Return the texts of the documents by URI: those in the installed package, or in their places in a checkout."""
    places = {
        SPECIFICATION.uri: (PACKAGE / "kubeledger-mcp-spec.md", CHECKOUT / "kubeledger-mcp-spec.md"),
        ACCOUNTING.uri: (PACKAGE / "accounting.md", CHECKOUT / "docs" / "accounting.md"),
    }
    files = {uri: next(filter(Path.is_file, paths), None) for uri, paths in places.items()}
    return {uri: path.read_text(encoding="utf-8") for uri, path in files.items() if path}


def until_next_publication_ms(dataset: Dataset, now: float) -> int:
    """Return milliseconds until the collector is due to publish again; 0 when that is unknown or overdue.

    It is one interval at most, even where the clock of the collector is ahead.
    """
    if dataset.generated_at is None or dataset.polling_interval_seconds is None:
        return 0
    seconds = dataset.generated_at + dataset.polling_interval_seconds - now
    return round(min(max(seconds, 0.0) * 1000, dataset.polling_interval_seconds * 1000, HOUR_MS))


class Resources:
    """`resources/list`, `resources/templates/list` and `resources/read`.

    Namespaces are a template and not listed: the list may be cached for an hour by anybody, and may be long.
    """

    def __init__(
        self,
        table: Mapping[str, Tool],
        datasets: Datasets,
        audit: Audit,
        documents: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take the texts of the documents that were installed, by URI."""
        self._table = table
        self._datasets = datasets
        self._audit = audit
        self._documents = documents
        self._clock = clock
        installed = [
            each.model_copy(update={"size": len(documents[each.uri].encode())})
            for each in (SPECIFICATION, ACCOUNTING)
            if each.uri in documents
        ]
        self.listing = types.ListResourcesResult(resources=[DATASET, *installed])

    async def read(self, uri: str, caller: Caller = ANYBODY) -> types.ReadResourceResult:
        """Return the contents of `uri`. Raise `MCPError` -32602 with the uri as data when there is no such resource."""
        dataset = await self._datasets.seen_by(caller)
        now, started = self._clock(), time.perf_counter()
        text = ""
        error: str | None = "internal"
        try:
            mime_type, text = await self._text(uri, dataset, now)
            error = None
        except MCPError:
            error = "unknown_resource"
            raise
        finally:
            seconds = time.perf_counter() - started
            self._audit.record(
                caller, "resources/read", {"uri": uri}, size=len(text.encode()), seconds=seconds, error=error
            )
        return types.ReadResourceResult.model_validate(
            {
                "contents": [{"uri": uri, "mimeType": mime_type, "text": text}],
                "ttlMs": until_next_publication_ms(dataset, now),
                "cacheScope": "private",
            }
        )

    async def _text(self, uri: str, dataset: Dataset, now: float) -> tuple[str, str]:
        """Return `(MIME type, text)` of a resource."""
        if uri in self._documents:
            return MARKDOWN, self._documents[uri]
        return JSON, orjson.dumps(await self._datasets.ask(dataset, partial(self._json, uri, dataset, now))).decode()

    def _json(self, uri: str, dataset: Dataset, now: float) -> object:
        if uri == DATASET.uri:
            return self._table["describe_dataset"].run({}, dataset, now)
        namespace = _variable(uri, NAMESPACE_PREFIX)
        if namespace is not None and namespace in dataset.namespaces:
            return shown(one_namespace(dataset, namespace), warnings_at(dataset, now))
        tool = self._table.get(_variable(uri, SCHEMA_PREFIX) or "")
        if tool is not None:
            return {
                "name": tool.name,
                "arguments": tool.full_input_schema,
                "answer": tool.full_output_schema,
            }
        raise MCPError(types.INVALID_PARAMS, _unknown(uri, dataset), {"uri": uri[:MAX_URI_CHARS]})


def _variable(uri: str, prefix: str) -> str | None:
    """Return the decoded value of a template's one variable; None for a URI of another form."""
    encoded = uri.removeprefix(prefix)
    if encoded == uri or "/" in encoded:
        return None
    try:
        return unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        return None


def _unknown(uri: str, dataset: Dataset) -> str:
    message = f"Unknown resource: {uri[:MAX_URI_CHARS]}."
    if not uri.startswith(NAMESPACE_PREFIX):
        return message
    if dataset.layout == "none":
        return " ".join([message, *texts(dataset.warnings)])
    near = ", ".join(nearest_names(listed(dataset), _variable(uri, NAMESPACE_PREFIX) or ""))
    return f"{message} list_namespaces returns the names{f'; the nearest: {near}' if near else ''}."
