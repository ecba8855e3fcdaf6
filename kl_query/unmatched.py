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


def unknown_pattern(
    names: Sequence[str], patterns: Sequence[str], idle: Sequence[str], argument: str
) -> ToolArgumentError:
    """Return the error for `patterns` of which those in `idle` match none of `names`, the names that may be told."""
    special = next(filter(_is_special, idle), None)
    if special is not None:
        kept = [pattern for pattern in patterns if pattern not in idle]
        return _special_entry(special, argument, {argument: None, "namespaces": kept or None})
    globs = globs_of_each(idle, names)
    unclear = [pattern for pattern in globs if not globs[pattern]][:MAX_COMPARED_PATTERNS]
    near = {pattern: nearest_names(names, pattern) for pattern in unclear}
    plain = {pattern: globs.get(pattern) or near.get(pattern, [])[:1] for pattern in idle}
    meant = list(dict.fromkeys(each for pattern in patterns for each in plain.get(pattern, [pattern])))
    others = f" Nor does any match {', '.join(map(quoted, idle[1:NEAREST_VALUES]))}." if idle[1:] else ""
    taught = " Patterns are shell globs: * stands for any text." if any(map(_FOREIGN.search, idle)) else ""
    return ToolArgumentError(
        "unknown_namespace",
        argument,
        f"No namespace matches {quoted(idle[0])} among the {len(names)} known ones.{others}{taught}",
        allowed="names that list_namespaces returns, or globs that match one",
        nearest=matching(names, [glob for each in globs.values() for glob in each]) or near.get(idle[0], []),
        corrections=[*([{argument: meant[:MAX_PATTERNS]}] if meant else []), LISTING],
    )


def unknown_name(names: Sequence[str], wanted: str) -> ToolArgumentError:
    """Return the error for a `namespace` that is a pattern, or none of `names`, the names that may be told."""
    if _is_special(wanted):
        return _special_entry(wanted, "namespace", {"namespace": None})
    globs = globs_meant(wanted, names) if _FOREIGN.search(wanted) else [wanted] if matching(names, [wanted]) else []
    nearest = matching(names, globs) if globs else nearest_names(names, wanted)
    changes = [{"namespace": None, "namespaces": globs}] if globs else [{"namespace": name} for name in nearest[:1]]
    pattern = is_glob(wanted)
    return ToolArgumentError(
        "invalid_namespace" if pattern else "unknown_namespace",
        "namespace",
        f"namespace takes one exact name; for the pattern {quoted(wanted)} use namespaces."
        if pattern
        else f"No namespace is called {quoted(wanted)} among the {len(names)} known ones.",
        allowed="an exact namespace name" if pattern else "a name that list_namespaces returns",
        nearest=nearest,
        corrections=[*changes, LISTING],
    )


def _is_special(name: str) -> bool:
    return name.strip().lower() in SPECIAL_ENTRIES


def _special_entry(name: str, argument: str, changes: Mapping[str, list[str] | None]) -> ToolArgumentError:
    """Return the error for a special entry that was asked for as if it were a namespace."""
    return ToolArgumentError(
        "unknown_namespace",
        argument,
        f"{quoted(name)} is a special entry and not a namespace.",
        allowed="names of namespaces. The special entries are in get_usage with exclude_special=false and in "
        "get_namespace_breakdown.",
        corrections=[Correction({**changes, "exclude_special": False}, tool="get_usage")],
    )


def nearest_names(names: Sequence[str], wanted: str) -> list[str]:
    """Return at most five of `names`: those that contain what was asked for, then those that look most like it."""
    part = wanted.strip("*").lower()
    containing = [name for name in names if part and part in name]
    return list(dict.fromkeys([*containing, *nearest_values(wanted, names)]))[:NEAREST_VALUES]


def matching(names: Iterable[str], globs: Sequence[str]) -> list[str]:
    """Return the names that match any of the globs."""
    return [name for name in names if any(fnmatchcase2(name, glob) for glob in globs)]


def is_glob(text: str) -> bool:
    """Say whether a text holds any character that globs interpret."""
    return any(character in text for character in "*?[")


def globs_meant(expression: str, names: Sequence[str]) -> list[str]:
    """Return the globs that `expression` means and that match any of `names`; none where its meaning is not plain."""
    candidates = (_candidates(alternative) for alternative in _alternatives(expression))
    first = (
        next((glob for glob in globs if any(fnmatchcase2(name, glob) for name in names)), "") for globs in candidates
    )
    return list(dict.fromkeys(filter(None, first)))


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
    before, *group = _GROUP.split(text, maxsplit=1)
    return [before + choice + group[1] for choice in group[0].split("|")] if group else [text]


def _candidates(alternative: str) -> list[str]:
    """Return the glob that an expression without alternatives is, and looser ones where it is not anchored."""
    before, after = "" if alternative.startswith("^") else "*", "" if alternative.endswith("$") else "*"
    body = alternative.removeprefix("^").removesuffix("$").replace("[^", "[!")
    body = re.sub(r"\.[*+]", "*", body).replace("]+", "]*").replace(".", "?")
    if not body or _FOREIGN.search(body):
        return []
    loose = [body, body + ("*" if body.endswith("-") else "-*")]
    tidy = [re.sub(r"\*+", "*", glob) for glob in (loose if before and after else [before + body + after])]
    return list(dict.fromkeys([*tidy, *map(str.lower, tidy)]))
