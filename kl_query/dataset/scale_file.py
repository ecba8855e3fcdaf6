"""Turns one scale file into a `Scale`. Structure is checked so strictly that no query can stumble over it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from struct import error as StructError  # noqa: N812 -- the module calls it `error`
from time import sleep
from typing import Any

import msgspec
from msgspec.structs import asdict

from kl_core.calendar import bucket_start, iso, next_bucket
from kl_core.vocabulary import METRICS, SOURCES, SPECIAL_ENTRIES, ScaleName
from kl_query.dataset.blocks import Blocks, table
from kl_query.dataset.fields import (
    MalformedError,
    array_of,
    check_version,
    column,
    given,
    moment,
    overflows,
    parsed,
    read,
    those_of,
    unread,
)
from kl_query.dataset.model import Scale
from kl_query.dataset.table import COLUMNS, Amounts, Column, Table
from kl_query.warnings.warning import Detail, Plain, RowId

_Amounts = msgspec.defstruct(
    "_Amounts",
    [("usage", list[float]), ("requests", list[float]), *((name, list[float] | None, None) for name in COLUMNS[2:])],
    gc=False,
)
_Namespace = msgspec.defstruct(
    "_Namespace",
    [*((metric, _Amounts | None, None) for metric in METRICS), ("coverage", list[float] | None, None)],
    gc=False,
)
_MEMBERS = (
    *("schema_version", "scale", "buckets", "complete", "elapsed_hours", "observed_hours", "coverage", "capacity"),
    *("allocatable", "bill", "special", "pods_coverage", "expected_hours", "silent_hours", "priced_hours"),
    "capacity_hours",
)
_File = msgspec.defstruct(
    "_File", [("namespaces", dict[str, msgspec.Raw]), *((key, Any, msgspec.UNSET) for key in _MEMBERS)]
)
_FILE, _ROW = msgspec.json.Decoder(_File), msgspec.json.Decoder(_Namespace)
_NULL = b"-9e9"
"""What is read for `null` in rows, whose amounts are never negative: numbers alone are read twice as fast."""
_ROWS_AT_ONCE = 16
_NEVER_NEGATIVE = ("matched_hours", "cost_hours")


def read_scale(content: memoryview, name: ScaleName, file: str, names: Collection[str] | None) -> Scale:
    """Return the scale of a file's content. Raises MalformedError.

    `names` is the manifest's namespace table; None where that need not name them all. Rows are read one after the
    other, or the numbers of thousands as objects would take ten times the memory.
    """
    try:
        document = {key: value for key, value in asdict(_FILE.decode(content)).items() if value is not msgspec.UNSET}
    except (msgspec.DecodeError, RecursionError) as error:
        everything = read(parsed(content), dict, "the file")
        check_version(everything)
        given(everything, "namespaces", dict)
        raise unread(error) from None
    check_version(document)
    if given(document, "scale", str) != name:
        raise MalformedError(
            "it holds the scale {scale}", scale=Detail(repr(document["scale"]), Plain("of another name"))
        )
    starts = given(document, "buckets", array_of(moment))
    odd = next((start for start in starts if start != bucket_start(name, start)), None)
    if odd is not None:
        raise MalformedError("{begins} starts no bucket of {scale}", begins=Plain(iso(odd)), scale=Plain(name))
    ends = tuple(next_bucket(name, start) for start in starts)
    if starts[1:] != ends[:-1]:
        raise MalformedError("its buckets leave holes or overlap")
    complete = given(document, "complete", array_of(bool))
    if len(complete) != len(starts) or not all(complete[:-1]):
        raise MalformedError("complete must be true for every bucket but the last")
    known_names = document["namespaces"] if names is None else names
    stranger = next((namespace for namespace in document["namespaces"] if namespace not in known_names), None)
    if stranger is not None:
        raise MalformedError(
            "it names a namespace the manifest does not know: {name}",
            name=Detail(repr(stranger[:63]), Plain("one that cannot be named to you")),
        )
    some, known = (partial(column, length=len(starts), known=each) for each in (False, True))
    coverage = given(document, "coverage", dict)
    of_metrics, known_of_sources = those_of(dict.fromkeys(METRICS, some)), those_of(dict.fromkeys(SOURCES, known))
    more = those_of({"pods_coverage": some, "priced_hours": known})(document, "the file")
    scale = Scale(
        name=name,
        file=file,
        starts=starts,
        ends=ends,
        complete=complete,
        elapsed_hours=given(document, "elapsed_hours", known),
        observed_hours=given(document, "observed_hours", known),
        coverage={source: some(coverage.get(source), f"coverage.{source}") for source in SOURCES},
        capacity=given(document, "capacity", of_metrics),
        allocatable=given(document, "allocatable", of_metrics),
        bill=given(document, "bill", of_metrics),
        namespaces=Table(),
        special=Table(),
        pods_coverage=more.get("pods_coverage"),
        expected_hours=read(document.get("expected_hours", {}), known_of_sources, "expected_hours"),
        silent_hours=read(document.get("silent_hours", {}), known_of_sources, "silent_hours"),
        priced_hours=more.get("priced_hours"),
        capacity_hours=read(
            document.get("capacity_hours", {}), those_of(dict.fromkeys(METRICS, known)), "capacity_hours"
        ),
    )
    row = those_of(dict.fromkeys(METRICS, those_of(dict.fromkeys(("usage", "requests", "cost"), some), ["usage"])))
    entries = given(document, "special", those_of(dict.fromkeys(SPECIAL_ENTRIES, row), ["non-allocatable", "idle"]))
    special = {
        entry: {m: Amounts(a["usage"], a.get("requests"), cost=a.get("cost")) for m, a in each.items()}
        for entry, each in entries.items()
    }
    try:
        return _with_rows(replace(scale, special=table(scale, special)), document["namespaces"])
    except (msgspec.DecodeError, StructError) as error:
        amounts = those_of({**dict.fromkeys(COLUMNS, some), **dict.fromkeys(_NEVER_NEGATIVE, known)}, COLUMNS[:2])
        namespace = those_of({**dict.fromkeys(METRICS, amounts), "coverage": some})
        for key, value in document["namespaces"].items():
            namespace(parsed(value), key)
        raise unread(error) from None


def _with_rows(scale: Scale, namespaces: Mapping[str, msgspec.Raw]) -> Scale:
    """Return a scale with its rows. Raises DecodeError or struct.error where one is not what it has to be."""
    measured: dict[RowId, Column] = {}
    blocks = Blocks([*namespaces], len(scale.starts), unknown=float(_NULL))
    for number, (name, raw) in enumerate(namespaces.items()):
        if number % _ROWS_AT_ONCE == 0:
            sleep(0)  # whoever is answered meanwhile waits for these rows, not for the interpreter to change threads
        row = asdict(_ROW.decode(bytes(raw).replace(b"null", _NULL)))
        for metric in METRICS:
            if row[metric] is not None:
                blocks.add(number, metric, asdict(row[metric]))
        if row["coverage"] is not None:
            measured[name] = column(parsed(raw)["coverage"], f"{name}.coverage", length=len(scale.starts))
    rows = blocks.completed(scale)
    matrices = [(key, getattr(block.amounts, key)) for block in rows.blocks.values() for key in COLUMNS]
    for key, matrix in matrices:
        if matrix is not None and (overflows(matrix) or (key in _NEVER_NEGATIVE and not (matrix >= 0).all())):
            raise StructError(key)
    return replace(scale, namespaces=rows, measured=measured)
