"""The chain that holds the lines of a ledger together.

A line's last member, `chain`, is the hex SHA-256 over the previous line's chain (hex), a newline, and the line's own
bytes without that member. Whoever knows one line's chain can tell whether any line up to it was changed.
"""

import hashlib
import re

BEGINNING = "0" * 64
"""What stands for the chain before the very first line."""

_LINE = re.compile(rb'(\{.+),"chain":"([0-9a-f]{64})"\}', re.DOTALL)


def link(previous: str, body: bytes) -> str:
    """Return the chain of the line `body`, as it is without that member, after the one whose chain is `previous`."""
    return hashlib.sha256(b"%b\n%b" % (previous.encode(), body)).hexdigest()


def chained(previous: str, body: bytes) -> tuple[bytes, str]:
    """Return the line with its chain, without a newline, and the chain."""
    chain = link(previous, body)
    return b'%b,"chain":"%b"}' % (body[:-1], chain.encode()), chain


def split(line: bytes) -> tuple[bytes, str]:
    """Return a line without its chain, and the chain that it states. ValueError for one without."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError('it does not end with ,"chain":"…"} and so is no line of a ledger')
    return match[1] + b"}", match[2].decode()


def check(previous: str, body: bytes, stated: str) -> None:
    """ValueError unless `stated` is the chain of `body` after `previous`."""
    if link(previous, body) != stated:
        raise ValueError("its chain is not that of its content after the line before it")
