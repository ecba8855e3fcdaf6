"""Typed reads from parsed JSON.

Every failure names the place, so that a damaged file can be reported in one sentence.
"""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, TypeVar, cast

import msgspec
import numpy as np
import orjson

from kl_core.calendar import read_iso
from kl_core.vocabulary import SCHEMA_VERSION
from kl_query.dataset.table import Column
from kl_query.warnings.warning import Detail, Plain, Slot, Text

Json = Mapping[str, Any]
_NAMED: Mapping[type, Plain] = {
    dict: Plain("an object"),
    list: Plain("an array"),
    str: Plain("a string"),
    bool: Plain("true or false"),
    int: Plain("an integer"),
}
MAX_AMOUNT = 1e290
"""More than this nothing can use; sums of more than a hundred million are still numbers."""
K = TypeVar("K", bound=str)
T = TypeVar("T")
ReadValue: TypeAlias = Callable[[Any, str], T]
"""Returns what a value at a place of a file stands for. Raises MalformedError."""
JsonKind: TypeAlias = type[T] | ReadValue[T]
"""One of the types of JSON, an object, an array, a string, a boolean or an integer; or a reader."""


class MalformedError(Exception):
    """A file does not have the form of its schema; the message, which is the whole of `fault`, says where and how."""

    def __init__(self, template: str, /, *, place: str | None = None, **slots: Slot) -> None:
        """Take what is wrong, and where, which may be a namespace's. What was read goes into a slot as a `Detail`."""
        self.fault = Text(template, slots if place is None else {"place": Detail(place, Plain("an entry")), **slots})
        super().__init__(self.fault.shown(None))


def parsed(content: bytes | memoryview | msgspec.Raw) -> Any:
    """Return what JSON says. Raises MalformedError."""
    try:
        return orjson.loads(memoryview(content))
    except orjson.JSONDecodeError as error:
        raise unread(error) from None


def unread(error: Exception) -> MalformedError:
    """Return the error for what a decoder refused."""
    return MalformedError("{error}", error=Detail(str(error), Plain("it is not JSON")))


def read(value: Any, kind: JsonKind[T], place: str) -> T:
    """Return a value of exactly one of the types of JSON, or what a reader makes of it."""
    if not isinstance(kind, type):
        return kind(value, place)
    if type(value) is not kind:
        raise MalformedError("{place} is not {named}", place=place, named=_NAMED[kind])
    return cast("T", value)


def member(values: Json, key: str, place: str = "the file") -> Any:
    """Return a required member of an object."""
    if key not in values:
        raise MalformedError("{place} lacks {key}", place=place, key=Plain(repr(key)))
    return values[key]


def given(values: Json, key: str, kind: JsonKind[T], place: str = "") -> T:
    """Return what a required member stands for, of the object at a place; without one, of a file's object."""
    return read(member(values, key, place or "the file"), kind, f"{place}.{key}" if place else key)


def or_none(kind: JsonKind[T]) -> ReadValue[T | None]:
    """Return a reader to which null is None."""
    return lambda value, place: None if value is None else read(value, kind, place)


def array_of(kind: JsonKind[T]) -> ReadValue[tuple[T, ...]]:
    """Return a reader of an array; its elements go by the place of the whole."""
    return lambda value, place: tuple(read(each, kind, place) for each in read(value, list, place))


def those_of(kinds: Mapping[K, JsonKind[T]], required: Collection[str] = ()) -> ReadValue[dict[K, T]]:
    """Return a reader of an object's members; those that are not required may be absent."""
    return lambda value, place: {
        key: given(value, key, kind, place)
        for key, kind in kinds.items()
        if key in read(value, dict, place) or key in required
    }


def record(make: Callable[..., T], /, **kinds: JsonKind[Any]) -> ReadValue[T]:
    """Return a reader of an object with these members; one that is absent is read as null."""

    def read_record(value: Any, place: str) -> T:
        get = read(value, dict, place).get
        return make(**{key: read(get(key), kind, f"{place}.{key}") for key, kind in kinds.items()})

    return read_record


def named(kind: JsonKind[T]) -> ReadValue[T]:
    """Return a reader of an object that is called by its name in what is said of its members."""
    return lambda value, place: read(value, kind, read(read(value, dict, place).get("name"), str, f"{place}.name"))


def number(value: Any, place: str) -> float:
    """Return a finite number."""
    if type(value) not in (int, float) or not math.isfinite(value):
        raise MalformedError("{place} is not a finite number", place=place)
    return float(value)


def one_of(value: Any, place: str, *, allowed: Mapping[str, T]) -> T:
    """Return what a word stands for."""
    word = read(value, str, place)
    if word not in allowed:
        raise MalformedError(
            "{place} is {word}, not one of {allowed}",
            place=place,
            word=Detail(repr(word[:40]), Plain("another word")),
            allowed=Plain(", ".join(allowed)),
        )
    return allowed[word]


def moment(value: Any, place: str) -> int:
    """Return an instant such as `2026-11-21T14:00:00Z` in UNIX seconds."""
    written = read(value, str, place)
    try:
        return read_iso(written)
    except ValueError:
        raise MalformedError(
            "{place} is {written}, not an instant like 2026-11-21T14:00:00Z",
            place=place,
            written=Detail(repr(written[:40]), Plain("something else")),
        ) from None


def column(value: Any, place: str, *, length: int, known: bool = False) -> Column:
    """Return an array of numbers; null becomes NaN. One that is `known` has no nulls, and no negative numbers."""
    values = read(value, list, place)
    if len(values) != length:
        raise MalformedError(
            "{place} has {count} elements for {length} buckets", place=place, count=len(values), length=length
        )
    if not all(element is None or type(element) in (float, int) for element in values):
        raise MalformedError("{place} holds something that is neither a number nor null", place=place)
    numbers = np.array(values, dtype=np.float64)
    if overflows(numbers):
        raise MalformedError("{place} holds a number that is not finite", place=place)
    if known and not (numbers >= 0).all():
        raise MalformedError("{place} holds a null or a negative number", place=place)
    return numbers


def overflows(columns: Column) -> bool:
    """Say whether any number is not finite, or so large that a sum of many may not be."""
    return bool(
        max(np.fmax.reduce(columns, None, initial=0.0), -np.fmin.reduce(columns, None, initial=0.0)) > MAX_AMOUNT
    )


def check_version(document: Json) -> None:
    """Raise MalformedError unless a file is of the schema version this server reads."""
    version = given(document, "schema_version", int)
    if version != SCHEMA_VERSION:
        raise MalformedError(
            "its schema_version is {version}, newer than the {read} this kl-mcp reads: upgrade kl-mcp"
            if version > SCHEMA_VERSION
            else "its schema_version is {version}, not {read}",
            version=version,
            read=SCHEMA_VERSION,
        )
