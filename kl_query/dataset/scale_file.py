"""Turns one parsed scale file into a `Scale`. Structure is checked so strictly that no query can stumble over it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from kl_core.calendar import bucket_start, iso, next_bucket
from kl_core.vocabulary import METRICS, SOURCES, SPECIAL_ENTRIES, Metric, ScaleName, Special
from kl_query.dataset.fields import (
    Json,
    MalformedError,
    column,
    flag,
    known_column,
    listing,
    mapping,
    member,
    moment,
    string,
)
from kl_query.dataset.model import Amounts, Column, Row, Scale
from kl_query.warnings.warning import Detail, Plain

Name = TypeVar("Name", bound=str)


def read_scale(document: Json, name: ScaleName, file: str, names: Collection[str]) -> Scale:
    """Return the scale of a parsed file. Raises MalformedError; `names` is the manifest's namespace table."""
    if string(member(document, "scale", "the file"), "scale") != name:
        raise MalformedError(
            "it holds the scale {scale}", scale=Detail(repr(document["scale"]), Plain("of another name"))
        )
    starts = [moment(start, "buckets") for start in listing(member(document, "buckets", "the file"), "buckets")]
    ends = [_end(name, start) for start in starts]
    if starts[1:] != ends[:-1]:
        raise MalformedError("its buckets leave holes or overlap")
    length = len(starts)
    complete = [flag(value, "complete") for value in listing(member(document, "complete", "the file"), "complete")]
    if len(complete) != length or not all(complete[:-1]):
        raise MalformedError("complete must be true for every bucket but the last")
    namespaces = mapping(member(document, "namespaces", "the file"), "namespaces")
    strangers = [namespace for namespace in namespaces if namespace not in names]
    if strangers:
        raise MalformedError(
            "it names a namespace the manifest does not know: {name}",
            name=Detail(repr(strangers[0][:63]), Plain("one that cannot be named to you")),
        )
    coverage = mapping(member(document, "coverage", "the file"), "coverage")
    return Scale(
        name=name,
        file=file,
        starts=tuple(starts),
        ends=tuple(ends),
        complete=tuple(complete),
        elapsed_hours=known_column(member(document, "elapsed_hours", "the file"), length, "elapsed_hours"),
        observed_hours=known_column(member(document, "observed_hours", "the file"), length, "observed_hours"),
        coverage={source: column(coverage.get(source), length, f"coverage.{source}") for source in SOURCES},
        capacity=_per_metric(document, "capacity", length),
        allocatable=_per_metric(document, "allocatable", length),
        bill=_per_metric(document, "bill", length),
        namespaces={key: _row(value, length, key, _amounts) for key, value in namespaces.items()},
        special=_special(mapping(member(document, "special", "the file"), "special"), length),
        measured={
            key: column(value["coverage"], length, f"{key}.coverage")
            for key, value in namespaces.items()
            if "coverage" in value
        },
        pods_coverage=_optional(document, "pods_coverage", length, "the file"),
        expected_hours=_hours_of(document, "expected_hours", SOURCES, length),
        silent_hours=_hours_of(document, "silent_hours", SOURCES, length),
        priced_hours=_optional(document, "priced_hours", length, "the file", known_column),
        capacity_hours=_hours_of(document, "capacity_hours", METRICS, length),
    )


def _end(scale: ScaleName, start: int) -> int:
    """Return where a bucket ends; raises MalformedError for a start that is none of this scale."""
    if start != bucket_start(scale, start):
        raise MalformedError("{begins} starts no bucket of {scale}", begins=Plain(iso(start)), scale=Plain(scale))
    return next_bucket(scale, start)


def _per_metric(document: Json, key: str, length: int) -> dict[Metric, Column]:
    values = mapping(member(document, key, "the file"), key)
    return {metric: column(values[metric], length, f"{key}.{metric}") for metric in METRICS if metric in values}


def _row(value: Any, length: int, place: str, read: Callable[[Json, int, str], Amounts]) -> Row:
    row = mapping(value, place)
    return {
        metric: read(mapping(row[metric], f"{place}.{metric}"), length, f"{place}.{metric}")
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


def _optional(
    values: Json, key: str, length: int, place: str, read: Callable[[Any, int, str], Column] = column
) -> Column | None:
    return read(values[key], length, f"{place}.{key}") if key in values else None


def _hours_of(document: Json, key: str, names: Sequence[Name], length: int) -> dict[Name, Column]:
    columns = mapping(document.get(key, {}), key)
    return {name: known_column(columns[name], length, f"{key}.{name}") for name in names if name in columns}


def _special(values: Json, length: int) -> dict[Special, Row]:
    rows: dict[Special, Row] = {}
    for entry in SPECIAL_ENTRIES:
        if entry in values:
            rows[entry] = _row(values[entry], length, f"special.{entry}", _special_amounts)
        elif entry in {"non-allocatable", "idle"}:
            raise MalformedError("special lacks {entry}", entry=Plain(repr(entry)))
    return rows
