"""Pages of long lists: an opaque cursor that outlives a generation and refuses to continue another call."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter

from kl_query.errors import ToolArgumentError

MAX_PAGE_ROWS = 1_000
_VERSION = 1
_PACKED = TypeAdapter(
    tuple[Annotated[int, Field(ge=_VERSION, le=_VERSION)], int, Annotated[int, Field(ge=0, lt=2**31)], str]
)
"""A cursor: version, generation, offset and the call it was made for."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Where a page starts and how long it may be; `limit` None means "what fits"."""

    offset: int
    limit: int | None
    explicit_limit: bool
    generation: int | None
    """Generation the cursor was made from; None without a cursor."""
    digest: str

    def cursor_at(self, offset: int, generation: int) -> str:
        """Return the cursor of the page that starts at `offset`."""
        packed = orjson.dumps([_VERSION, generation, offset, self.digest])
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def request_page(
    tool: str, arguments: Mapping[str, Any], *, limit: int | None, cursor: str | None, explicit_limit: bool
) -> PageRequest:
    """Read `limit` and `cursor`. Raises ToolArgumentError for a cursor that is malformed or of another call."""
    digest = hashlib.sha256(orjson.dumps([tool, arguments], option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
    if cursor is None:
        return PageRequest(0, limit, explicit_limit, None, digest)
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        packed = base64.b64decode(padded, altchars=b"-_", validate=True)
        _, generation, offset, made_for = _PACKED.validate_json(packed, strict=True)
    except ValueError:
        raise _refused("The cursor is malformed.") from None
    if made_for != digest:
        raise _refused("The cursor belongs to a call with other arguments.")
    return PageRequest(offset, limit, explicit_limit, generation, digest)


def _refused(message: str) -> ToolArgumentError:
    return ToolArgumentError(
        "invalid_cursor",
        "cursor",
        f"{message} Repeat the call that returned it, every argument the same but limit, or leave cursor out to "
        "start again.",
        allowed="metadata.truncated.cursor of an answer to the same call",
    )
