"""Keys from a file: read again when it changes, and kept for a while when it cannot be."""

from __future__ import annotations

import errno
import json
import logging
import os
from functools import partial
from pathlib import Path

import anyio
import pytest

from kl_core.errors import SettingsError
from kl_core.watched_file import RETRY_SECONDS
from kl_mcp.access import key_sources
from kl_mcp.access.jwks import MAX_SET_BYTES, KeySet
from kl_mcp.access.key_sources import EMPTY, FAILED, KEPT_SECONDS, LAPSED, READ, KeysInFile, KeySource
from tests.support.counted import Counted
from tests.support.issuer import jwk, key_set, key_set_file, private_key
from tests.support.odd_files import put_odd, without_waiting
from tests.support.patience import until


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _names(keys: KeysInFile) -> list[str | None] | None:
    found = keys.current()
    return None if found is None else [key.kid for key in found.keys]


def test_a_changed_file_is_read_again_after_a_second(tmp_path: Path) -> None:
    clock, reads = Clock(), Counted()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, reads, elapsed=clock)
    key_set_file(path, key_set(jwk(private_key("EC"), "next")))

    assert _names(keys) == ["rsa", "ec"]
    clock.now += 1
    assert _names(keys) == ["next"]
    assert reads == {READ: 2}


def test_a_source_that_cannot_read_its_keys_again_is_none() -> None:
    class Forgetful(KeySource):
        async def renewed(self) -> KeySet | None:
            return self.in_force()

    with pytest.raises(TypeError, match="_keep_fresh"):
        Forgetful("keys.json", Counted(), Clock())  # type: ignore[abstract]


def test_an_unknown_key_makes_the_file_be_looked_at_at_once(tmp_path: Path) -> None:
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, Counted(), elapsed=Clock())
    key_set_file(path, key_set(jwk(private_key("EC"), "next")))

    renewed = anyio.run(keys.renewed)
    assert renewed is not None
    assert [key.kid for key in renewed.keys] == ["next"]


@pytest.mark.requirement("KL-S-9")
@pytest.mark.parametrize("content", [None, b"", b"{}", key_set()[:-9], b'{"keys": [], "keys": []}'])
def test_a_file_that_is_gone_or_broken_leaves_the_keys_for_five_minutes_after_it_was_last_good(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    clock, reads = Clock(), Counted()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, reads, elapsed=clock)
    clock.now += 10 * KEPT_SECONDS  # nobody called
    assert _names(keys) == ["rsa", "ec"]
    path.unlink() if content is None else key_set_file(path, content)

    clock.now += 1
    assert _names(keys) == ["rsa", "ec"]
    assert _names(keys) == ["rsa", "ec"]
    assert reads == {READ: 1, FAILED: 1}
    clock.now += KEPT_SECONDS - 1.5
    assert _names(keys) == ["rsa", "ec"]
    assert caplog.text.count("stay in force until 300 s after they were last read") == 1
    clock.now += 0.5
    assert _names(keys) is None
    assert _names(keys) is None
    assert reads[LAPSED] == 1
    assert caplog.text.count("no longer in force") == 1

    key_set_file(path)
    clock.now += 1
    assert _names(keys) == ["rsa", "ec"]


@pytest.mark.requirement("KL-S-9")
def test_a_file_without_a_usable_key_withdraws_them_all_within_a_second(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, reads = Clock(), Counted()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, reads, elapsed=clock)
    for content in (b'{"keys": []}', ONLY_PRIVATE):
        key_set_file(path, content)
        clock.now += 1
        assert _names(keys) == []
    assert reads == {READ: 1, EMPTY: 2}
    assert "every JWT is refused" in caplog.text
    clock.now += 2 * KEPT_SECONDS
    assert _names(keys) == []


def test_keys_that_were_withdrawn_do_not_come_back_when_the_file_breaks(tmp_path: Path) -> None:
    clock = Clock()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, Counted(), elapsed=clock)
    for content in (b'{"keys": []}', b"broken"):
        key_set_file(path, content)
        clock.now += 1
        assert _names(keys) == []


def test_a_secret_that_kubernetes_swaps_by_symlink_is_read_again(tmp_path: Path) -> None:
    clock, reads = Clock(), Counted()
    for name, content in (("one", key_set()), ("two", key_set(jwk(private_key("EC"), "next")))):
        (tmp_path / name).mkdir()
        key_set_file(tmp_path / name / "keys.json", content)
    (tmp_path / "data").symlink_to("one")
    (tmp_path / "keys.json").symlink_to("data/keys.json")
    keys = KeysInFile(tmp_path / "keys.json", reads, elapsed=clock)

    (tmp_path / "newer").symlink_to("two")
    (tmp_path / "newer").rename(tmp_path / "data")
    clock.now += 1
    assert _names(keys) == ["next"]
    assert reads == {READ: 2}


def test_a_file_that_could_not_be_read_for_a_moment_is_read_again_though_it_did_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, reads = Clock(), Counted()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, reads, elapsed=clock)
    key_set_file(path, key_set(jwk(private_key("EC"), "next")))
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", _too_many_files)
        for _ in range(3):
            clock.now += RETRY_SECONDS
            assert _names(keys) == ["rsa", "ec"]
    assert reads == {READ: 1, FAILED: 3}
    assert caplog.text.count("Too many open files") == 1

    clock.now += RETRY_SECONDS - 0.1
    assert _names(keys) == ["rsa", "ec"]
    clock.now += 1
    assert _names(keys) == ["next"]


@pytest.mark.requirement("KL-S-9")
def test_an_error_that_nobody_foresaw_leaves_no_key_in_force_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, Counted(), elapsed=clock)
    key_set_file(path, b'{"keys": []}')
    with monkeypatch.context() as patched:
        patched.setattr(key_sources, "parse_key_set", lambda _content: 1 // 0)
        clock.now += 1
        with pytest.raises(ZeroDivisionError):
            keys.current()
        clock.now += 1
        assert _names(keys) == ["rsa", "ec"]
        clock.now += KEPT_SECONDS - 2
        with pytest.raises(ZeroDivisionError):
            keys.current()
        assert _names(keys) is None

    clock.now += RETRY_SECONDS
    assert _names(keys) == []


def _too_many_files(*_: object, **__: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_a_file_is_looked_at_while_nobody_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that keys that are lost after a quiet hour stay for five minutes too, and that a withdrawal is logged."""
    monkeypatch.setattr(key_sources, "IDLE_LOOK_SECONDS", 0.01)
    clock, reads = Clock(), Counted()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, reads, elapsed=clock)

    async def lose() -> None:
        async with keys.kept_fresh():
            clock.now += 3600
            key_set_file(path, key_set(jwk(private_key("EC"), "next")))
            await until(lambda: reads[READ] >= 2)
            path.unlink()
            clock.now += KEPT_SECONDS - 1
            await until(lambda: reads[FAILED] > 0)
            assert reads[LAPSED] == 0
            clock.now += 1
            await until(lambda: reads[LAPSED] > 0)

    anyio.run(lose)


@pytest.mark.requirement("KL-S-9")
def test_an_error_that_nobody_foresaw_while_nobody_calls_is_logged_and_the_file_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(key_sources, "IDLE_LOOK_SECONDS", 0.01)
    clock, reads = Clock(), Counted()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, reads, elapsed=clock)

    async def break_and_mend() -> None:
        async with keys.kept_fresh():
            with monkeypatch.context() as patched:
                patched.setattr(key_sources, "parse_key_set", lambda _content: 1 // 0)
                key_set_file(path, key_set(jwk(private_key("EC"), "next")))
                clock.now += 1
                await until(lambda: reads[FAILED] > 0)
            clock.now += RETRY_SECONDS
            await until(lambda: reads[READ] == 2)

    anyio.run(break_and_mend)
    assert "ZeroDivisionError" in caplog.text
    assert _names(keys) == ["next"]


def test_a_file_that_is_written_again_as_it_was_is_announced_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, reads = Clock(), Counted()
    path = key_set_file(tmp_path / "keys.json")
    with caplog.at_level(logging.INFO):
        keys = KeysInFile(path, reads, elapsed=clock)
        path.rename(tmp_path / "before.json")
        path.write_bytes((tmp_path / "before.json").read_bytes())
        clock.now += 1
        assert _names(keys) == ["rsa", "ec"]
    assert reads == {READ: 2}
    assert caplog.text.count("holds 2 keys") == 1


ONLY_PRIVATE = json.dumps({"keys": [jwk(private_key("EC"), "x", private=True)]}).encode()


def test_a_set_that_cannot_be_read_at_the_start_is_refused_by_name(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    put_odd(pipe, "pipe")
    for path, said in (
        (tmp_path / "none.json", "No such file"),
        (tmp_path, "is a directory"),
        (pipe, "is a named pipe"),
        (key_set_file(tmp_path / "huge.json", b" " * (MAX_SET_BYTES + 1)), "that are read"),
        (key_set_file(tmp_path / "broken.json", b"{"), "not JSON"),
        (key_set_file(tmp_path / "twice.json", b'{"keys": [], "keys": []}'), "twice"),
    ):
        with pytest.raises(SettingsError, match=said) as caught:
            without_waiting(partial(KeysInFile, path, Counted()))
        assert str(path) in str(caught.value)
        assert "KL_MCP_JWT_JWKS" in str(caught.value)


@pytest.mark.requirement("KL-S-9")
@pytest.mark.parametrize("content", [b'{"keys": []}', ONLY_PRIVATE])
def test_a_set_without_a_usable_key_at_the_start_is_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    reads = Counted()
    assert _names(KeysInFile(key_set_file(tmp_path / "keys.json", content), reads)) == []
    assert reads == {EMPTY: 1}
    assert "every JWT is refused" in caplog.text
    assert ("private part" in caplog.text) is (content == ONLY_PRIVATE)


def test_a_key_that_is_left_out_is_warned_about_without_its_parts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leaked = jwk(private_key("EC"), "leaked", private=True)
    path = key_set_file(tmp_path / "keys.json", key_set(jwk(private_key(), "good"), leaked))
    KeysInFile(path, Counted())

    assert "key 2 is not used: its private part was published" in caplog.text
    assert leaked["d"] not in caplog.text
