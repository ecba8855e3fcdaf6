"""How the text of a setting becomes its value: one function per kind of setting.

Each takes the variable's name, its text, the texts that are allowed (for a choice) and the home directory. It returns
the value, or None where an empty text means that there is none, and raises `SettingsError` that names the variable,
its text and what is allowed. A secret's text is never named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from kl_core.errors import SettingsError

Kind = Literal["path", "choice", "number", "rate", "text", "secret", "flag", "url", "urls", "globs", "weights"]

WEIGHTED_METRICS = ("cpu", "memory", "gpu")


def _path(name: str, text: str, _allowed: tuple[str, ...], home: str | None) -> Path | None:
    if not text:
        return None
    if text != "~" and not text.startswith("~/"):
        return Path(text)
    try:
        return Path(home, text[2:]) if home else Path(text).expanduser()
    except RuntimeError as error:
        raise _refused(name, text, "a path; there is no home directory to expand ~ to, give it in full") from error


def _choice(name: str, text: str, allowed: tuple[str, ...], _home: str | None) -> str | int:
    value = text.upper()
    if value not in allowed:
        raise _refused(name, text, f"one of {', '.join(allowed)}")
    return int(value) if value.isdigit() else value


def _number(name: str, text: str, _allowed: tuple[str, ...], _home: str | None) -> float:
    value = _float(text)
    if value is None or not 1 <= value <= 300:
        raise _refused(name, text, "a number of seconds from 1 to 300")
    return value


def _rate(name: str, text: str, _allowed: tuple[str, ...], _home: str | None) -> float | None:
    """A rate above zero. 0 and -1, with which earlier releases said "no rate", stay no rate."""
    if not text:
        return None
    value = _float(text)
    if value is None or (value < 0 and value != -1):
        raise _refused(name, text, "a number above 0 with a point for decimals and no currency, such as 12.50")
    return value if value > 0 else None


def _text(name: str, text: str, _allowed: tuple[str, ...], _home: str | None) -> str | None:
    if not text.isprintable():
        raise _refused(name, text, "text without control characters")
    return text or None


def _secret(name: str, text: str, _allowed: tuple[str, ...], _home: str | None) -> str | None:
    if not text.isprintable():
        raise SettingsError(f"{name} holds a line break or another control character. Set it without.")
    return text or None


def _flag(name: str, text: str, _allowed: tuple[str, ...], _home: str | None) -> bool:
    value = _FLAGS.get(text.lower())
    if value is None:
        raise _refused(name, text, "true or false")
    return value


_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _url(name: str, text: str, _allowed: tuple[str, ...], _home: str | None) -> str | None:
    if not text:
        return None
    parts = _split_url(text)
    if parts is not None and "@" in parts.netloc:
        raise SettingsError(f"{name} holds a user name or password. Leave it out of the URL.")
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise _refused(name, text, "a URL such as https://host:6443")
    return text.rstrip("/")


def _split_url(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        return None
    return None if any(character.isspace() for character in text) else parts


def _urls(name: str, text: str, allowed: tuple[str, ...], home: str | None) -> tuple[str, ...]:
    urls = (_url(name, item, allowed, home) for item in text.replace(",", " ").split())
    return tuple(dict.fromkeys(url for url in urls if url))


def _globs(name: str, text: str, _allowed: tuple[str, ...], _home: str | None) -> tuple[str, ...]:
    globs = tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
    for glob in globs:
        if len(glob) > 256 or glob.startswith("!") or any(character in "{}/\\ " for character in glob):
            raise _refused(name, glob, "comma-separated globs of namespace names with *, ? and [a-z], such as kube-*")
    return globs


def _weights(name: str, text: str, _allowed: tuple[str, ...], _home: str | None) -> Mapping[str, float] | None:
    """`cpu=0.5,memory=0.3` as shares that add up to one; a metric that is not named gets nothing."""
    if not text:
        return None
    pairs = [item.partition("=") for item in text.split(",") if item.strip()]
    weights = {metric.strip(): _float(value) for metric, _, value in pairs}
    known = [value for value in weights.values() if value is not None and value >= 0]
    named_well = len(weights) == len(pairs) and set(weights) <= set(WEIGHTED_METRICS)
    if not named_well or len(known) != len(weights) or sum(known) <= 0:
        raise _refused(name, text, "cpu=, memory= and gpu= with numbers from 0, such as cpu=0.5,memory=0.3,gpu=0.2")
    total = sum(known)
    return MappingProxyType({metric: (weights.get(metric) or 0.0) / total for metric in WEIGHTED_METRICS})


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _refused(name: str, text: str, allowed: str) -> SettingsError:
    return SettingsError(f"{name} is {text!r}; allowed: {allowed}. Correct it or unset it.")


CASTS: Mapping[Kind, Callable[[str, str, tuple[str, ...], str | None], Any]] = {
    "path": _path,
    "choice": _choice,
    "number": _number,
    "rate": _rate,
    "text": _text,
    "secret": _secret,
    "flag": _flag,
    "url": _url,
    "urls": _urls,
    "globs": _globs,
    "weights": _weights,
}
