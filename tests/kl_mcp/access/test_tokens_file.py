"""The tokens file: what may stand in it, and what happens when it changes."""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import logging
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kl_core.errors import SettingsError
from kl_core.watched_file import RETRY_SECONDS
from kl_mcp.access.tokens_file import MAX_FILE_BYTES, TokensFile, parse_tokens, read_tokens
from tests.kl_mcp.access.asking import FINANCE, NOBODY, TEAM, tokens_file
from tests.support.mcp_clients import environment
from tests.support.odd_files import put_odd, without_waiting
from tests.support.patience import LIMIT_SECONDS

LONG = "0123456789abcdef"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_found_by_its_text_and_by_its_digest(tmp_path: Path) -> None:
    tokens = TokensFile(tokens_file(tmp_path / "tokens.json"))

    finance, team = tokens.caller(FINANCE), tokens.caller(TEAM)
    assert finance is not None
    assert team is not None
    assert (finance.name, finance.namespaces) == ("finance", None)
    assert (team.name, team.namespaces) == ("team-web", ("web*",))


@pytest.mark.parametrize("wrong", [NOBODY, FINANCE[:-1], FINANCE + "x", FINANCE.upper(), "", " ", "é", "\udcff"])
def test_every_other_text_is_nobodys(tmp_path: Path, wrong: str) -> None:
    assert TokensFile(tokens_file(tmp_path / "tokens.json")).caller(wrong) is None


def test_the_digest_in_the_file_is_not_a_token(tmp_path: Path) -> None:
    digest = hashlib.sha256(TEAM.encode()).hexdigest()

    assert TokensFile(tokens_file(tmp_path / "tokens.json")).caller(digest) is None


def test_a_token_is_nobodys_from_the_second_it_expires_at(tmp_path: Path) -> None:
    clock = Clock()
    entry = {"name": "guest", "token": LONG, "expires_at": "1970-01-12T13:46:41Z"}  # 11 d 13 h 46 min 41 s: 1,000,001 s
    tokens = TokensFile(tokens_file(tmp_path / "tokens.json", entry), now=clock)

    assert tokens.caller(LONG) is not None
    clock.now += 1
    assert tokens.caller(LONG) is None


@pytest.mark.requirement("KL-S-5")
def test_a_changed_file_is_read_again_and_a_broken_one_is_not_put_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    path = tokens_file(tmp_path / "tokens.json")
    tokens = TokensFile(path, elapsed=clock)

    tokens_file(path, {"name": "guest", "token": LONG})
    assert tokens.caller(LONG) is None  # looked at less than a second ago
    clock.now += 1
    assert tokens.caller(LONG) is not None

    path.write_text(f'{{"tokens": [{{"name": "guest", "token": "{LONG}"')
    clock.now += 1
    assert tokens.caller(LONG) is not None
    path.unlink()
    clock.now += 1
    assert tokens.caller(FINANCE) is not None

    tokens_file(path)
    clock.now += 1
    assert tokens.caller(LONG) is None
    assert tokens.caller(FINANCE) is not None
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert [("not JSON" in error, "cannot be read" in error) for error in errors] == [(True, False), (False, True)]
    assert LONG not in caplog.text


@pytest.mark.requirement("KL-S-5")
def test_withdrawing_the_last_token_locks_everybody_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    path = tokens_file(tmp_path / "tokens.json")
    tokens = TokensFile(path, elapsed=clock)
    assert tokens.caller(FINANCE) is not None

    path.write_text('{"tokens": []}')
    clock.now += 1
    assert (tokens.caller(FINANCE), tokens.caller(TEAM)) == (None, None)
    assert "nobody may call" in caplog.text

    tokens_file(path)
    clock.now += 1
    assert tokens.caller(FINANCE) is not None


@pytest.mark.requirement("KL-S-5")
def test_a_file_that_was_taken_away_withdraws_its_tokens_after_five_seconds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    path = tokens_file(tmp_path / "tokens.json")
    tokens = TokensFile(path, elapsed=clock)
    content = path.read_bytes()

    path.unlink()
    for _ in range(4):
        clock.now += 1
        assert tokens.caller(FINANCE) is not None  # an editor may be exchanging it
    clock.now += 1
    assert tokens.caller(FINANCE) is None
    clock.now += 100
    assert tokens.caller(FINANCE) is None
    assert sum("is gone" in record.getMessage() for record in caplog.records) == 1

    path.write_text('{"tokens": [')
    clock.now += 1
    assert tokens.caller(FINANCE) is None  # what was read before does not come back
    assert "No token is accepted." in caplog.text
    path.write_bytes(content)
    clock.now += 1
    assert tokens.caller(FINANCE) is not None


@pytest.mark.requirement("KL-S-5")
def test_a_file_that_went_while_nobody_called_withdraws_its_tokens_at_the_next_call(tmp_path: Path) -> None:
    clock = Clock()
    path = tokens_file(tmp_path / "tokens.json")
    tokens = TokensFile(path, elapsed=clock)
    path.unlink()
    clock.now += 3600

    assert tokens.caller(FINANCE) is None


@pytest.mark.requirement("KL-S-5")
def test_a_file_without_tokens_at_the_start_means_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    path = tmp_path / "tokens.json"
    path.write_text('{"tokens": []}')
    tokens = TokensFile(path, elapsed=clock)

    assert [tokens.caller(each) for each in (FINANCE, "", NOBODY)] == [None, None, None]
    assert "nobody may call" in caplog.text
    tokens_file(path)
    clock.now += 1
    assert tokens.caller(FINANCE) is not None


@pytest.mark.requirement("KL-S-5")
def test_a_withdrawal_is_in_force_though_the_file_could_not_be_read_when_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    path = tokens_file(tmp_path / "tokens.json", {"name": "guest", "token": LONG})
    tokens = TokensFile(path, elapsed=clock)
    tokens_file(path)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", _too_many_files)
        for _ in range(3):
            clock.now += RETRY_SECONDS
            assert tokens.caller(LONG) is not None
    assert caplog.text.count("Too many open files") == 1

    clock.now += RETRY_SECONDS
    assert tokens.caller(LONG) is None
    assert tokens.caller(FINANCE) is not None


def _too_many_files(*_: object, **__: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"tokens": [], "tokens": [ENTRY]}', 'the member "tokens" twice'),
        ('{"tokens": [{"name": "a", "token": "LONG", "namespaces": [], "namespaces": ["*"]}]}', '"namespaces" twice'),
        ('{"tokens": [{"name": "a", "token": "LONG", "tok\\u0065n": "LONG"}]}', 'the member "token" twice'),
        ('{"tokens": [{"name": "a", "token": {"LONG": 1, "LONG": 2}}]}', "a member twice"),
    ],
)
def test_a_member_that_is_there_twice_is_refused_and_no_token_is_quoted(content: str, said: str) -> None:
    with pytest.raises(ValueError, match="twice") as caught:
        parse_tokens(content.replace("ENTRY", "{}").replace("LONG", LONG).encode())

    assert said in str(caught.value)
    assert LONG not in str(caught.value)


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize("presented", [FINANCE, TEAM, LONG, NOBODY])
def test_every_entry_is_compared_in_constant_time_whichever_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, presented: str
) -> None:
    tokens = TokensFile(tokens_file(tmp_path / "tokens.json", {"name": "guest", "token": LONG}))
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def watched(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return compare(first, second)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    found = tokens.caller(presented)

    entries = {hashlib.sha256(token.encode()).digest() for token in (FINANCE, TEAM, LONG)}
    digest = hashlib.sha256(presented.encode()).digest()
    assert sorted(compared) == sorted((entry, digest) for entry in entries)
    assert (found is None) is (presented == NOBODY)


def test_only_what_compare_digest_says_is_a_match(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison of another kind beside it, such as a look-up that ends early, would still let these in."""
    tokens = TokensFile(tokens_file(tmp_path / "tokens.json"))
    monkeypatch.setattr(hmac, "compare_digest", lambda _first, _second: False)

    assert (tokens.caller(FINANCE), tokens.caller(TEAM)) == (None, None)


def test_a_secret_that_kubernetes_swaps_by_symlink_is_read_again(tmp_path: Path) -> None:
    clock = Clock()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    tokens_file(tmp_path / "one/tokens.json", {"name": "guest", "token": LONG})
    tokens_file(tmp_path / "two/tokens.json")
    (tmp_path / "data").symlink_to("one")
    tokens = TokensFile(tmp_path / "data/tokens.json", elapsed=clock)
    assert tokens.caller(LONG) is not None

    (tmp_path / "newer").symlink_to("two")
    (tmp_path / "newer").rename(tmp_path / "data")
    clock.now += 1

    assert tokens.caller(LONG) is None


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_file_that_everybody_can_read_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warned: bool
) -> None:
    path = tokens_file(tmp_path / "tokens.json")
    path.chmod(mode)
    TokensFile(path)

    assert ("chmod 600" in caplog.text) is warned


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "must be an object"),
        ({}, "must be an object"),
        ({"tokens": [], "more": 1}, "must be an object"),
        ({"tokens": {}}, "must be an object"),
        ({"tokens": [LONG]}, "entry 1"),
        ({"tokens": [{"token": LONG}]}, "entry 1"),
        ({"tokens": [{"name": "a b", "token": LONG}]}, "entry 1"),
        ({"tokens": [{"name": "a\n", "token": LONG}]}, "entry 1"),
        ({"tokens": [{"name": "a"}]}, "a needs either token or sha256"),
        ({"tokens": [{"name": "a", "token": LONG, "sha256": "0" * 64}]}, "a needs either token or sha256"),
        ({"tokens": [{"name": "a", "token": LONG[1:]}]}, "the token of a must be 16"),
        ({"tokens": [{"name": "a", "token": LONG + " "}]}, "the token of a must be 16"),
        ({"tokens": [{"name": "a", "token": 1}]}, "the token of a must be 16"),
        ({"tokens": [{"name": "a", "sha256": LONG}]}, "64 hexadecimal digits"),
        ({"tokens": [{"name": "a", "token": LONG, "namespace": ["x"]}]}, "a member other than"),
        ({"tokens": [{"name": "a", "token": LONG, "namespaces": "x"}]}, "an array of names or globs"),
        ({"tokens": [{"name": "a", "token": LONG, "namespaces": None}]}, "an array of names or globs"),
        ({"tokens": [{"name": "a", "token": LONG, "namespaces": ["!x"]}]}, "cannot be negated"),
        ({"tokens": [{"name": "a", "token": LONG, "namespaces": ["../x"]}]}, "holds no '/'"),
        ({"tokens": [{"name": "a", "token": LONG, "expires_at": "soon"}]}, "an instant like"),
        ({"tokens": [{"name": "a", "token": LONG, "expires_at": 5}]}, "an instant like"),
        ({"tokens": [{"name": "a", "token": LONG}, {"name": "a", "token": LONG * 2}]}, "the same name"),
        ({"tokens": [{"name": "a", "token": LONG}, {"name": "b", "token": LONG}]}, "the same token"),
    ],
)
def test_a_mistake_is_named_and_no_token_is_quoted(document: Any, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_tokens(json.dumps(document).encode())

    assert said in str(caught.value)
    assert LONG[1:] not in str(caught.value)


def test_a_file_that_is_missing_huge_or_no_regular_one_is_refused_by_name(tmp_path: Path) -> None:
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * (MAX_FILE_BYTES + 1))
    pipe = tmp_path / "pipe.json"
    put_odd(pipe, "pipe")
    for path, said in (
        (tmp_path / "none.json", "No such file"),
        (huge, "that are read"),
        (tmp_path, "is a directory"),
        (pipe, "is a named pipe"),
    ):
        with pytest.raises(SettingsError) as caught:
            without_waiting(partial(read_tokens, path))
        assert str(path) in str(caught.value)
        assert said in str(caught.value)


@pytest.mark.requirement("KL-S-5")
def test_a_broken_file_at_start_is_one_clear_line_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(f'{{"tokens": [{{"name": "a", "token": "{LONG}", "namespaces": "team-a"}}]}}')
    command = [sys.executable, "-m", "kl_mcp", "--data-dir", str(tmp_path), "--port", "0"]
    environ = environment({"KL_MCP_TOKENS_FILE": os.fspath(path)})
    ended = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=LIMIT_SECONDS, check=False)

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert str(path) in line
    assert "namespaces of a" in line
    assert LONG not in line
