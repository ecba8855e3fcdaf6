"""Keeps an answer within what an assistant can read, however many namespaces there are.

A default call stays within 32,000 characters of structured content, any call within 40,000: what is longer, clients cut
or do not show at all (`docs/clients.md`). The limits below are lower, so that both hold as well for JSON written with a
space after each comma and colon. What is cut is announced in `metadata.truncated`; totals are always over everything.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import orjson
from pydantic import Field

from kl_mcp.tools.paging import PageRequest
from kl_mcp.tools.plain import plain
from kl_query.fields import LazyRows
from kl_query.metadata import Answer
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, texts, warning

MAX_DEFAULT_CHARS = 28_000
MAX_CHARS = 35_000
_RESERVED_CHARS = 1_400
"""For what is only known once the rows are: the truncation note, the fields below, warnings of this page."""
_KNOWN_WITH_ROWS = ("rest", "excluded_system", "stats")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Truncated:
    """What this answer leaves out."""

    returned: Annotated[int, Field(description="Rows in this answer")]
    total: Annotated[int, Field(description="Rows there are")]
    cursor: Annotated[
        str | None, Field(description="Pass it with the same arguments for the next rows; null on the last page")
    ]
    hint: str


def shown(
    answer: Answer, said: Sequence[DataWarning] = (), page: PageRequest | None = None, generation: int = 0
) -> Json:
    """Return an answer as plain JSON, of its rows those of a page that fit.

    `said` comes before the answer's own warnings. Sets `metadata.truncated` when rows remain, and warns when the cursor
    was made from an earlier generation.
    """
    warnings = [*said, *answer.metadata.warnings]
    unit = getattr(answer, "amount_unit", answer.metadata.unit)
    content = _content(answer, unit, warnings)
    lists = {name: rows for name in content if isinstance(rows := getattr(answer, name), LazyRows)}
    if page is None or not lists:
        return content
    listed = next(iter(lists.values()))
    counted = {**content, **{name: None for name in _KNOWN_WITH_ROWS if name in content}}
    cap = MAX_CHARS if page.explicit_limit else MAX_DEFAULT_CHARS
    left = cap - len(orjson.dumps(counted)) - _RESERVED_CHARS
    made: list[Any] = []
    written: list[list[Json]] = []
    for place in range(len(listed))[page.offset :][: page.limit or listed.brief]:
        row = [rows[place] for rows in lists.values()]
        elements = [plain(each, unit) for each in row]
        left -= sum(len(orjson.dumps(element)) + 1 for element in elements)
        if left < 0 and made:
            break
        made.append(row[0])
        written.append(elements)
    part = listed.then(answer, made) if listed.then else answer
    outdated = [warning(Code.CURSOR_OUTDATED)] if page.generation not in (None, generation) else []
    content = _content(part, unit, [*warnings, *outdated, *part.metadata.warnings])
    content |= {name: [elements[i] for elements in written] for i, name in enumerate(lists)}
    content["metadata"]["truncated"] = _truncated(page, len(made), len(listed), generation, listed.what)
    return content


def _content(answer: Answer, unit: str | None, warnings: Sequence[DataWarning]) -> Json:
    """Return an answer without the rows that are still to be made."""
    content: Json = plain(answer, unit)
    content["metadata"] |= {"warnings": texts(warnings), "truncated": None}
    return content


def _truncated(page: PageRequest, returned: int, total: int, generation: int, what: str) -> Json | None:
    reached = page.offset + returned
    left = max(0, total - reached)
    if not left and not page.offset:
        return None
    more = f"{left} more {what}: repeat the call with this cursor, or narrow it. Totals cover everything."
    return asdict(
        Truncated(
            returned=returned,
            total=total,
            cursor=page.cursor_at(reached, generation) if left else None,
            hint=more if left else f"This is the last page of {what}.",
        )
    )
