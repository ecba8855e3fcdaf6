"""Wires the table of tools, the resources and the held dataset into one MCP server, for every transport and era."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import mcp_types as types
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from kl_mcp import __version__
from kl_mcp.access.audit_log import Audit
from kl_mcp.access.callers import caller_of
from kl_mcp.counts import Counts
from kl_mcp.protocol import completion, identity, prompts
from kl_mcp.protocol.datasets import Datasets
from kl_mcp.protocol.instructions import INSTRUCTIONS
from kl_mcp.protocol.resources import DATASET, HOUR_MS, TEMPLATES, Resources, installed_documents
from kl_mcp.protocol.subscriptions import MAX_SUBSCRIPTIONS, Subscriptions
from kl_mcp.protocol.tool_calls import Calls
from kl_mcp.tools import TABLE
from kl_mcp.tools.tool import Tool
from kl_query.dataset import Dataset
from kl_query.dataset.watcher import Holder

logger = logging.getLogger(__name__)

LISTED_METHODS: tuple[CacheableMethod, ...] = (
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "prompts/list",
    "server/discover",
)

Context = ServerRequestContext[Any, Any]
ListParams = types.PaginatedRequestParams | None
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class KubeLedgerServer:
    """The protocol server, the open streams that a transport must end when it stops, and the names of the tools."""

    server: Server[Any]
    subscriptions: ListenHandler
    tools: tuple[str, ...]


def _always(result: R) -> Callable[[Context, ListParams], Awaitable[R]]:
    """Return the handler of a list that stays as it is."""

    async def answer(_context: Context, _params: ListParams) -> R:
        return result

    return answer


async def contain_failures(counts: Counts, ctx: Context, call_next: CallNext) -> HandlerResult:
    """Answer a handler that breaks with -32603 and no details, which the SDK would send on; count it, and log them."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except Exception:
        logger.exception("%s failed", ctx.method)
        counts.count_failed_request()
        raise MCPError(
            types.INTERNAL_ERROR,
            "The server failed to answer. The same request may work later; the server's log has the details.",
        ) from None


def build_server(
    holder: Holder,
    counts: Counts,
    table: Mapping[str, Tool] = TABLE,
    audit: Audit | None = None,
    *,
    max_subscriptions: int = MAX_SUBSCRIPTIONS,
) -> KubeLedgerServer:
    """Make a server over the dataset of `holder`; subscribers of `kubeledger://dataset` hear of new generations."""
    audit = audit or Audit()
    datasets = Datasets(holder)
    calls = Calls(table, datasets, counts, audit)
    resources = Resources(table, datasets, audit, installed_documents())
    bus = InMemorySubscriptionBus()
    subscriptions = ListenHandler(bus, max_subscriptions=max_subscriptions)

    async def read_resource(context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        return await resources.read(str(params.uri), caller_of(context))

    async def get_prompt(context: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        dataset = await datasets.seen_by(caller_of(context))
        return await datasets.ask(dataset, partial(prompts.get, params.name, params.arguments or {}, dataset))

    async def complete(context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        dataset = await datasets.seen_by(caller_of(context))
        return await datasets.ask(dataset, partial(completion.complete, params, dataset, table))

    async def announce(_dataset: Dataset) -> None:
        await bus.publish(ResourceUpdated(uri=DATASET.uri))

    holder.on_new(announce)
    server: Server[Any] = Server(
        identity.NAME,
        version=__version__,
        title=identity.TITLE,
        description=identity.DESCRIPTION,
        website_url=identity.WEBSITE,
        icons=identity.icons(),
        instructions=INSTRUCTIONS,
        cache_hints={method: CacheHint(ttl_ms=HOUR_MS, scope="public") for method in LISTED_METHODS},
        get_tool_input_schema=calls.input_schema,
        on_list_tools=_always(calls.listing),
        on_call_tool=calls.call,
        on_list_resources=_always(resources.listing),
        on_list_resource_templates=_always(types.ListResourceTemplatesResult(resource_templates=TEMPLATES)),
        on_read_resource=read_resource,
        on_list_prompts=_always(types.ListPromptsResult(prompts=list(prompts.PROMPTS.values()))),
        on_get_prompt=get_prompt,
        on_completion=complete,
        on_subscriptions_listen=Subscriptions(subscriptions, max_subscriptions),
    )
    server.middleware.append(identity.leave_out_icons)
    # Inside the one that the SDK installs for OpenTelemetry.
    server.middleware.append(partial(contain_failures, counts))
    return KubeLedgerServer(server, subscriptions, tuple(table))
