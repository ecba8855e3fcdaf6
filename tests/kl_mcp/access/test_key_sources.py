"""Keys from a file: read again when it changes, and kept when a change is broken."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import anyio
import pytest

from kl_mcp.access.key_sources import FAILED, READ, KeysError, KeysInFile
from tests.support.issuer import jwk, key_set, key_set_file, private_key


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _names(keys: KeysInFile) -> list[str | None]:
    return [key.kid for key in keys.current().keys]


def test_a_changed_file_is_read_again_after_a_second(tmp_path: Path) -> None:
    clock, reads = Clock(), Counter[str]()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, reads, elapsed=clock)
    key_set_file(path, key_set(jwk(private_key("EC"), "next")))

    assert _names(keys) == ["rsa", "ec"]
    clock.now += 1
    assert _names(keys) == ["next"]
    assert reads == {READ: 2}


def test_an_unknown_key_makes_the_file_be_looked_at_at_once(tmp_path: Path) -> None:
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, Counter(), elapsed=Clock())
    key_set_file(path, key_set(jwk(private_key("EC"), "next")))

    assert [key.kid for key in anyio.run(keys.renewed).keys] == ["next"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys": []}', key_set()[:-9]])
def test_a_broken_change_is_logged_and_counted_and_the_keys_before_it_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    clock, reads = Clock(), Counter[str]()
    path = key_set_file(tmp_path / "keys.json")
    keys = KeysInFile(path, reads, elapsed=clock)
    key_set_file(path, content)
    clock.now += 1

    assert _names(keys) == ["rsa", "ec"]
    assert _names(keys) == ["rsa", "ec"]
    assert reads == {READ: 1, FAILED: 1}
    assert caplog.text.count(str(path)) == 1
    assert "stay in force" in caplog.text

    path.unlink()
    clock.now += 1
    assert _names(keys) == ["rsa", "ec"]
    assert reads[FAILED] == 2


def test_a_set_without_a_usable_key_at_the_start_is_refused_by_name(tmp_path: Path) -> None:
    only_private = json.dumps({"keys": [jwk(private_key("EC"), "x", private=True)]}).encode()
    for path, said in (
        (tmp_path / "none.json", "No such file"),
        (tmp_path, "Is a directory"),
        (key_set_file(tmp_path / "private.json", only_private), "private part"),
    ):
        with pytest.raises(KeysError, match=said) as caught:
            KeysInFile(path, Counter())
        assert str(path) in str(caught.value)
        assert "KL_MCP_JWT_JWKS" in str(caught.value)


def test_a_key_that_is_left_out_is_warned_about_without_its_parts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leaked = jwk(private_key("EC"), "leaked", private=True)
    path = key_set_file(tmp_path / "keys.json", key_set(jwk(private_key(), "good"), leaked))
    KeysInFile(path, Counter())

    assert "key 2 is not used: its private part was published" in caplog.text
    assert leaked["d"] not in caplog.text
