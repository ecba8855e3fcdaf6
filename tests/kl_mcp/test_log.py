"""Logging of kl-mcp."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from kl_mcp import log


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*log.CHATTY, *log.TELLING)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def test_a_record_is_one_line_on_standard_error_with_utc_time(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info")

    logging.getLogger("kl_mcp.test").info("hello")

    output = capsys.readouterr()
    assert output.out == ""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO kl_mcp.test: hello\n", output.err)


@pytest.mark.parametrize(("level", "shown"), [("debug", True), ("info", False), ("warning", False)])
def test_the_sdks_announcements_appear_at_debug_only(
    level: str, shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(level)

    logging.getLogger("mcp.server.streamable_http_manager").info("a session")

    assert ("a session" in capsys.readouterr().err) is shown


@pytest.mark.parametrize("level", ["debug", "info"])
def test_addresses_and_headers_of_outgoing_requests_are_logged_at_no_level(
    level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure(level)
    logging.getLogger("httpx2").info("HTTP Request: GET https://user:hunter2@login.example.com/keys")
    logging.getLogger("httpcore2.http11").debug("Authorization: Basic hunter2")
    logging.getLogger("httpcore2.http11").warning("something is wrong")

    written = capsys.readouterr().err
    assert "hunter2" not in written
    assert "something is wrong" in written


def test_warnings_of_the_sdk_appear_and_at_level_error_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info")
    logging.getLogger("mcp.server.lowlevel").warning("first")
    log.configure("error")
    logging.getLogger("mcp.server.lowlevel").warning("second")

    written = capsys.readouterr().err
    assert "first" in written
    assert "second" not in written
