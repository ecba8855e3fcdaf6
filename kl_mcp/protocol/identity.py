"""What the server says it is: name, title, website and icons."""

import base64
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

NAME = "kubeledger"
TITLE = "KubeLedger"
DESCRIPTION = "Kubernetes capacity, usage, requests and cost per namespace, hour by hour."
WEBSITE = "https://github.com/kubeledger/kubeledger"
PACKAGE = Path(__file__).parents[1]


def icons() -> list[types.Icon]:
    """Return the icons as data URIs, so that no client has to fetch them: a PNG, which all understand, and an SVG."""
    return [
        _icon("icon.png", "image/png", "96x96"),
        _icon("icon.svg", "image/svg+xml", "any"),
    ]


def _icon(file: str, mime_type: str, size: str) -> types.Icon:
    content = base64.b64encode((PACKAGE / file).read_bytes()).decode()
    return types.Icon(src=f"data:{mime_type};base64,{content}", mime_type=mime_type, sizes=[size])


async def leave_out_icons(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Send the icons where a client asks who this is, and not with every result, which the SDK signs with all of it."""
    result = await call_next(ctx)
    if ctx.method != "server/discover" and isinstance(result, dict):
        stamp = (result.get("_meta") or {}).get(types.SERVER_INFO_META_KEY) or {}
        stamp.pop("icons", None)
    return result
