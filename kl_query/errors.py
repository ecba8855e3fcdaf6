"""What can go wrong in a question.

KubeLedgerError (kl_core)
├── DatasetError         the published dataset cannot be used: which file, what is wrong, what to do
└── ToolArgumentError    a call was asked wrongly: which argument, what is allowed, what comes nearest
"""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from kl_core.errors import KubeLedgerError
from kl_query.warnings.warning import DataWarning

MAX_PAYLOAD_CHARS = 2_000
"""Largest `ToolArgumentError` payload as compact JSON."""
NEAREST_VALUES = 5
_MAX_MESSAGE_CHARS = 600
_MAX_VALUE_CHARS = 80
_MAX_ALLOWED_CHARS = 400
_MAX_EXAMPLE_CHARS = 200


class DatasetError(KubeLedgerError):
    """A dataset directory, or its manifest, cannot be used.

    The message is the whole text of `warning`, fit for a log; what a user may see of it, the warning knows.
    """

    def __init__(self, warning: DataWarning) -> None:
        """Take what to tell the users of the dataset."""
        super().__init__(warning.text)
        self.warning = warning


class ToolArgumentError(KubeLedgerError):
    """An argument of a tool call is wrong. Everything in it is meant to be read by the assistant that made the call."""

    def __init__(
        self,
        code: str,
        argument: str | None,
        message: str,
        *,
        allowed: Sequence[str] | str | None = None,
        nearest: Sequence[str] = (),
        example: str | None = None,
    ) -> None:
        """Take `allowed` as a list of values or as a sentence, `nearest` as at most five valid values."""
        super().__init__(message)
        self.code = code
        self.argument = argument
        self.message = message
        self.allowed = allowed
        self.nearest = tuple(nearest)[:NEAREST_VALUES]
        self.example = example

    def to_payload(self) -> dict[str, Any]:
        """Return `{"error": {code, argument, message, allowed, nearest, example}}`, at most 2,000 characters long."""
        return {
            "error": {
                "code": self.code,
                "argument": _cut(self.argument, _MAX_VALUE_CHARS),
                "message": _cut(self.message, _MAX_MESSAGE_CHARS),
                "allowed": _cut_allowed(self.allowed),
                "nearest": [_cut(value, _MAX_VALUE_CHARS) for value in self.nearest],
                "example": _cut(self.example, _MAX_EXAMPLE_CHARS),
            }
        }


def nearest_values(wanted: str, valid: Iterable[str]) -> list[str]:
    """Return at most five of `valid` that look most like `wanted`, the closest first."""
    return difflib.get_close_matches(wanted[:_MAX_VALUE_CHARS], list(valid), n=NEAREST_VALUES, cutoff=0.45)


def quoted(value: object) -> str:
    """Return a caller's value in quotes, printable, and short enough to be repeated in a message."""
    text = value if isinstance(value, str) else repr(value)
    printable = "".join(character if character.isprintable() else "?" for character in text[: _MAX_VALUE_CHARS + 1])
    return f"'{_cut(printable, _MAX_VALUE_CHARS)}'"


def _cut(text: str | None, limit: int) -> str | None:
    if text is None:
        return None
    head = text[: limit + 1]
    printable = "".join(c if c.isprintable() and c not in '"\\' else "'" if c == '"' else "?" for c in head)
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"


def _cut_allowed(allowed: Sequence[str] | str | None) -> list[str] | str | None:
    if allowed is None or isinstance(allowed, str):
        return _cut(allowed, _MAX_ALLOWED_CHARS)
    kept: list[str] = []
    used = 0
    for value in allowed:
        used += len(value) + 3
        if used > _MAX_ALLOWED_CHARS:
            return [*kept, "…"]
        kept.append(value)
    return kept
