"""How a client introduces itself: by the handshake of the older protocol eras, and in each request of the newest."""

from __future__ import annotations

from typing import Any

Message = dict[str, Any]
CLIENT = {"name": "tests", "version": "1"}
MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": CLIENT,
}
"""`_meta` of a request of the era without a handshake."""


def initialize_params(version: str = "2025-06-18") -> Message:
    """The parameters of `initialize` from a client that speaks `version`."""
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}


INITIALIZE: Message = {"jsonrpc": "2.0", "id": "handshake", "method": "initialize", "params": initialize_params()}
HANDSHAKE: tuple[Message, ...] = (INITIALIZE, {"jsonrpc": "2.0", "method": "notifications/initialized"})
