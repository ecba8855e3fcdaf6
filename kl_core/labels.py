"""Kubernetes label selectors, equality-based and set-based, with the meaning they have for the API server.

`a!=b` and `a notin (b)` match where the label is absent too. A value may be empty (`a=`, `a in (b,)`), a set may not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

FORMS = "a=b, a==b, a!=b, a in (b,c), a notin (b,c), a or !a, joined by commas"

_MAX_NAME_CHARS, _MAX_PREFIX_CHARS = 63, 253
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WORD = r"[^\s=!,()<>]+"
_REQUIREMENT = re.compile(
    rf"\s*(?:!\s*(?P<absent>{_WORD})|(?P<key>{_WORD})"
    rf"(?:\s*(?P<equality>==|=|!=)\s*(?P<value>{_WORD}|)|\s+(?P<membership>in|notin)\s*\((?P<set>[^()]*)\))?)\s*(?:,|\Z)"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is asked of one label: to be there with one of `values` (None: any), or, `negated`, not to be."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether the labels of an object meet it."""
        met = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return met is not self.negated


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements that an object's labels must all meet; without any, every object is matched."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether the labels of an object meet all requirements."""
        return all(each.matches(labels) for each in self.requirements)


def parse_selector(text: str) -> LabelSelector:
    """Return a selector as `kubectl -l` takes it; `ValueError` names the text, what is wrong, and what is allowed."""
    requirements: list[Requirement] = []
    position, ended = 0, not text.strip()
    while not ended:
        match = _REQUIREMENT.match(text, position)
        if match is None:
            raise _refused(text, f"it cannot be read from {text[position:].strip()!r} on")
        requirements.append(_requirement(text, match))
        position, ended = match.end(), not match[0].endswith(",")
    return LabelSelector(tuple(requirements))


def _requirement(text: str, match: re.Match[str]) -> Requirement:
    key = match["absent"] or match["key"]
    if not _is_key(key):
        raise _refused(text, f"{key!r} is no key of a label")
    values = _values(match)
    for value in values or ():
        if value and not _is_name(value):
            raise _refused(text, f"{value!r} is no value of a label")
    if match["membership"] and not match["set"].strip():
        raise _refused(text, f"the set of {key!r} is empty")
    return Requirement(
        key, values, bool(match["absent"]) or match["equality"] == "!=" or match["membership"] == "notin"
    )


def _values(match: re.Match[str]) -> frozenset[str] | None:
    if match["equality"]:
        return frozenset({match["value"]})
    return frozenset(value.strip() for value in match["set"].split(",")) if match["membership"] else None


def _is_key(text: str) -> bool:
    prefix, slash, name = text.rpartition("/")
    return _is_name(name) and (not slash or (len(prefix) <= _MAX_PREFIX_CHARS and bool(_PREFIX.fullmatch(prefix))))


def _is_name(text: str) -> bool:
    return len(text) <= _MAX_NAME_CHARS and bool(_NAME.fullmatch(text))


def _refused(text: str, reason: str) -> ValueError:
    return ValueError(f"{text!r} is no label selector: {reason}. Allowed: {FORMS}.")
