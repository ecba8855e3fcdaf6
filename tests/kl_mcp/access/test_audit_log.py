"""The audit log: one line of JSON a call."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kl_core.errors import SettingsError
from kl_mcp.access.audit_log import MAX_ARGUMENT_CHARS, Audit, rows_of
from kl_mcp.access.callers import Caller
from tests.kl_mcp.access.asking import ERAS, FINANCE, NOBODY, TEAM, ask, tokens_file, two_tenants
from tests.support.mcp_clients import environment, http_server
from tests.support.odd_files import put_odd, without_waiting
from tests.support.patience import LIMIT_SECONDS

NOW = 1_795_000_000.5  # 2026-11-18T11:06:40.5Z


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _write(audit: Audit, **arguments: Any) -> None:
    audit.record(Caller("a"), "get_usage", arguments, answer={"series": [1, 2]}, size=3, seconds=0.0015, error=None)


@pytest.mark.requirement("KL-S-7")
@pytest.mark.parametrize("era", ERAS)
def test_each_call_and_each_resource_is_one_line_without_tokens(tmp_path: Path, era: str) -> None:
    log, data = tmp_path / "audit.jsonl", two_tenants(tmp_path / "data")
    tokens = tokens_file(tmp_path / "tokens.json")
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("tools/call", {"name": "get_usage", "arguments": {"date": "all"}}, FINANCE),
        ("tools/call", {"name": "get_usage", "arguments": {"namespace": "no\nsuch"}}, TEAM),
        ("tools/call", {"name": "get_weather", "arguments": {}}, TEAM),
        ("resources/read", {"uri": "kubeledger://namespaces/web"}, TEAM),
        ("resources/read", {"uri": "kubeledger://namespaces/nowhere"}, TEAM),
        ("tools/call", {"name": "get_usage", "arguments": {}}, NOBODY),
        ("tools/list", {}, FINANCE),
    ]
    with http_server(data, "--tokens-file", str(tokens), "--audit-log", str(log), "--log-level", "debug") as server:
        for method, params, token in calls:
            ask(server.port, method, params, era, token)
        said = "\n".join(server.log)
    lines = _lines(log)

    assert [(line["caller"], line["tool"], line["error"], line["rows"]) for line in lines] == [
        ("finance", "get_usage", None, 6),
        ("team-web", "get_usage", "unknown_namespace", None),
        ("team-web", "get_weather", "unknown_tool", None),
        ("team-web", "resources/read", None, None),
        ("team-web", "resources/read", "unknown_resource", None),
    ]
    assert lines[0]["arguments"] == {"date": "all"}
    assert lines[1]["arguments"] == {"namespace": "no\nsuch"}
    assert lines[3]["arguments"] == {"uri": "kubeledger://namespaces/web"}
    assert all(set(line) == {"time", "caller", "tool", "arguments", "rows", "bytes", "ms", "error"} for line in lines)
    assert lines[0]["bytes"] > 500
    assert lines[0]["ms"] > 0
    for token in (FINANCE, TEAM, NOBODY):
        assert token not in said + log.read_text()


@pytest.mark.requirement("KL-S-7")
def test_a_dash_writes_to_standard_error_and_no_caller_is_null(tmp_path: Path) -> None:
    with http_server(two_tenants(tmp_path), "--audit-log", "-") as server:
        ask(server.port, "tools/call", {"name": "list_namespaces", "arguments": {}})
    (line,) = [json.loads(line) for line in server.log if line.startswith("{")]

    assert (line["caller"], line["tool"]) == (None, "list_namespaces")


@pytest.mark.requirement("KL-S-7")
def test_without_the_setting_nothing_is_written(tmp_path: Path) -> None:
    with http_server(two_tenants(tmp_path)) as server:
        ask(server.port, "tools/call", {"name": "list_namespaces", "arguments": {}})

    assert [line for line in server.log if line.startswith("{")] == []


def test_a_line_says_when_in_utc_and_how_long(tmp_path: Path) -> None:
    _write(Audit(str(tmp_path / "log"), lambda: NOW), metric="cpu")

    assert _lines(tmp_path / "log") == [
        {
            "time": "2026-11-18T11:06:40.500Z",
            "caller": "a",
            "tool": "get_usage",
            "arguments": {"metric": "cpu"},
            "rows": 2,
            "bytes": 3,
            "ms": 1.5,
            "error": None,
        }
    ]


def test_the_file_is_for_its_owner_alone_and_is_appended_to(tmp_path: Path) -> None:
    for _ in range(2):
        _write(Audit(str(tmp_path / "log")))

    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    assert len(_lines(tmp_path / "log")) == 2


@pytest.mark.requirement("KL-S-7")
def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    audit = Audit(str(tmp_path / "log"))
    _write(audit, number=1)
    (tmp_path / "log").rename(tmp_path / "log.1")
    _write(audit, number=2)

    assert [_lines(tmp_path / name)[0]["arguments"]["number"] for name in ("log.1", "log")] == [1, 2]


@pytest.mark.requirement("KL-S-7")
def test_lines_that_cannot_be_written_are_lost_with_one_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    audit = Audit("/dev/full")
    for _ in range(3):
        _write(audit)

    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "/dev/full" in record.getMessage()


@pytest.mark.requirement("KL-S-7")
def test_the_end_of_a_failure_is_told_once_and_the_next_failure_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log"
    audit = Audit(str(path))
    for _ in range(2):
        put_odd(path, "pipe")
        _write(audit)
        path.unlink()
        for number in range(2):
            _write(audit, number=number)
        assert [line["arguments"]["number"] for line in _lines(path)] == [0, 1]

    said = ["calls go unrecorded" in record.getMessage() for record in caplog.records]
    assert said == [True, False, True, False]
    assert caplog.messages[1] == f"The audit log {path} is written again."


@pytest.mark.requirement("KL-S-7")
@pytest.mark.parametrize("read_by_somebody", [False, True])
def test_a_pipe_that_nobody_empties_loses_lines_and_is_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, read_by_somebody: bool
) -> None:
    audit = Audit(str(tmp_path / "log"))
    put_odd(tmp_path / "log", "pipe")
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK) if read_by_somebody else None
    text = "x" * (MAX_ARGUMENT_CHARS // 2)

    def write() -> bool:
        for _ in range(2 * fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ) // len(text) if reader is not None else 3):
            _write(audit, text=text)
        return True

    assert without_waiting(write)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert str(tmp_path / "log") in record.getMessage()
    if reader is not None:
        os.close(reader)


def test_long_arguments_are_cut(tmp_path: Path) -> None:
    _write(Audit(str(tmp_path / "log")), namespace="x" * 100_000)
    (line,) = _lines(tmp_path / "log")

    assert len(line["arguments"]) == MAX_ARGUMENT_CHARS
    assert line["arguments"].startswith('{"namespace":"xxx')


@pytest.mark.parametrize(
    ("answer", "rows"), [(None, None), ({"metric": "cpu"}, None), ({"series": []}, 0), ({"movers": None}, None)]
)
def test_rows_are_counted_where_an_answer_lists_any(answer: dict[str, Any] | None, rows: int | None) -> None:
    assert rows_of(answer) == rows


def test_a_log_that_cannot_be_opened_is_one_clear_line_and_exit_code_2(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        Audit(str(tmp_path))
    command = [sys.executable, "-m", "kl_mcp", "--data-dir", str(tmp_path), "--audit-log", str(tmp_path / "no/log")]
    ended = subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=LIMIT_SECONDS, check=False
    )

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "KL_MCP_AUDIT_LOG" in line


@pytest.mark.parametrize("depth", [300, 900, 5000])
def test_arguments_that_are_nested_too_deeply_are_written_as_text(tmp_path: Path, depth: int) -> None:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]
    _write(Audit(str(tmp_path / "log")), metric=nested)
    (line,) = _lines(tmp_path / "log")

    assert "metric" in line["arguments"]
    while nested:  # taken apart from the outside: freeing it whole could exhaust the stack
        nested = nested[0]


def test_half_a_character_does_not_keep_a_line_from_being_written(tmp_path: Path) -> None:
    _write(Audit(str(tmp_path / "log")), namespace="\ud800")
    (line,) = _lines(tmp_path / "log")

    assert "namespace" in line["arguments"]
