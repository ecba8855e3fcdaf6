"""The errors for what matches no namespace: they name the nearest ones, and an argument that would be answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fnmatch2 import fnmatchcase2

from kl_query.errors import NEAREST_VALUES, ToolArgumentError, nearest_values, quoted
from kl_query.regular_expressions import MAX_GLOBS, globs_meant, is_foreign

_MAX_EXAMPLE_CHARS = 150
_GLOBS = " Patterns are shell globs: * stands for any text."


def unknown_pattern(
    names: Sequence[str], patterns: Sequence[str], idle: Sequence[str], argument: str
) -> ToolArgumentError:
    """Return the error for `patterns` of which those in `idle` match none of `names`, the names that may be told."""
    globs, nearest = nearest_to(names, *idle[:NEAREST_VALUES])
    kept = [pattern for pattern in patterns if pattern not in idle and "," not in pattern]
    others = f" Nor does any match {', '.join(map(quoted, idle[1:NEAREST_VALUES]))}." if idle[1:] else ""
    return ToolArgumentError(
        "unknown_namespace",
        argument,
        f"No namespace matches {quoted(idle[0])} among the {len(names)} known ones.{others}"
        + (_GLOBS if any(map(is_foreign, idle)) else ""),
        allowed="names that list_namespaces returns, or globs that match one",
        nearest=nearest,
        example=example(argument, [*(globs or nearest[:1]), *kept[:MAX_GLOBS]] or names[:1]),
    )


def unknown_name(names: Sequence[str], wanted: str) -> ToolArgumentError:
    """Return the error for a `namespace` that is none of `names`, the names that may be told."""
    globs, nearest = nearest_to(names, wanted)
    return ToolArgumentError(
        "unknown_namespace",
        "namespace",
        f"No namespace is called {quoted(wanted)} among the {len(names)} known ones.",
        allowed="a name that list_namespaces returns",
        nearest=nearest,
        example=example("namespaces", globs) or example("namespace", (nearest or names)[:1]),
    )


def pattern_as_name(names: Sequence[str], wanted: str) -> ToolArgumentError:
    """Return the error for a `namespace` that is a pattern; `names` are those that may be told."""
    matched = [] if is_foreign(wanted) else matching(names, [wanted])
    globs, nearest = ([wanted], matched) if matched else nearest_to(names, wanted)
    return ToolArgumentError(
        "invalid_namespace",
        "namespace",
        f"namespace takes one exact name; for the pattern {quoted(wanted)} use namespaces.",
        allowed="an exact namespace name",
        nearest=nearest,
        example=example("namespaces", globs or (nearest or names)[:1] or [wanted]),
    )


def nearest_to(names: Sequence[str], *wanted: str) -> tuple[list[str], list[str]]:
    """Return the globs that were meant, none where that is not plain, and at most five names that come nearest."""
    globs = globs_meant("|".join(filter(is_foreign, wanted)), names)
    return globs, (matching(names, globs) if globs else nearest_names(names, wanted[0]))[:NEAREST_VALUES]


def nearest_names(names: Sequence[str], wanted: str) -> list[str]:
    """Return at most five of `names`: those that contain what was asked for, then those that look most like it."""
    part = wanted.strip("*").lower()
    containing = [name for name in names if part and part in name]
    return list(dict.fromkeys([*containing, *nearest_values(wanted, names)]))[:NEAREST_VALUES]


def matching(names: Iterable[str], globs: Sequence[str]) -> list[str]:
    """Return the names that match any of the globs."""
    return [name for name in names if any(fnmatchcase2(name, glob) for glob in globs)]


def example(argument: str, values: Sequence[str]) -> str | None:
    """Return an argument that takes as many of the values as an error has room for; None where there is none."""
    kept: list[str] = []
    for value in values:
        if len(",".join([*kept, value])) <= _MAX_EXAMPLE_CHARS:
            kept.append(value)
    return f"{argument}={','.join(kept)}" if kept else None
