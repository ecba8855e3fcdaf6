"""Turns one parsed scale file into a `Scale`. Structure is checked so strictly that no query can stumble over it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeAlias, TypeVar

from kl_core.calendar import bucket_start, iso, next_bucket
from kl_core.vocabulary import METRICS, SOURCES, SPECIAL_ENTRIES, ScaleName, Special
from kl_query.dataset.fields import (
    Json,
    MalformedError,
    column,
    given,
    known_column,
    member,
    moment,
    typed,
)
from kl_query.dataset.model import Amounts, Column, Row, Scale
from kl_query.warnings.warning import Detail, Plain

Name = TypeVar("Name", bound=str)
Read: TypeAlias = Callable[[Any, int, str], Column]


def read_scale(document: Json, name: ScaleName, file: str, names: Collection[str]) -> Scale:
    """Return the scale of a parsed file. Raises MalformedError; `names` is the manifest's namespace table."""
    if given(document, "scale", str) != name:
        raise MalformedError(
            "it holds the scale {scale}", scale=Detail(repr(document["scale"]), Plain("of another name"))
        )
    starts = [moment(start, "buckets") for start in given(document, "buckets", list)]
    ends = [_end(name, start) for start in starts]
    if starts[1:] != ends[:-1]:
        raise MalformedError("its buckets leave holes or overlap")
    length = len(starts)
    complete = [typed(value, bool, "complete") for value in given(document, "complete", list)]
    if len(complete) != length or not all(complete[:-1]):
        raise MalformedError("complete must be true for every bucket but the last")
    namespaces = given(document, "namespaces", dict)
    strangers = [namespace for namespace in namespaces if namespace not in names]
    if strangers:
        raise MalformedError(
            "it names a namespace the manifest does not know: {name}",
            name=Detail(repr(strangers[0][:63]), Plain("one that cannot be named to you")),
        )
    coverage = given(document, "coverage", dict)
    for required in ("capacity", "allocatable", "bill"):
        member(document, required, "the file")
    return Scale(
        name=name,
        file=file,
        starts=tuple(starts),
        ends=tuple(ends),
        complete=tuple(complete),
        elapsed_hours=known_column(member(document, "elapsed_hours", "the file"), length, "elapsed_hours"),
        observed_hours=known_column(member(document, "observed_hours", "the file"), length, "observed_hours"),
        coverage={source: column(coverage.get(source), length, f"coverage.{source}") for source in SOURCES},
        capacity=_columns(document, "capacity", METRICS, length),
        allocatable=_columns(document, "allocatable", METRICS, length),
        bill=_columns(document, "bill", METRICS, length),
        namespaces={key: _row(value, length, key, _amounts) for key, value in namespaces.items()},
        special=_special(given(document, "special", dict), length),
        measured={
            key: column(value["coverage"], length, f"{key}.coverage")
            for key, value in namespaces.items()
            if "coverage" in value
        },
        pods_coverage=_optional(document, "pods_coverage", length, "the file"),
        expected_hours=_columns(document, "expected_hours", SOURCES, length, known_column),
        silent_hours=_columns(document, "silent_hours", SOURCES, length, known_column),
        priced_hours=_optional(document, "priced_hours", length, "the file", known_column),
        capacity_hours=_columns(document, "capacity_hours", METRICS, length, known_column),
    )


def _end(scale: ScaleName, start: int) -> int:
    """Return where a bucket ends; raises MalformedError for a start that is none of this scale."""
    if start != bucket_start(scale, start):
        raise MalformedError("{begins} starts no bucket of {scale}", begins=Plain(iso(start)), scale=Plain(scale))
    return next_bucket(scale, start)


def _row(value: Any, length: int, place: str, read: Callable[[Json, int, str], Amounts]) -> Row:
    row = typed(value, dict, place)
    return {
        metric: read(typed(row[metric], dict, f"{place}.{metric}"), length, f"{place}.{metric}")
        for metric in METRICS
        if metric in row
    }


def _amounts(values: Json, length: int, place: str) -> Amounts:
    return Amounts(
        usage=column(member(values, "usage", place), length, f"{place}.usage"),
        requests=column(member(values, "requests", place), length, f"{place}.requests"),
        requests_matched=_optional(values, "requests_matched", length, place),
        cost=_optional(values, "cost", length, place),
        usage_matched=_optional(values, "usage_matched", length, place),
        matched_hours=_optional(values, "matched_hours", length, place, known_column),
        usage_hours=_optional(values, "usage_hours", length, place),
        cost_hours=_optional(values, "cost_hours", length, place, known_column),
    )


def _special_amounts(values: Json, length: int, place: str) -> Amounts:
    return Amounts(
        usage=column(member(values, "usage", place), length, f"{place}.usage"),
        requests=_optional(values, "requests", length, place),
        cost=_optional(values, "cost", length, place),
    )


def _optional(values: Json, key: str, length: int, place: str, read: Read = column) -> Column | None:
    return read(values[key], length, f"{place}.{key}") if key in values else None


def _columns(document: Json, key: str, names: Sequence[Name], length: int, read: Read = column) -> dict[Name, Column]:
    values = typed(document.get(key, {}), dict, key)
    return {name: read(values[name], length, f"{key}.{name}") for name in names if name in values}


def _special(values: Json, length: int) -> dict[Special, Row]:
    for required in ("non-allocatable", "idle"):
        member(values, required, "special")
    return {
        entry: _row(values[entry], length, f"special.{entry}", _special_amounts)
        for entry in SPECIAL_ENTRIES
        if entry in values
    }
