"""What the server uses of uvicorn and h11 beyond their public interfaces.

pyproject.toml pins both to a minor version. A test that fails here after a new one says what to look at again.
"""

from __future__ import annotations

import asyncio
import inspect
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h11
import pytest
import uvicorn
from h11._receivebuffer import ReceiveBuffer
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


async def _nobody(_scope: Any, _receive: Any, _send: Any) -> None:
    """Serve nothing: the protocol is only made."""


def _protocol() -> H11Protocol:
    async def make() -> H11Protocol:
        config = uvicorn.Config(_nobody, http=H11Protocol, log_config=None, lifespan="off", ws="none")
        config.load()
        return H11Protocol(config=config, server_state=ServerState(), app_state={})

    return asyncio.run(make())


@pytest.mark.parametrize("name", ["uvicorn", "h11"])
def test_the_minor_version_whose_internals_are_used_is_pinned_and_installed(name: str) -> None:
    (pin,) = [
        line for line in tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"] if line.startswith(f"{name}>=")
    ]
    major, minor = version(name).split(".")[:2]

    assert pin == f"{name}>={major}.{minor},<{major}.{int(minor) + 1}", (
        f"{name} {version(name)} is installed: read the other failures of this file, then pin that minor version."
    )


@pytest.mark.parametrize(
    ("of", "signature"),
    [
        (H11Protocol.connection_made, "(self, transport)"),
        (H11Protocol.data_received, "(self, data)"),
        (H11Protocol.connection_lost, "(self, exc)"),
        (H11Protocol.pause_writing, "(self)"),
        (H11Protocol.resume_writing, "(self)"),
        (uvicorn.Server.run, "(self, sockets)"),
        (uvicorn.Server.startup, "(self, sockets)"),
        (uvicorn.Server.shutdown, "(self, sockets)"),
        (ReceiveBuffer.maybe_extract_lines, "(self)"),
        (ReceiveBuffer._extract, "(self, count)"),
    ],
)
def test_the_methods_that_are_extended_are_still_called_so(of: Callable[..., Any], signature: str) -> None:
    assert f"({', '.join(inspect.signature(of).parameters)})" == signature


@pytest.mark.parametrize(
    ("method", "called"),
    [
        # A protocol hears of these from asyncio or the flow control of uvicorn, and answers from its own attributes.
        (H11Protocol.__init__, "self.conn = h11.Connection("),
        (H11Protocol.connection_made, "self.connections.add(self)"),
        (H11Protocol.connection_lost, "self.connections.discard(self)"),
        (H11Protocol.on_response_complete, "self.loop.call_later(self.timeout_keep_alive,"),
        (H11Protocol.handle_events, "self.cycle = RequestResponseCycle("),
        (RequestResponseCycle.send, "self.response_complete = True"),
        # The server of our own listens itself, so it starts uvicorn's with no socket and closes them with it.
        (uvicorn.Server._serve, "await self.startup(sockets=sockets)"),
        (uvicorn.Server._serve, "await self.shutdown(sockets=sockets)"),
        (uvicorn.Server.startup, "for sock in sockets:"),
        (uvicorn.Server.shutdown, "for sock in sockets or []:"),
        # Of handle_exit itself sse-starlette, which mcp imports, makes another function.
        (uvicorn.Server.capture_signals, "signal.signal(sig, self.handle_exit)"),
        # h11 takes every line of a header out of the buffer through the two methods that are extended.
        (h11.Connection.__init__, "self._receive_buffer = ReceiveBuffer()"),
        (h11.Connection._extract_next_receive_event, "self._reader(self._receive_buffer)"),
        (ReceiveBuffer.maybe_extract_lines, "self._extract(idx)"),
    ],
)
def test_what_is_extended_is_still_used_where_it_was(method: Callable[..., Any], called: str) -> None:
    assert called in inspect.getsource(method), f"{method.__qualname__} no longer has `{called}`"


def test_a_protocol_has_what_is_read_and_set_of_it() -> None:
    protocol = _protocol()

    assert type(protocol.conn._receive_buffer) is ReceiveBuffer
    assert protocol.conn.our_role is h11.SERVER
    assert isinstance(protocol.timeout_keep_alive, int)
    assert protocol.connections is protocol.server_state.connections
    assert vars(protocol)["cycle"] is None, "None is taken for: no request came yet"
    assert vars(protocol)["transport"] is None
    assert isinstance(protocol.loop, asyncio.AbstractEventLoop)


def test_a_configuration_and_a_server_have_what_is_read_of_them() -> None:
    config = uvicorn.Config(_nobody, http=H11Protocol, log_config=None, lifespan="off", ws="none")
    server = uvicorn.Server(config)

    assert config.loaded is False
    config.load()
    assert (config.loaded, config.http_protocol_class) == (True, H11Protocol)
    assert (server.should_exit, server.force_exit) == (False, False)
    assert server.server_state.connections == set()
    assert isinstance(config.lifespan_class(config).state, dict)
