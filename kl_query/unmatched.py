"""The errors for what matches no namespace: they name the nearest ones, and an argument that would be answered.

Whoever writes a regular expression, or several names in one text, means shell globs: these are told.
"""

import re
from collections.abc import Iterable, Sequence

from fnmatch2 import fnmatchcase2

from kl_query.errors import NEAREST_VALUES, ToolArgumentError, nearest_values, quoted

MAX_GLOBS = 10
"""Globs that one expression is taken apart into; of one that means more, none is told."""
_FOREIGN = re.compile(r"[\^$().|+,\s'\"]")
"""What neither a name nor a glob holds."""
_GROUP = re.compile(r"\((?:\?:)?([^()?]*)\)(?![?*+])")
_SEPARATORS = re.compile(r"[|,\s'\"]+")
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


def is_foreign(text: str) -> bool:
    """Say whether a text holds what no name and no glob does."""
    return _FOREIGN.search(text) is not None


def globs_meant(expression: str, names: Sequence[str]) -> list[str]:
    """Return the globs that `expression` means and that match any of `names`; none where its meaning is not plain."""
    candidates = (_candidates(alternative) for alternative in _alternatives(expression))
    return list(dict.fromkeys(glob for globs in candidates for glob in _first_to_match(globs, names)))


def _alternatives(expression: str) -> list[str]:
    """Return `ac`, `bc` and `d` of `(a|b)c|d`; nothing where they are too many, or a group is left."""
    texts = [expression]
    while len(texts) <= MAX_GLOBS and _GROUP.search(texts[0]):
        texts = [each for text in texts for each in _without_group(text)]
    if len(texts) > MAX_GLOBS or "(" in texts[0] or ")" in texts[0]:
        return []
    parts = list(dict.fromkeys(part for text in texts for part in _SEPARATORS.split(text) if part))
    return parts if len(parts) <= MAX_GLOBS else []


def _without_group(text: str) -> list[str]:
    """Return the text with each of the alternatives in its first group instead of the group."""
    group = _GROUP.search(text)
    if group is None:
        return [text]
    return [text[: group.start()] + choice + text[group.end() :] for choice in group[1].split("|")]


def _candidates(alternative: str) -> list[str]:
    """Return the glob that an expression without alternatives is, and looser ones where it is not anchored."""
    from_start, to_end = alternative.startswith("^"), alternative.endswith("$")
    body = alternative.removeprefix("^").removesuffix("$").replace("[^", "[!")
    body = re.sub(r"\.[*+]", "*", body).replace("]+", "]*").replace(".", "?")
    if not body or is_foreign(body):
        return []
    if from_start or to_end:
        globs = [("" if from_start else "*") + body + ("" if to_end else "*")]
    else:
        globs = [body, body + ("*" if body.endswith("-") else "-*")]
    return [re.sub(r"\*+", "*", glob) for glob in globs]


def _first_to_match(globs: Sequence[str], names: Sequence[str]) -> list[str]:
    return next(([glob] for glob in globs if any(fnmatchcase2(name, glob) for name in names)), [])
