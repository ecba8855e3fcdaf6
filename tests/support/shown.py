"""Typed answers and blocks of them as a tool shows them."""

from __future__ import annotations

from typing import Any

from kl_mcp.tools import TABLE
from kl_mcp.tools.answer_size import shown
from kl_mcp.tools.paging import request_page
from kl_query.answers.namespace_page import one_namespace
from kl_query.dataset import Dataset
from kl_query.metadata import Answer, Metadata
from kl_query.staleness import warnings_at
from kl_query.warnings.warning import texts

METADATA_KEYS: list[str] = TABLE["get_usage"].output_schema["properties"]["metadata"]["required"]
"""The keys of the metadata block, in order."""


def warned(dataset: Dataset, now: float, block: Metadata) -> list[str]:
    """What an answer with this block warns of at a time."""
    return texts([*warnings_at(dataset, now), *block.warnings])


def page_of(dataset: Dataset, name: str, now: float) -> dict[str, Any]:
    """The page of a namespace."""
    return shown(one_namespace(dataset, name), warnings_at(dataset, now))


def first_page(answer: Answer, limit: int | None = None, cursor: str | None = None) -> dict[str, Any]:
    """An answer with as many of its rows as fit, without what depends on the time."""
    page = request_page("tool", {}, limit=limit, cursor=cursor, explicit_limit=limit is not None)
    return shown(answer, page=page)
