"""Open streams over real HTTP: each ends within seconds of its token's end, and the others stay."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kl_mcp.access import revocation
from kl_mcp.access.bearer_jwt import LEEWAY_SECONDS
from tests.kl_mcp.access.asking import ERAS, FINANCE, NOBODY, TEAM, ask, bearer, call, call_headers, tokens_file
from tests.support.issuer import jwk, jwt_flags, key_set, key_set_file, private_key, token
from tests.support.mcp_clients import HttpServer
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish
from tests.support.turned_server import turned_server

LISTEN = {"notifications": {"resourceSubscriptions": ["kubeledger://dataset"]}}
UPDATED = b"notifications/resources/updated"
MAX_DELAY_SECONDS = 4
"""Two until a change is in force, and two more until streams are looked at."""


class Stream:
    """One open subscription; `received` grows, and `ended` is set once the server has completed its answer."""

    def __init__(self, server: HttpServer, presented: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_SECONDS)
        headers = {**call_headers("subscriptions/listen", None, ERAS[0]), **bearer(presented)}
        self._connection.request("POST", "/mcp", call("subscriptions/listen", LISTEN, ERAS[0]), headers)
        self._response = self._connection.getresponse()
        assert self._response.status == 200
        assert self._response.headers["Content-Type"].startswith("text/event-stream")
        assert isinstance(self._connection.sock, socket.socket)
        self._socket = self._connection.sock
        self.received = b""
        self.ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError, http.client.IncompleteRead):
            while part := self._response.read1(65536):
                self.received += part
            self.ended = True

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(LIMIT_SECONDS)
        self._connection.close()


@contextmanager
def open_streams(server: HttpServer, **presented: str) -> Iterator[dict[str, Stream]]:
    """Subscriptions for the length of a `with` block, by the name of the token that each presents."""
    opened = {name: Stream(server, each) for name, each in presented.items()}
    try:
        yield opened
    finally:
        for stream in opened.values():
            stream.close()


@pytest.mark.requirement("KL-S-5")
def test_a_stream_ends_within_seconds_of_its_tokens_end_and_the_others_stay(tmp_path: Path) -> None:
    publish(tmp_path / "data", 1)
    guest = {"name": "guest", "token": NOBODY}
    tokens = tokens_file(tmp_path / "tokens.json", guest)
    both = key_set(jwk(private_key(), "rsa"), jwk(private_key("EC"), "withdrawn"))
    keys = key_set_file(tmp_path / "keys.json", both)
    good, withdrawn = token(), token(private_key("EC"), "withdrawn")
    with turned_server(tmp_path / "data", *jwt_flags(keys, tokens_file=str(tokens))) as server:
        soon = token(iat=None, exp=int(server.now()) - LEEWAY_SECONDS + 3)
        kept = {"finance": FINANCE, "jwt": good}
        doomed = {"guest": NOBODY, "team": TEAM, "expiring": soon, "key": withdrawn}
        with open_streams(server, **kept, **doomed) as opened:
            server.turn(1)
            assert [name for name, stream in opened.items() if stream.ended] == []

            changed = tokens_file(tmp_path / "tokens.json")
            changed.write_text(changed.read_text().replace("web*", "web-*"))
            key_set_file(keys, key_set(jwk(private_key(), "rsa")))
            server.turn(MAX_DELAY_SECONDS)
            eventually(lambda: all(opened[name].ended for name in doomed))
            assert [name for name in kept if opened[name].ended] == []
            assert ask(server.port, "tools/list", {}, token=NOBODY).status == 401
            assert ask(server.port, "tools/list", {}, token=soon).status == 401

            publish(tmp_path / "data", 2)
            server.turn(1)
            eventually(lambda: all(UPDATED in opened[name].received for name in kept))
        assert sum("Ended a stream" in line for line in server.log) == len(doomed)
        assert not [line for line in server.log if "Traceback" in line or "without completing" in line]


def _served(app: ASGIApp, admitted: list[bool], *, end_arrives: bool = True) -> list[Message]:
    """What is sent for one request while `admitted` runs out; a client that reads no more gets no end of a stream."""
    sent: list[Message] = []

    async def may_stay() -> bool:
        return admitted.pop(0)

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body") and not end_arrives:
            await anyio.sleep_forever()
        sent.append(message)

    anyio.run(revocation.serve_while, may_stay, app, {"type": "http"}, receive, send)
    return sent


def _start(content_type: bytes) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", content_type)]}


async def _endless(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(_start(b"text/event-stream; charset=utf-8"))
    while True:
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await anyio.sleep(0.005)


async def _short(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(_start(b"application/json"))
    await anyio.sleep(0.05)
    await send({"type": "http.response.body", "body": b"{}"})


def test_a_stream_is_completed_when_its_caller_is_no_longer_admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "LOOK_SECONDS", 0.02)
    sent = _served(_endless, [True, True, False])

    assert len(sent) > 2
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_a_client_that_stopped_reading_does_not_hold_the_server_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocation, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(revocation, "FAREWELL_SECONDS", 0.1)
    sent = _served(_endless, [True, False], end_arrives=False)

    assert sent[-1]["more_body"] is True


def test_an_answer_that_is_no_stream_is_finished_whatever_became_of_the_token() -> None:
    assert _served(_short, [])[-1] == {"type": "http.response.body", "body": b"{}"}


def test_it_stops_cleanly_while_identified_streams_and_bodies_are_open(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path / "tokens.json")
    with (
        turned_server(tmp_path / "data", "--tokens-file", str(tokens)) as server,
        open_streams(server, finance=FINANCE) as opened,
        socket.create_connection(("127.0.0.1", server.port), LIMIT_SECONDS) as unfinished,
    ):
        head = ["POST /mcp HTTP/1.1", "Host: localhost", f"Authorization: Bearer {FINANCE}", "Content-Length: 100"]
        unfinished.sendall("\r\n".join([*head, "", ""]).encode())
        server.turn(0)
        server.process.terminate()
        server.turn_to_its_end(2)
        assert server.process.wait(LIMIT_SECONDS) == 0
        assert unfinished.recv(1000).startswith(b"HTTP/1.1 503")
        eventually(lambda: opened["finance"].ended)
    assert not [line for line in server.log if "Traceback" in line]
