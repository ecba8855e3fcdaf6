"""Bounds on open subscriptions: in all, and for each caller that has a name, so that nobody takes the places of all."""

import logging
from collections import Counter
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError
from starlette.requests import Request

from kl_mcp.access.callers import Caller, caller_of

logger = logging.getLogger(__name__)

LISTENING_METHOD = "subscriptions/listen"
MAX_SUBSCRIPTIONS = 512
MIN_CALLERS = 4
"""So many can have places at once: a caller with a name gets one of so many parts of them."""
MAX_URIS = 100
MAX_URI_CHARS = 2_048
TURNED_AWAY = "kubeledger.turned_away"
"""In the ASGI scope of a request, where what is said to it says 503 and Retry-After as well."""


class Subscriptions:
    """Serves `subscriptions/listen` with `listen`, to so many at once."""

    def __init__(self, listen: ListenHandler, max_open: int) -> None:
        self._listen = listen
        self._max = max_open
        self._max_each = max(1, max_open // MIN_CALLERS)
        self._open: Counter[str | None] = Counter()

    async def __call__(
        self, context: ServerRequestContext[Any, Any], params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Serve one subscription until its client goes. Raise `MCPError` where there is no place for it."""
        _check(params)
        caller = caller_of(context)
        full = self._full(caller)
        if full is not None:
            logger.warning("Refused a subscription of %s: %s", caller.name or "a caller without a name", full)
            if isinstance(context.request, Request):
                context.request.scope[TURNED_AWAY] = True
            raise MCPError(types.INTERNAL_ERROR, full)
        self._open[caller.name] += 1
        try:
            return await self._listen(context, params)
        finally:
            self._open[caller.name] -= 1
            self._open += Counter()  # drops callers that have none

    def _full(self, caller: Caller) -> str | None:
        """Say why there is no place; None where there is one."""
        advice = "Close one, or ask kubeledger://dataset for the generation now and then instead."
        if caller.name is not None and self._open[caller.name] >= self._max_each:
            return f"This caller has {self._max_each} subscriptions open, the most that one caller may have. {advice}"
        if self._open.total() >= self._max:
            return f"There are {self._max} subscriptions open, the most that this server keeps. {advice}"
        return None


def _check(params: types.SubscriptionsListenRequestParams) -> None:
    uris = params.notifications.resource_subscriptions or []
    if len(uris) > MAX_URIS or any(len(str(uri)) > MAX_URI_CHARS for uri in uris):
        raise MCPError(
            types.INVALID_PARAMS,
            f"A subscription names at most {MAX_URIS} resources, with at most {MAX_URI_CHARS} characters each.",
        )
