"""Lists of the Kubernetes API: selectors, pages with continue tokens, and Status objects."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

Json = dict[str, Any]

_FIELDS: Mapping[str, Callable[[Json], str]] = {
    "metadata.name": lambda item: str(item["metadata"]["name"]),
    "metadata.namespace": lambda item: str(item["metadata"].get("namespace", "")),
    "status.phase": lambda item: str(item.get("status", {}).get("phase", "")),
    "spec.nodeName": lambda item: str(item.get("spec", {}).get("nodeName", "")),
    "spec.unschedulable": lambda item: str(item.get("spec", {}).get("unschedulable", False)).lower(),
}


class ApiError(Exception):
    """An error that the API answers with a Status object."""

    def __init__(self, code: int, reason: str, message: str, continue_token: str | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.continue_token = code, reason, message, continue_token

    def status(self) -> Json:
        """The v1 Status; an expired token's carries a fresh one that continues inconsistently."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continue_token} if self.continue_token else {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


@dataclass(frozen=True, slots=True)
class Token:
    """Where a paged listing goes on: the step it shows, the last key that was sent, the number of the page to come."""

    end: int
    after: str
    page: int

    def encode(self) -> str:
        """Opaque to clients, as the API's own."""
        return base64.urlsafe_b64encode(orjson.dumps([self.end, self.after, self.page])).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Token:
        """ApiError 400 for anything that is not a token."""
        try:
            end, after, page = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            return cls(int(end), str(after), int(page))
        except (ValueError, TypeError, binascii.Error):
            raise ApiError(400, "BadRequest", "continue key is not valid") from None


Selector = Callable[[Json], bool]


def field_selector(text: str) -> Selector:
    """`a=b`, `a==b`, `a!=b`, joined by commas; ApiError 400 for a field that the API does not index."""
    return _all(_requirement(part, _field) for part in _parts(text))


def label_selector(text: str) -> Selector:
    """`a=b`, `a==b`, `a!=b`, `a`, `!a`, joined by commas; set-based selectors are refused with 400."""
    return _all(_label_requirement(part) for part in _parts(text))


def _parts(text: str) -> Sequence[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _all(checks: Iterator[Selector]) -> Selector:
    every = list(checks)
    return lambda item: all(check(item) for check in every)


def _requirement(part: str, read: Callable[[str], Callable[[Json], str]]) -> Selector:
    name, negated, value = _operator(part)
    value_of = read(name)
    return lambda item: (value_of(item) == value) is not negated


def _operator(part: str) -> tuple[str, bool, str]:
    for operator in ("!=", "==", "="):
        if operator in part:
            name, value = part.split(operator, 1)
            return name.strip(), operator == "!=", value.strip()
    raise ApiError(400, "BadRequest", f"invalid selector: {part!r}; understood are a=b, a==b and a!=b")


def _field(name: str) -> Callable[[Json], str]:
    if name not in _FIELDS:
        raise ApiError(400, "BadRequest", f"field label not supported: {name}")
    return _FIELDS[name]


def _label_requirement(part: str) -> Selector:
    if "(" in part or " " in part:
        raise ApiError(400, "BadRequest", f"invalid selector: {part!r}; set-based selectors are not simulated")
    if "=" in part:
        return _requirement(part, lambda name: lambda item: str(_labels(item).get(name, "\0")))
    name = part.lstrip("!")
    return lambda item: (name in _labels(item)) is not part.startswith("!")


def _labels(item: Json) -> Mapping[str, str]:
    labels: Mapping[str, str] = item["metadata"].get("labels", {})
    return labels


@dataclass(frozen=True, slots=True)
class ListPage:
    """Objects of one page, with the key of the last one if more follow."""

    items: list[Json]
    last_key: str | None
    remaining: int


def page_of(keys: Sequence[str], build: Callable[[int], Json], selected: Selector, after: str, limit: int) -> ListPage:
    """Up to `limit` (0: all) selected objects whose keys follow `after`; `keys` are sorted, `build` takes an index."""
    items: list[Json] = []
    last_key, index = "", _first_after(keys, after)
    while index < len(keys):
        item = build(index)
        if selected(item):
            if limit and len(items) == limit:
                return ListPage(items, last_key, len(keys) - index)
            items.append(item)
            last_key = keys[index]
        index += 1
    return ListPage(items, None, 0)


def _first_after(keys: Sequence[str], after: str) -> int:
    return bisect_right(keys, after) if after else 0
