"""Keeps an answer within what an assistant can read, however many namespaces there are.

A default call stays within 32,000 characters of structured content, any call within 40,000: what is longer, clients cut
or do not show at all (`docs/clients.md`). The limits below are lower, so that both hold as well for JSON written with a
space after each comma and colon. What is cut is announced in `metadata.truncated`; totals are always over everything.
"""

from collections.abc import Callable
from typing import Any

import orjson

from kl_query.paging import PageRequest
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import warning

MAX_DEFAULT_CHARS = 28_000
MAX_CHARS = 35_000
_RESERVED_CHARS = 1_400
"""For what is only known once the rows are: the truncation note, the rest, warnings of this page."""

Json = dict[str, Any]


def fill(
    answer: Json,
    page: PageRequest,
    total: int,
    row: Callable[[int], tuple[Json, ...]],
    lists: tuple[str, ...],
    *,
    default_limit: int | None = None,
    generation: int,
    what: str = "namespaces",
) -> int:
    """Append rows to the answer's `lists` while they fit, and return how many.

    `row(i)` returns one element per list. Sets `metadata.truncated` when rows remain, and warns when the cursor
    was made from an earlier generation.
    """
    cap = MAX_CHARS if page.explicit_limit else MAX_DEFAULT_CHARS
    left = cap - len(orjson.dumps(answer)) - _RESERVED_CHARS
    most = page.limit or default_limit or total
    returned = 0
    for position in range(page.offset, min(total, page.offset + most)):
        elements = row(position)
        left -= sum(len(orjson.dumps(element)) + 1 for element in elements)
        if left < 0 and returned:
            break
        for name, element in zip(lists, elements, strict=True):
            answer[name].append(element)
        returned += 1
    _announce(answer["metadata"], page, returned, total, generation=generation, what=what)
    return returned


def _announce(metadata: Json, page: PageRequest, returned: int, total: int, *, generation: int, what: str) -> None:
    if page.generation is not None and page.generation != generation:
        metadata["warnings"].append(warning(Code.CURSOR_OUTDATED).public_text)
    reached = page.offset + returned
    left = max(0, total - reached)
    if left or page.offset:
        metadata["truncated"] = {
            "returned": returned,
            "total": total,
            "cursor": page.cursor_at(reached, generation) if left else None,
            "hint": f"{left} more {what}: repeat the call with this cursor, or narrow it. Totals cover everything."
            if left
            else f"This is the last page of {what}.",
        }
