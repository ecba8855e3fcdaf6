"""The chain, as anybody can reckon it with a shell."""

from __future__ import annotations

import subprocess

import pytest

from collector.store.ledger import chain


def sha256sum(text: bytes) -> str:
    return subprocess.run(["sha256sum"], input=text, capture_output=True, check=True).stdout.split()[0].decode()


def test_a_chain_is_the_hash_of_the_chain_before_a_newline_and_the_line_without_its_own() -> None:
    first, head = chain.chained(chain.BEGINNING, b'{"a":1}')
    assert head == sha256sum(b"0" * 64 + b'\n{"a":1}')
    second, newest = chain.chained(head, b'{"b":[2]}')
    assert newest == sha256sum(head.encode() + b'\n{"b":[2]}')
    assert second == b'{"b":[2],"chain":"' + newest.encode() + b'"}'
    assert chain.split(first) == (b'{"a":1}', head)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"a":1}',
        b'{"a":1,"chain":"%b"}' % (b"0" * 63),
        b'{"a":1,"chain":"%b"}' % (b"A" * 64),
        b'{"a":1,"chain":"%b"} ' % (b"0" * 64),
        b'{"chain":"%b","a":1}' % (b"0" * 64),
        b'{,"chain":"%b"}' % (b"0" * 64),
    ],
)
def test_a_line_that_does_not_end_with_its_chain_is_none(line: bytes) -> None:
    with pytest.raises(ValueError, match="so is no line of a ledger"):
        chain.split(line)
