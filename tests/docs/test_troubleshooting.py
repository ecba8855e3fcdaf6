"""The README's table of what goes wrong: what a user sees is what the server says. Of the clients: tests/clients."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.mcp_clients import HttpServer, http_server
from tests.support.patience import LIMIT_SECONDS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("### When it does not answer")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", TABLE, re.MULTILINE)[2:]
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_top_consumers", "arguments": {}}}


def row(symptom: str) -> str:
    """The one row about a symptom."""
    (found,) = [" ".join(each) for each in ROWS if symptom in each[0]]
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    """One whose collector has not published anything yet."""
    with http_server(tmp_path_factory.mktemp("nothing") / "data") as running:
        yield running


def call(server: HttpServer, **headers: str) -> tuple[int, dict[str, Any]]:
    """Status and answer of a tool call."""
    address = server.url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(address, timeout=LIMIT_SECONDS)
    usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    connection.request("POST", "/mcp", json.dumps(CALL), {**usual, **headers})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


@pytest.mark.parametrize(
    ("symptom", "headers", "status", "setting"),
    [
        ("403", {"Origin": "https://evil.example"}, 403, "KL_MCP_ALLOWED_ORIGINS"),
        ("421", {"Host": "ledger.example.com"}, 421, "KL_MCP_ALLOWED_HOSTS"),
    ],
)
def test_a_refusal_is_the_one_described_and_names_the_setting_that_helps(
    server: HttpServer, symptom: str, headers: dict[str, str], status: int, setting: str
) -> None:
    answered, body = call(server, **headers)
    assert answered == status
    (said,) = re.findall(r'"([^"]+)"', row(symptom).partition(" | ")[0])[:1]
    assert re.search(said.replace("…", ".*"), body["error"]["message"])
    assert setting in body["error"]["message"]
    assert setting in row(symptom)


def test_empty_data_come_with_a_warning_that_says_how_long_to_wait(server: HttpServer) -> None:
    status, body = call(server)
    answer = body["result"]["structuredContent"]
    assert (status, answer["ranking"]) == (200, [])
    (warning,) = [each for each in answer["metadata"]["warnings"] if "KL_DATA_DIR" in each]
    assert "within one polling interval" in warning
    assert "within one polling interval" in row("empty data")


def test_an_address_at_which_nothing_listens_refuses_the_connection(tmp_path: Path) -> None:
    with http_server(tmp_path / "data") as ended:
        pass
    with pytest.raises(ConnectionRefusedError):
        call(ended)
    assert row("connection refused")


def test_every_symptom_of_the_table_is_tried() -> None:
    """Those of clients in tests/clients, that of policies in tests/helm."""
    tried = ("connection refused", "spawn npx", "Server disconnected", "403", "421", "a timeout", "empty data")
    assert [row(each) for each in tried] == [" ".join(each) for each in ROWS]
