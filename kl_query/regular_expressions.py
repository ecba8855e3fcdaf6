"""The shell globs that somebody means who writes a regular expression, or several names in one text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fnmatch2 import fnmatchcase2

MAX_GLOBS = 10
"""Globs that one expression is taken apart into; of one that means more, none is told."""
_FOREIGN = re.compile(r"[\^$().|+,\s'\"]")
"""What neither a name nor a glob holds."""
_GROUP = re.compile(r"\((?:\?:)?([^()?]*)\)(?![?*+])")
_SEPARATORS = re.compile(r"[|,\s'\"]+")


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
