"""The errors for what matches no namespace: they name the nearest ones, and arguments that would be answered.

Whoever writes a regular expression, or several names in one text, means shell globs: these are told.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from fnmatch2 import fnmatchcase2

from kl_core.globs import MAX_PATTERNS
from kl_core.vocabulary import SPECIAL_ENTRIES
from kl_query.errors import NEAREST_VALUES, Correction, ToolArgumentError, nearest_values, quoted

MAX_GLOBS = 10
"""Globs that one expression is taken apart into; of one that means more, none is told."""
MAX_COMPARED_PATTERNS = 2
"""Patterns of one call that are compared with every name, which takes a tenth of a second with 2,000 long ones."""
_FOREIGN = re.compile(r"[\^$().|+,;\s'\"]")
"""What neither a name nor a glob holds."""
_GROUP = re.compile(r"\((?:\?:)?([^()?]*)\)(?![?*+])")
_SEPARATORS = re.compile(r"[|,;\s'\"]+")
LISTING = Correction({"namespace": None, "namespaces": None}, tool="list_namespaces")
"""What helps whoever named nothing that is there: the names."""
_GLOBS = " Patterns are shell globs: * stands for any text."
_SPECIAL = "The special entries are in get_usage with exclude_special=false and in get_namespace_breakdown."


def unknown_pattern(
    names: Sequence[str], patterns: Sequence[str], idle: Sequence[str], argument: str
) -> ToolArgumentError:
    """Return the error for `patterns` of which those in `idle` match none of `names`, the names that may be told."""
    special = [pattern for pattern in idle if _is_special(pattern)]
    if special:
        kept = [pattern for pattern in patterns if pattern not in idle]
        return _special_entry(special[0], argument, {argument: None, "namespaces": kept or None})
    globs = globs_of_each(idle, names)
    unclear = [pattern for pattern in globs if not globs[pattern]][:MAX_COMPARED_PATTERNS]
    near = {pattern: nearest_names(names, pattern) for pattern in unclear}
    meant = [each for pattern in patterns for each in _meant(pattern, idle, globs, near)]
    nearest = matching(names, [glob for each in globs.values() for glob in each]) or near.get(idle[0], [])
    others = f" Nor does any match {', '.join(map(quoted, idle[1:NEAREST_VALUES]))}." if idle[1:] else ""
    return ToolArgumentError(
        "unknown_namespace",
        argument,
        f"No namespace matches {quoted(idle[0])} among the {len(names)} known ones.{others}"
        + (_GLOBS if any(map(is_foreign, idle)) else ""),
        allowed="names that list_namespaces returns, or globs that match one",
        nearest=nearest,
        corrections=[*([{argument: list(dict.fromkeys(meant))[:MAX_PATTERNS]}] if meant else []), LISTING],
    )


def _meant(
    pattern: str, idle: Sequence[str], globs: Mapping[str, list[str]], near: Mapping[str, list[str]]
) -> list[str]:
    """Return a pattern that matches; of one that does not, what it means, and nothing where that is not plain."""
    if pattern not in idle:
        return [pattern]
    return globs.get(pattern) or near.get(pattern, [])[:1]


def unknown_name(names: Sequence[str], wanted: str) -> ToolArgumentError:
    """Return the error for a `namespace` that is none of `names`, the names that may be told."""
    if _is_special(wanted):
        return _special_entry(wanted, "namespace", {"namespace": None})
    globs, nearest = nearest_to(names, wanted)
    return ToolArgumentError(
        "unknown_namespace",
        "namespace",
        f"No namespace is called {quoted(wanted)} among the {len(names)} known ones.",
        allowed="a name that list_namespaces returns",
        nearest=nearest,
        corrections=[*([_as_list(globs)] if globs else [{"namespace": name} for name in nearest[:1]]), LISTING],
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
        corrections=[*([_as_list(globs)] if globs else [{"namespace": name} for name in nearest[:1]]), LISTING],
    )


def _as_list(globs: Sequence[str]) -> dict[str, list[str] | None]:
    return {"namespace": None, "namespaces": list(globs)}


def _is_special(name: str) -> bool:
    return name.strip().lower() in SPECIAL_ENTRIES


def _special_entry(name: str, argument: str, changes: Mapping[str, list[str] | None]) -> ToolArgumentError:
    """Return the error for a special entry that was asked for as if it were a namespace."""
    return ToolArgumentError(
        "unknown_namespace",
        argument,
        f"{quoted(name)} is a special entry and not a namespace.",
        allowed=f"names of namespaces. {_SPECIAL}",
        corrections=[Correction({**changes, "exclude_special": False}, tool="get_usage")],
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


def is_foreign(text: str) -> bool:
    """Say whether a text holds what no name and no glob does."""
    return _FOREIGN.search(text) is not None


def globs_meant(expression: str, names: Sequence[str]) -> list[str]:
    """Return the globs that `expression` means and that match any of `names`; none where its meaning is not plain."""
    candidates = (_candidates(alternative) for alternative in _alternatives(expression))
    return list(dict.fromkeys(glob for globs in candidates for glob in _first_to_match(globs, names)))


def globs_of_each(patterns: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """Return the globs that patterns mean; of the first ones, as many as hold no more than one call takes."""
    parts = accumulate(len(_alternatives(pattern)) for pattern in patterns[:MAX_PATTERNS])
    first = [pattern for pattern, so_far in zip(patterns, parts, strict=False) if so_far <= MAX_PATTERNS]
    return {pattern: globs_meant(pattern, names) for pattern in first}


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
    tidy = [re.sub(r"\*+", "*", glob) for glob in globs]
    return list(dict.fromkeys([*tidy, *map(str.lower, tidy)]))


def _first_to_match(globs: Sequence[str], names: Sequence[str]) -> list[str]:
    return next(([glob] for glob in globs if any(fnmatchcase2(name, glob) for name in names)), [])
