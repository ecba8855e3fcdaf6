from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest

from kl_core import logs


@pytest.fixture(autouse=True)
def _untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers = root.handlers[:]
    loggers = [root, *map(logging.getLogger, (*logs.OWN, *logs.NEVER_BELOW))]
    levels = [logger.level for logger in loggers]
    yield
    root.handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("name", ["kl_mcp.test", "collector.tick", "kl_query.dataset", "kl_core.watched_file"])
def test_a_record_is_one_line_on_standard_error_with_time_level_and_origin(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up("info")
    logging.getLogger(name).info("first\nsecond\n\nthird")
    output = capsys.readouterr()
    assert output.out == ""
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"{time} INFO {name}: first \| second \| third\n", output.err)


def test_a_traceback_stays_on_the_line_of_its_record() -> None:
    stream = io.StringIO()
    logs.set_up("INFO", stream=stream)
    try:
        int("broken")
    except ValueError:
        logging.getLogger("collector").exception("tick failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError: invalid literal" in stream.getvalue()


@pytest.mark.requirement("KL-S-4")
def test_a_secret_is_blotted_out_wherever_it_comes_from() -> None:
    stream = io.StringIO()
    logs.set_up("INFO", ["tok", "token-1", None, ""], stream=stream)
    logging.getLogger("collector").warning("sent %s", "Bearer token-1")
    logging.getLogger("kubernetes").error("again tok")
    assert "tok" not in stream.getvalue()
    assert stream.getvalue().count(logs.HIDDEN) == 2


@pytest.mark.parametrize(("level", "shown"), [("debug", True), ("info", False), ("warning", False)])
@pytest.mark.parametrize("library", ["some.library", "mcp.server.streamable_http_manager", "uvicorn.error", "asyncio"])
def test_what_libraries_announce_appears_at_debug_only(
    library: str, level: str, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A uvicorn that an earlier test configured has given its loggers levels of their own.
    monkeypatch.setattr(logging.getLogger(library), "level", logging.NOTSET)
    stream = io.StringIO()
    logs.set_up(level, stream=stream)
    logging.getLogger(library).info("a session")
    assert ("a session" in stream.getvalue()) is shown


def test_warnings_of_libraries_appear_and_at_level_error_do_not() -> None:
    stream = io.StringIO()
    logs.set_up("info", stream=stream)
    logging.getLogger("mcp.server.lowlevel").warning("first")
    logs.set_up("error", stream=stream)
    logging.getLogger("mcp.server.lowlevel").warning("second")
    assert "first" in stream.getvalue()
    assert "second" not in stream.getvalue()


@pytest.mark.parametrize("level", ["debug", "info"])
def test_addresses_and_headers_of_outgoing_requests_are_logged_at_no_level(level: str) -> None:
    stream = io.StringIO()
    logs.set_up(level, stream=stream)
    logging.getLogger("httpx2").info("HTTP Request: GET https://user:hunter2@login.example.com/keys")
    logging.getLogger("httpcore2.http11").debug("Authorization: Basic hunter2")
    logging.getLogger("urllib3.connectionpool").warning("https://host/path?hunter2")
    logging.getLogger("httpcore2.http11").warning("something is wrong")
    assert "hunter2" not in stream.getvalue()
    assert "something is wrong" in stream.getvalue()


def test_setting_up_twice_does_not_write_twice() -> None:
    stream = io.StringIO()
    logs.set_up("INFO", stream=stream)
    logs.set_up("ERROR", stream=stream)
    logging.getLogger("collector").warning("too mild now")
    logging.getLogger("collector").error("once")
    assert len(stream.getvalue().splitlines()) == 1
