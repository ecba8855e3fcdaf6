"""Typed reads from parsed JSON.

Every failure names the place, so that a damaged file can be reported in one sentence.
"""

import math
from array import array
from collections.abc import Mapping
from typing import Any, TypeVar

from kl_core.calendar import read_iso
from kl_query.dataset.model import Column
from kl_query.warnings.warning import Detail, Plain, Slot, Text

Json = Mapping[str, Any]
_NAMED: Mapping[type, Plain] = {
    dict: Plain("an object"),
    list: Plain("an array"),
    str: Plain("a string"),
    bool: Plain("true or false"),
    int: Plain("an integer"),
}
T = TypeVar("T")


class MalformedError(Exception):
    """A file does not have the form of its schema; the message, which is the whole of `fault`, says where and how."""

    def __init__(self, template: str, /, **slots: Slot) -> None:
        """Take what is wrong. What was read from the file goes into a slot as a `Detail`."""
        self.fault = Text(template, slots)
        super().__init__(self.fault.shown(None))


def entry(place: str) -> Detail:
    """Return a place in a file, which may be a namespace's."""
    return Detail(place, Plain("an entry"))


def typed(value: Any, kind: type[T], place: str) -> T:
    """Return a value of exactly one of the types of JSON: an object, an array, a string, a boolean or an integer."""
    if type(value) is not kind:
        raise MalformedError("{place} is not {named}", place=entry(place), named=_NAMED[kind])
    return value


def number(value: Any, place: str) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise MalformedError("{place} is not a finite number", place=entry(place))
    return float(value)


def member(values: Json, key: str, place: str) -> Any:
    """Return a required member of an object."""
    if key not in values:
        raise MalformedError("{place} lacks {key}", place=entry(place), key=Plain(repr(key)))
    return values[key]


def given(document: Json, key: str, kind: type[T]) -> T:
    """Return a required member of a file's object."""
    return typed(member(document, key, "the file"), kind, key)


def one_of(value: Any, allowed: Mapping[str, T], place: str) -> T:
    """Return what a word stands for."""
    word = typed(value, str, place)
    if word not in allowed:
        raise MalformedError(
            "{place} is {word}, not one of {allowed}",
            place=entry(place),
            word=Detail(repr(word[:40]), Plain("another word")),
            allowed=Plain(", ".join(allowed)),
        )
    return allowed[word]


def moment(value: Any, place: str) -> int:
    """Return an instant such as `2026-11-21T14:00:00Z` in UNIX seconds."""
    written = typed(value, str, place)
    try:
        return read_iso(written)
    except ValueError:
        raise MalformedError(
            "{place} is {written}, not an instant like 2026-11-21T14:00:00Z",
            place=entry(place),
            written=Detail(repr(written[:40]), Plain("something else")),
        ) from None


def moment_or_none(value: Any, place: str) -> int | None:
    """Return an instant, or None for null."""
    return None if value is None else moment(value, place)


def column(value: Any, length: int, place: str) -> Column:
    """Return an array of numbers; null becomes NaN."""
    values = typed(value, list, place)
    if len(values) != length:
        raise MalformedError(
            "{place} has {count} elements for {length} buckets", place=entry(place), count=len(values), length=length
        )
    try:
        read = array("d", [math.nan if element is None else element for element in values])
    except (TypeError, OverflowError):
        raise MalformedError("{place} holds something that is neither a number nor null", place=entry(place)) from None
    if math.isinf(sum(read)) or any(map(math.isinf, read)):
        raise MalformedError("{place} holds a number that is not finite", place=entry(place))
    return read


def known_column(value: Any, length: int, place: str) -> Column:
    """Return an array of numbers without nulls, none of them negative."""
    read = column(value, length, place)
    if any(not element >= 0 for element in read):
        raise MalformedError("{place} holds a null or a negative number", place=entry(place))
    return read
