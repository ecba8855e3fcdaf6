"""What the text of a setting may be, and the value it then has: one function a kind of setting.

Each takes the text without white space around it, and raises ValueError that says what is allowed, worded to follow
"it must be". The text is empty only where the setting has no default.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Generic, TypeVar
from urllib.parse import urlsplit

from kl_core.globs import broken_rule
from kl_core.hosts import split_listed, split_origin
from kl_core.labels import FORMS, LabelSelector, parse_selector

T = TypeVar("T")

MAX_GLOBS_CHARS = 10_000
"""Of all globs of one setting: answers state them, and have 32,000 characters."""
_WEIGHTED_METRICS = ("cpu", "memory", "gpu")
_BOOLEANS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


def or_none(cast: Callable[[str], T]) -> Callable[[str], T | None]:
    """Return a cast that takes empty text for None."""
    return lambda text: cast(text) if text else None


def printable(text: str) -> str:
    """Return text as it is."""
    _require(text.isprintable(), "text without control characters")
    return text


def file_name(text: str) -> str:
    """Return the name of a file as it is written."""
    _require("\0" not in text, "a path without NUL bytes")
    return text


def path(text: str) -> Path:
    """Return a file or directory; `~` is the home directory."""
    try:
        return Path(file_name(text)).expanduser()
    except RuntimeError:
        raise ValueError("a path in full, since there is no home directory that ~ could be") from None


@dataclass(frozen=True, slots=True)
class OneOf(Generic[T]):
    """A cast to one of several values, in any case of letters."""

    allowed: Sequence[T]

    @property
    def wording(self) -> str:
        """Return the values as a list in words."""
        return ", ".join(map(str, self.allowed))

    def __call__(self, text: str) -> T:
        """Return the value that is written like the text."""
        values = {str(value).lower(): value for value in self.allowed}
        _require(text.lower() in values, f"one of {self.wording}")
        return values[text.lower()]


def boolean(text: str) -> bool:
    """Return a truth value."""
    _require(text.lower() in _BOOLEANS, "true or false")
    return _BOOLEANS[text.lower()]


def integer(least: int, most: int) -> Callable[[str], int]:
    """Return a cast to a whole number from `least` to `most`."""

    def cast(text: str) -> int:
        is_integer = re.fullmatch("[0-9]{1,9}", text) is not None
        _require(is_integer and least <= int(text) <= most, f"a whole number from {least} to {most}")
        return int(text)

    return cast


def seconds(least: float, most: float) -> Callable[[str], float]:
    """Return a cast to a number of seconds from `least` to `most`."""

    def cast(text: str) -> float:
        _require(least <= _number(text) <= most, f"a number of seconds from {least} to {most}")
        return _number(text)

    return cast


def rate(text: str) -> float | None:
    """Return a rate above 0. 0 and -1, with which earlier releases said "no rate", stay no rate."""
    value = _number(text)
    _require(value >= 0 or value == -1, "a number above 0 with a point for decimals and no currency, such as 12.50")
    return value if value > 0 else None


def multiplier(text: str) -> float:
    """Return a factor above 0, below a billion."""
    factor = _number(text)
    _require(0 < factor < 1e9, "a number above 0, such as 1.15 for a mark-up of 15 per cent")
    return factor


def weights(text: str) -> Mapping[str, float]:
    """Return `cpu=0.5,memory=0.3` as shares that add up to one; a metric that is not named gets nothing."""
    pairs = [item.partition("=") for item in text.split(",") if item.strip()]
    named = {metric.strip(): _number(value.strip()) for metric, _, value in pairs}
    total = sum(named.values())
    usable = all(weight >= 0 for weight in named.values()) and 0 < total < math.inf
    _require(
        len(named) == len(pairs) and usable and named.keys() <= set(_WEIGHTED_METRICS),
        "cpu=, memory= and gpu= with numbers from 0, such as cpu=0.5,memory=0.3,gpu=0.2",
    )
    return MappingProxyType({metric: named.get(metric, 0.0) / total for metric in _WEIGHTED_METRICS})


def names(text: str) -> tuple[str, ...]:
    """Return names separated by commas, each once."""
    return tuple(dict.fromkeys(part for part in (piece.strip() for piece in text.split(",")) if part))


def separated_names(text: str) -> tuple[str, ...]:
    """Return names separated by commas or white space, as OAuth separates scopes, each once."""
    return names(",".join(text.split()))


def globs(text: str) -> tuple[str, ...]:
    """Return names or globs of namespaces, each once."""
    listed = names(text)
    wanted = "names or globs of namespaces separated by commas"
    _require(
        len(text) <= MAX_GLOBS_CHARS and not any(map(str.isspace, "".join(listed))),
        f"{wanted}, none with a space in it, of at most {MAX_GLOBS_CHARS:,} characters together",
    )
    broken = next(filter(None, (broken_rule(glob, repr(glob)) for glob in listed)), "")
    _require(not broken, f"{wanted}. {broken.rstrip('.')}")
    return listed


def label_selector(text: str) -> LabelSelector:
    """Return a Kubernetes label selector."""
    try:
        return parse_selector(text)
    except ValueError:
        raise ValueError(f"a Kubernetes label selector: {FORMS}") from None


def host(text: str) -> str:
    """Return a host name or an IP address; brackets around an IPv6 address are taken off."""
    odd = any(character.isspace() or character in "/%" for character in text)
    _require(not odd, "a host name or an IP address, without scheme, port, path or zone")
    return text.removeprefix("[").removesuffix("]")


def hosts(text: str) -> tuple[str, ...]:
    """Return host names, each with or without a port, or `*`."""
    return _any_or_each(
        names(text), split_listed, "host names separated by commas, each with or without a port, or * for any"
    )


def origins(text: str) -> tuple[str, ...]:
    """Return origins without a trailing slash, or `*`."""
    return _any_or_each(
        tuple(name.rstrip("/") for name in names(text)),
        lambda name: split_listed(split_origin(name)[1]),
        "origins such as https://tools.example.com separated by commas, or * for any",
    )


def _any_or_each(listed: tuple[str, ...], read: Callable[[str], object], wanted: str) -> tuple[str, ...]:
    try:
        for name in set(listed) - {"*"}:
            read(name)
    except ValueError:
        raise ValueError(wanted) from None
    return listed


def url(text: str) -> str:
    """Return an absolute http or https URL without a fragment, or empty text."""
    _require(
        not text or _is_url(text, ("http", "https")),
        "a URL such as https://kubeledger.example.com/mcp, without user and password",
    )
    return text


def endpoint(text: str) -> str:
    """Return a URL without a query, to append paths to."""
    _require(
        _is_url(text, ("http", "https")) and "?" not in text,
        "a URL such as https://host:6443, without user, password and query",
    )
    return text.rstrip("/")


def endpoints(text: str) -> tuple[str, ...]:
    """Return such URLs, separated by commas or white space, each once."""
    return tuple(dict.fromkeys(endpoint(item) for item in separated_names(text)))


def key_set(text: str) -> str:
    """Return where a JSON Web Key Set is: an https URL (http on this machine only), a file, or empty text for none."""
    is_local = _is_url(text, ("http",)) and urlsplit(text).hostname in ("127.0.0.1", "::1", "localhost")
    meant_as_url = "://" in text or text.startswith(("http:", "https:"))
    _require(
        "\0" not in text and (not meant_as_url or is_local or _is_url(text, ("https",))),
        "an https URL without user and password, or the name of a file. Keys that came over http could be anybody's",
    )
    return text


def _require(holds: bool, wanted: str) -> None:
    """Raise ValueError with what the text must be, unless it is."""
    if not holds:
        raise ValueError(wanted)


def _number(text: str) -> float:
    """Return a finite number, NaN for what is none: float() takes digits of other scripts, underscores and infinity."""
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else math.nan


def _is_url(text: str, schemes: Sequence[str]) -> bool:
    """Say whether it is one, without user and password: they would stand in logs, and in what clients are told."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    named = bool(parts.hostname) and "@" not in parts.netloc and not any(map(str.isspace, text))
    return parts.scheme in schemes and named and not parts.fragment and port != 0
