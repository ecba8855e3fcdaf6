"""Bounds on subscriptions: over real HTTP, with a server that may have few files open."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.exceptions import MCPError

from kl_mcp.protocol.subscriptions import MAX_URI_CHARS, MAX_URIS, MIN_CALLERS
from kl_mcp.transport.capacity import MIN_SUBSCRIPTIONS
from tests.kl_mcp.access.asking import (
    ERAS,
    FINANCE,
    NOBODY,
    TEAM,
    Answer,
    bearer,
    call,
    call_headers,
    send,
    tokens_file,
)
from tests.support.mcp_clients import HttpServer, connect, http_server, stdio_parameters
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish

FILES = 140
"""With so few there are places for 16 subscriptions: 64 are kept free, 8/15 and 4/15 of 76 are for others."""
EACH = MIN_SUBSCRIPTIONS // MIN_CALLERS
CLIENT_TIMEOUT = 600
"""Nobody leaves because this time is over."""
METHOD = "subscriptions/listen"
LISTEN = {"notifications": {"resourceSubscriptions": ["kubeledger://dataset"]}}
LIST = {"name": "list_namespaces", "arguments": {}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpServer]:
    publish(tmp_path / "data", 1)
    others = [{"name": f"other-{number}", "token": f"{NOBODY}-{number}"} for number in range(MIN_CALLERS)]
    tokens = tokens_file(tmp_path / "tokens.json", *others)
    with http_server(
        tmp_path / "data",
        "--tokens-file",
        str(tokens),
        "--client-timeout",
        str(CLIENT_TIMEOUT),
        module="tests.support.few_files",
        env={"FEW_FILES": str(FILES)},
    ) as running:
        yield running


class _Subscribed:
    """Connections that hold what they were answered; closed together."""

    def __init__(self, server: HttpServer, closing: ExitStack) -> None:
        self._server = server
        self._closing = closing

    def subscribe(self, token: str | None, params: dict[str, Any] | None = None) -> Answer | None:
        """Open one; the answer where it is refused, None where it is open."""
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=LIMIT_SECONDS)
        self._closing.callback(connection.close)
        headers = {**call_headers(METHOD, None, ERAS[0]), **bearer(token)}
        connection.request("POST", "/mcp", call(METHOD, params or LISTEN, ERAS[0]), headers)
        response = connection.getresponse()
        if response.headers["Content-Type"].startswith("text/event-stream"):
            sock = connection.sock or response.fp.raw._sock  # type: ignore[attr-defined]
            self._closing.callback(sock.close)
            self._closing.callback(sock.shutdown, socket.SHUT_RDWR)
            self._closing.callback(response.close)
            return None
        return Answer(response.status, response.headers, response.read())


@pytest.mark.requirement("KL-S-8")
def test_a_caller_gets_its_part_of_the_places_and_others_get_theirs(server: HttpServer) -> None:
    with ExitStack() as closing:
        clients = _Subscribed(server, closing)
        assert [clients.subscribe(TEAM) for _ in range(EACH)] == [None] * EACH
        refused = clients.subscribe(TEAM)
        assert refused is not None
        assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
        assert refused.json["id"] == 1
        assert f"This caller has {EACH} subscriptions open" in refused.json["error"]["message"]
        assert clients.subscribe(FINANCE) is None

    def freed() -> bool:
        with ExitStack() as closing:
            return _Subscribed(server, closing).subscribe(TEAM) is None

    eventually(freed)


@pytest.mark.requirement("KL-S-8")
def test_when_all_places_are_taken_calls_and_probes_are_answered_all_the_same(server: HttpServer) -> None:
    tokens = [f"{NOBODY}-{number}" for number in range(MIN_CALLERS)]
    with ExitStack() as closing:
        clients = _Subscribed(server, closing)
        assert [clients.subscribe(token) for token in tokens for _ in range(EACH)] == [None] * MIN_SUBSCRIPTIONS
        refused = clients.subscribe(FINANCE)
        assert refused is not None
        assert refused.status == 503
        assert f"There are {MIN_SUBSCRIPTIONS} subscriptions open" in refused.json["error"]["message"]

        # Whoever goes on asking, and says nothing on more connections than there are files, keeps nobody out.
        for _ in range(FILES):
            closing.enter_context(socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS))
        assert send(server.port, "/healthz", {}, method="GET").status == 200
        called = {**call_headers("tools/call", LIST["name"], ERAS[0]), **bearer(FINANCE)}
        assert send(server.port, "/mcp", called, call("tools/call", LIST, ERAS[0])).status == 200
    assert any("at most 16 subscriptions: raise the limit" in line for line in server.log)
    assert not [line for line in server.log if "cannot be taken" in line or "Traceback" in line]


@pytest.mark.requirement("KL-S-8")
def test_a_client_of_the_sdk_is_told_what_is_wrong(tmp_path: Path) -> None:
    """Without tokens all callers share all places."""
    publish(tmp_path / "data", 1)

    async def crowd(running: HttpServer) -> str:
        async with connect(running.url, ERAS[0]) as client:
            with ExitStack() as closing:
                clients = _Subscribed(running, closing)
                taken = [clients.subscribe(None) for _ in range(MIN_SUBSCRIPTIONS)]
                assert taken == [None] * MIN_SUBSCRIPTIONS
                with pytest.raises(MCPError) as refused:
                    async with client.listen(resource_subscriptions=["kubeledger://dataset"]):
                        pass
        return refused.value.error.message

    with http_server(tmp_path / "data", module="tests.support.few_files", env={"FEW_FILES": str(FILES)}) as running:
        assert "the most that this server keeps" in anyio.run(crowd, running)


@pytest.mark.requirement("KL-S-8")
@pytest.mark.parametrize(
    "uris", [[f"kubeledger://{number}" for number in range(MAX_URIS + 1)], [f"kubeledger://{'x' * MAX_URI_CHARS}"]]
)
def test_a_subscription_to_more_than_there_is_gets_no_place(server: HttpServer, uris: list[str]) -> None:
    with ExitStack() as closing:
        params = {"notifications": {"resourceSubscriptions": uris}}
        refused = _Subscribed(server, closing).subscribe(TEAM, params)

    assert refused is not None
    assert refused.status == 400
    assert "at most 100 resources" in refused.json["error"]["message"]


@pytest.mark.requirement("KL-S-8")
def test_over_stdio_there_are_no_more_places_than_over_http(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    started = stdio_parameters(tmp_path)
    started.args[1] = "tests.support.few_files"
    started.env = {**(started.env or {}), "FEW_FILES": str(FILES)}

    async def crowd() -> str:
        async with connect(started, ERAS[0]) as client, AsyncExitStack() as closing:
            for _ in range(MIN_SUBSCRIPTIONS):
                listening = client.listen(resource_subscriptions=["kubeledger://dataset"])
                await closing.enter_async_context(listening)
            with pytest.raises(MCPError) as refused:
                async with client.listen(resource_subscriptions=["kubeledger://dataset"]):
                    pass
            assert (await client.call_tool("describe_dataset", {})).is_error is False
        return refused.value.error.message

    assert f"There are {MIN_SUBSCRIPTIONS} subscriptions open" in anyio.run(crowd)
