"""How the text of a setting becomes its value: one function per kind of setting.

Each raises ValueError that says what is allowed, worded to follow "it must be".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from kl_core.hosts import split_listed, split_origin
from kl_query.errors import ToolArgumentError
from kl_query.selection import check_patterns

FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def directory(text: str) -> Path:
    """A directory; `~` is the home directory."""
    if "\0" in text:
        raise ValueError("a directory without NUL bytes")
    return Path(text).expanduser()


def optional_file(text: str) -> Path | None:
    """A file, or None for empty text."""
    if "\0" in text:
        raise ValueError("a file name without NUL bytes")
    return Path(text).expanduser() if text else None


def log_target(text: str) -> str:
    """A file to append to, `-` for standard error, or empty text for none."""
    if "\0" in text:
        raise ValueError("a file name without NUL bytes, or - for standard error")
    return text


def one_of(allowed: Sequence[str]) -> Callable[[str], str]:
    """A parser for one of `allowed`, in any case of letters."""

    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(" or ".join(allowed))
        return text.lower()

    return parse


def host(text: str) -> str:
    """A host name or an IP address; brackets around an IPv6 address are taken off."""
    if any(character.isspace() or character in "/%" for character in text):
        raise ValueError("a host name or an IP address, without scheme, port, path or zone")
    return text.removeprefix("[").removesuffix("]")


def port(text: str) -> int:
    """A TCP port; 0 is any free one."""
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise ValueError("a whole number from 0 to 65535 (0 takes any free port)")
    return int(text)


def optional_port(text: str) -> int | None:
    """A TCP port, 0 for any free one, or None for empty text."""
    return port(text) if text else None


def between(least: int, most: int) -> Callable[[str], int]:
    """A parser for a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def names(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def scopes(text: str) -> tuple[str, ...]:
    """Names separated by commas or white space, as OAuth separates them."""
    return tuple(text.replace(",", " ").split())


def hosts(text: str) -> tuple[str, ...]:
    """Host names, each with or without a port, or `*`."""
    found = names(text)
    try:
        for name in found:
            if name != "*":
                split_listed(name)
    except ValueError:
        raise ValueError("host names separated by commas, each with or without a port, or * for any") from None
    return found


def origins(text: str) -> tuple[str, ...]:
    """Origins without a trailing slash, or `*`."""
    found = tuple(name.rstrip("/") for name in names(text))
    try:
        for name in found:
            if name != "*":
                split_listed(split_origin(name)[1])
    except ValueError:
        raise ValueError("origins such as https://tools.example.com separated by commas, or * for any") from None
    return found


def globs(text: str) -> tuple[str, ...]:
    """Globs of namespaces, each once."""
    patterns = tuple(dict.fromkeys(names(text)))
    if any(character.isspace() for pattern in patterns for character in pattern):
        raise ValueError("names or globs of namespaces separated by commas, none with a space in it")
    try:
        return check_patterns(patterns, "the setting") if patterns else ()
    except ToolArgumentError as error:
        raise ValueError(f"names or globs of namespaces. {error.message.rstrip('.')}") from None


def flag(text: str) -> bool:
    """A truth value."""
    if text.lower() not in FLAGS:
        raise ValueError("true or false")
    return FLAGS[text.lower()]


def multiplier(text: str) -> float:
    """A factor above 0."""
    # float() takes more than anybody means: underscores, digits of other scripts, infinity, and 1e400 for infinity
    factor = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else 0.0
    if not factor > 0:
        raise ValueError("a number above 0, such as 1.15 for a mark-up of 15 per cent")
    return factor


def optional_url(text: str) -> str:
    """An absolute http or https URL without a fragment, or empty text. Raises ValueError."""
    if text and not _is_url(text, ("http", "https")):
        raise ValueError("a URL such as https://kubeledger.example.com/mcp, without user and password")
    return text


def key_set(text: str) -> str:
    """Where a JSON Web Key Set is: an https URL (http on this machine only), a file, or empty text for none."""
    meant_as_url = "://" in text or text.startswith(("http:", "https:"))
    if "\0" in text or (meant_as_url and not (_is_url(text, ("https",)) or _is_local_url(text))):
        raise ValueError(
            "an https URL without user and password, or the name of a file. Keys that came over http could be anybody's"
        )
    return text


def _is_url(text: str, schemes: Sequence[str]) -> bool:
    """Whether it is one, without user and password: they would stand in logs, and in what clients are told."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    named = bool(parts.hostname) and "@" not in parts.netloc
    return parts.scheme in schemes and named and not parts.fragment and port != 0


def _is_local_url(text: str) -> bool:
    return _is_url(text, ("http",)) and urlsplit(text).hostname in ("127.0.0.1", "::1", "localhost")
