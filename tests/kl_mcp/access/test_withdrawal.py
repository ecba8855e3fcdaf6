"""Withdrawing tokens and keys from a running server, and losing sight of them, over real HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kl_mcp.access.key_sources import KEPT_SECONDS
from tests.kl_mcp.access.asking import FINANCE, NOBODY, Answer, ask, bearer, send, tokens_file
from tests.kl_mcp.access.test_revocation import open_streams
from tests.support.aging import age
from tests.support.issuer import jwk, jwt_flags, key_set, key_set_file, private_key, token, twice
from tests.support.mcp_clients import HttpServer, environment, http_server
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish
from tests.support.scripted_http import Answer as KeysAnswer
from tests.support.scripted_http import serving

EMPTY = b'{"keys": []}'
UNUSABLE = json.dumps({"keys": [jwk(private_key(), "rsa", private=True), {"kty": "oct", "k": "AAAA"}]}).encode()
TWICE = b'{"keys": [], ' + key_set()[1:]
SOON = KEPT_SECONDS * 2 / 3
"""Within what keys are kept for, however slow the machine."""


@dataclass
class Aging:
    """A running server and how old everything in it is."""

    server: HttpServer
    aged_by: Path

    def pass_seconds(self, seconds: float) -> None:
        age(self.aged_by, seconds)

    def asked(self, presented: str | None) -> Answer:
        return ask(self.server.port, "tools/list", {}, token=presented)

    def status(self, presented: str | None) -> int:
        return self.asked(presented).status

    def reads(self, outcome: str) -> float:
        """How often reading the key set came out so."""
        metrics = send(self.server.port, "/metrics", bearer(FINANCE), method="GET").body.decode()
        name = f'kubeledger_mcp_key_set_reads_total{{outcome="{outcome}"}} '
        return float(next(line for line in metrics.splitlines() if line.startswith(name)).removeprefix(name))

    def logged(self, text: str) -> int:
        return sum(text in line for line in list(self.server.log))


@contextmanager
def _running(directory: Path, *flags: str) -> Iterator[Aging]:
    publish(directory / "data", 1)
    aged_by = directory / "aged_by"
    age(aged_by, 0)
    with http_server(directory / "data", *flags, module="tests.support.aging", env={"AGED_BY": str(aged_by)}) as server:
        yield Aging(server, aged_by)
        assert not [line for line in server.log if "Traceback" in line]


def _with_keys(directory: Path, keys: object) -> tuple[str, ...]:
    return jwt_flags(keys, tokens_file=str(tokens_file(directory / "tokens.json")))


@pytest.mark.requirement("KL-S-9")
@pytest.mark.parametrize("withdrawn", [EMPTY, UNUSABLE])
def test_a_file_without_a_usable_key_withdraws_them_all_and_ends_their_streams(
    tmp_path: Path, withdrawn: bytes
) -> None:
    path = key_set_file(tmp_path / "keys.json")
    presented = token()
    with _running(tmp_path, *_with_keys(tmp_path, path)) as running:
        with open_streams(running.server, jwt=presented, finance=FINANCE) as streams:
            key_set_file(path, withdrawn)
            eventually(lambda: running.status(presented) == 401)
            eventually(lambda: streams["jwt"].ended)
            assert not streams["finance"].ended
        refused = running.asked(presented)
        assert refused.json["error"] == "invalid_token"
        assert "not in the issuer's key set" in refused.json["error_description"]
        assert running.status(FINANCE) == 200
        assert (running.reads("empty"), running.reads("failed"), running.reads("lapsed")) == (1, 0, 0)
        assert running.logged("holds no key that can be used: every JWT is refused") == 1

        key_set_file(path)
        eventually(lambda: running.status(presented) == 200)


@pytest.mark.requirement("KL-S-9")
@pytest.mark.parametrize("withdrawn", [EMPTY, UNUSABLE])
def test_an_address_that_answers_without_a_usable_key_withdraws_them_all(tmp_path: Path, withdrawn: bytes) -> None:
    answers = [KeysAnswer(body=key_set())]
    presented = token()
    with (
        serving(lambda _: answers[-1]) as issuer,
        _running(tmp_path, *_with_keys(tmp_path, f"{issuer.url}/keys")) as running,
    ):
        assert running.status(presented) == 200
        answers.append(KeysAnswer(body=withdrawn))
        eventually(lambda: running.status(presented) == 401)
        assert (running.reads("empty") > 0, running.reads("failed"), running.reads("lapsed")) == (True, 0, 0)
        assert running.logged("holds no key that can be used: every JWT is refused") == 1
        answers.append(KeysAnswer(body=key_set()))
        eventually(lambda: running.status(presented) == 200)


def _check_that_keys_lapse(running: Aging, lose: Callable[[], object], find: Callable[[], object]) -> None:
    presented = token()
    with open_streams(running.server, jwt=presented, finance=FINANCE) as streams:
        lose()
        eventually(lambda: running.reads("failed") >= 1)
        assert running.status(presented) == 200
        running.pass_seconds(SOON)
        assert running.status(presented) == 200
        assert not streams["jwt"].ended

        running.pass_seconds(KEPT_SECONDS)
        refused = running.asked(presented)
        assert (refused.status, refused.json["error"]) == (503, "temporarily_unavailable")
        assert "Retry-After" in refused.headers
        eventually(lambda: streams["jwt"].ended)
        assert not streams["finance"].ended
    assert running.status(FINANCE) == 200
    assert running.status(NOBODY) == 401
    assert running.reads("lapsed") == 1
    assert (running.logged("stay in force until 300 s"), running.logged("could not be read for 300 s")) == (1, 1)

    find()
    eventually(lambda: running.status(presented) == 200)


@pytest.mark.requirement("KL-S-9")
@pytest.mark.parametrize("content", [None, key_set()[:-9], TWICE])
def test_keys_of_a_file_that_is_gone_or_broken_stay_five_minutes_and_no_longer(
    tmp_path: Path, content: bytes | None
) -> None:
    path = key_set_file(tmp_path / "keys.json")

    def lose() -> None:
        path.unlink() if content is None else key_set_file(path, content)

    with _running(tmp_path, *_with_keys(tmp_path, path)) as running:
        _check_that_keys_lapse(running, lose, lambda: key_set_file(path))


@pytest.mark.requirement("KL-S-9")
@pytest.mark.parametrize(
    "failure",
    [
        KeysAnswer(404, b"gone"),
        KeysAnswer(body=TWICE),
        KeysAnswer(body=key_set(), delay_sec=30),
    ],
)
def test_keys_of_an_address_that_fails_stay_five_minutes_and_no_longer(tmp_path: Path, failure: KeysAnswer) -> None:
    answers = [KeysAnswer(body=key_set())]
    with (
        serving(lambda _: answers[-1]) as issuer,
        _running(tmp_path, *_with_keys(tmp_path, f"{issuer.url}/keys")) as running,
    ):
        good = KeysAnswer(body=key_set())
        _check_that_keys_lapse(running, lambda: answers.append(failure), lambda: answers.append(good))


@pytest.mark.requirement("KL-S-9")
@pytest.mark.parametrize("content", [EMPTY, UNUSABLE])
def test_a_start_without_a_usable_key_lets_nobody_in_with_a_jwt_until_there_is_one(
    tmp_path: Path, content: bytes
) -> None:
    path = key_set_file(tmp_path / "keys.json", content)
    with _running(tmp_path, *_with_keys(tmp_path, path)) as running:
        assert (running.status(None), running.status(token()), running.status(FINANCE)) == (401, 401, 200)
        assert running.logged("holds no key that can be used") == 1
        key_set_file(path)
        eventually(lambda: running.status(token()) == 200)


@pytest.mark.requirement("KL-S-5")
def test_a_start_with_an_empty_tokens_file_lets_nobody_in_with_a_token_but_with_a_jwt(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text('{"tokens": []}')
    flags = jwt_flags(key_set_file(tmp_path / "keys.json"), tokens_file=str(tokens))
    with _running(tmp_path, *flags) as running:
        assert (running.status(None), running.status(FINANCE), running.status(token())) == (401, 401, 200)
        assert running.logged("holds no token: nobody may call with one") == 1


@pytest.mark.requirement("KL-S-5")
def test_an_empty_tokens_file_alone_closes_the_server_until_there_is_a_token(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text('{"tokens": []}')
    with _running(tmp_path, "--tokens-file", str(tokens)) as running:
        assert (running.status(None), running.status(FINANCE)) == (401, 401)
        assert send(running.server.port, "/metrics", {}, method="GET").status == 401
        assert send(running.server.port, "/healthz", {}, method="GET").status == 200
        tokens_file(tokens)
        eventually(lambda: running.status(FINANCE) == 200)
        tokens.unlink()
        running.pass_seconds(9)
        assert (running.status(None), running.status(FINANCE)) == (401, 401)


@pytest.mark.requirement("KL-S-5")
def test_a_broken_tokens_file_leaves_its_tokens_in_force_for_as_long_as_it_is_broken(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path / "tokens.json")
    with _running(tmp_path, "--tokens-file", str(tokens)) as running:
        with open_streams(running.server, finance=FINANCE) as streams:
            tokens.write_text('{"tokens": [')
            running.pass_seconds(24 * 3600)
            assert running.status(FINANCE) == 200
            assert not streams["finance"].ended
        assert running.logged("stay in force") == 1


REPEATED = '{"tokens": [{"name": "a", "token": "%s", "namespaces": [], "namespaces": ["*"]}]}'


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize(
    ("content", "said"),
    [("", "not JSON"), (REPEATED % NOBODY, 'the member "namespaces" twice'), ('{"tokens": []', "not JSON")],
)
def test_a_tokens_file_that_is_zero_bytes_or_repeats_itself_is_exit_code_2(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(content)
    command = [sys.executable, "-m", "kl_mcp", "--data-dir", str(tmp_path), "--port", "0", "--tokens-file", str(path)]
    ended = subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=LIMIT_SECONDS, check=False
    )

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert str(path) in line
    assert said in line
    assert NOBODY not in line


@pytest.mark.requirement("KL-S-9")
def test_a_jwt_that_says_something_twice_is_answered_401_whatever_it_says(tmp_path: Path) -> None:
    path = key_set_file(tmp_path / "keys.json")
    until = int(time.time()) + 600
    with _running(tmp_path, *_with_keys(tmp_path, path)) as running:
        for presented in (
            twice("sub", "root", "alice"),
            twice("exp", until, until),
            twice("kid", "rsa", "rsa", header=True),
        ):
            refused = running.asked(presented)
            assert (refused.status, refused.json["error"]) == (401, "invalid_token")
            assert "twice" in refused.json["error_description"]
        assert running.status(token()) == 200
