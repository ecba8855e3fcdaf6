"""Callers, and the dataset as each of them may see it."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mcp.server.context import ServerRequestContext
from starlette.requests import Request

from kl_query.dataset import Dataset
from kl_query.dataset.visibility import restricted_to
from kl_query.selection import check_patterns

SCOPE_KEY = "kubeledger.caller"
"""Where the gate leaves the caller in the ASGI scope of a request."""
MAX_VIEWS = 256


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `namespaces` are the globs of the namespaces that may be named to this caller; None is all of them."""

    name: str | None
    namespaces: tuple[str, ...] | None = None


ANYBODY = Caller(None)
"""Who asks where callers are not told apart: without tokens, and over stdio."""


def caller_of(context: ServerRequestContext[Any, Any]) -> Caller:
    """Return the caller of a protocol request. Raise KeyError for an HTTP request that did not pass the gate."""
    if not isinstance(context.request, Request):
        return ANYBODY
    caller: Caller = context.request.scope[SCOPE_KEY]
    return caller


def checked_globs(globs: Iterable[str]) -> tuple[str, ...]:
    """Return a caller's globs as they are; none at all shows totals only. Raise `ToolArgumentError`."""
    return tuple(check_patterns([glob], "namespaces")[0] for glob in globs)


class Views:
    """Datasets as callers may see them: made once per generation and list of globs."""

    def __init__(self) -> None:
        self._dataset: Dataset | None = None
        self._views: OrderedDict[tuple[str, ...], Dataset] = OrderedDict()

    def of(self, dataset: Dataset, caller: Caller) -> Dataset:
        """Return what `caller` may see of `dataset`."""
        if caller.namespaces is None:
            return dataset
        if dataset is not self._dataset:
            self._dataset = dataset
            self._views.clear()
        view = self._views.get(caller.namespaces)
        if view is None:
            view = self._views[caller.namespaces] = restricted_to(dataset, caller.namespaces)
            if len(self._views) > MAX_VIEWS:
                self._views.popitem(last=False)
        return view
