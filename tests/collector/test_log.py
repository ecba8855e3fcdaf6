import io
import logging
from collections.abc import Iterator

import pytest

from collector import log


@pytest.fixture(autouse=True)
def _untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    names = ("collector", "urllib3")
    before = (root.handlers[:], root.level, [logging.getLogger(name).level for name in names])
    yield
    root.handlers[:], level, levels = before
    root.setLevel(level)
    for name, old in zip(names, levels, strict=True):
        logging.getLogger(name).setLevel(old)


def test_a_record_is_one_line_with_time_level_and_origin() -> None:
    stream = io.StringIO()
    log.set_up("INFO", stream=stream)
    logging.getLogger("collector.tick").info("first\nsecond\n\nthird")
    line = stream.getvalue()
    assert line.endswith(" INFO collector.tick first | second | third\n")
    assert line.count("\n") == 1
    assert line[10] == "T"
    assert line[19] == "Z"


def test_a_traceback_stays_on_the_line_of_its_record() -> None:
    stream = io.StringIO()
    log.set_up("INFO", stream=stream)
    try:
        int("broken")
    except ValueError:
        logging.getLogger("collector").exception("tick failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError: invalid literal" in stream.getvalue()


@pytest.mark.requirement("KL-S-4")
def test_a_secret_is_blotted_out_wherever_it_comes_from() -> None:
    stream = io.StringIO()
    log.set_up("INFO", ["tok", "token-1", None, ""], stream=stream)
    logging.getLogger("collector").warning("sent %s", "Bearer token-1")
    logging.getLogger("kubernetes").error("again tok")
    assert "tok" not in stream.getvalue()
    assert stream.getvalue().count(log.HIDDEN) == 2


def test_libraries_are_held_at_warning_while_the_collector_informs() -> None:
    stream = io.StringIO()
    log.set_up("INFO", stream=stream)
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("urllib3.connectionpool").warning("https://host/path?secret")
    logging.getLogger("collector").info("useful")
    assert [line.split(" ")[-1] for line in stream.getvalue().splitlines()] == ["useful"]


def test_setting_up_twice_does_not_write_twice() -> None:
    stream = io.StringIO()
    log.set_up("INFO", stream=stream)
    log.set_up("ERROR", stream=stream)
    logging.getLogger("collector").warning("too mild now")
    logging.getLogger("collector").error("once")
    assert len(stream.getvalue().splitlines()) == 1
