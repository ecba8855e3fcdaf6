"""What can go wrong in a question.

KubeLedgerError (kl_core)
├── DatasetError         the published dataset cannot be used: which file, what is wrong, what to do
└── ToolArgumentError    a call was asked wrongly: which argument, what is allowed, what would be answered instead
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kl_core.errors import KubeLedgerError
from kl_core.wording import some
from kl_query.warnings.warning import DataWarning

NEAREST_VALUES = 5
_MAX_VALUE_CHARS = 80


class DatasetError(KubeLedgerError):
    """A dataset directory, or its manifest, cannot be used.

    The message is the whole text of `warning`, fit for a log; what a user may see of it, the warning knows.
    """

    def __init__(self, warning: DataWarning) -> None:
        super().__init__(warning.text)
        self.warning = warning


@dataclass(frozen=True, slots=True)
class Correction:
    """A change that may make a wrong call right: new values of arguments, None for one to leave out."""

    changes: Mapping[str, Any]
    tool: str | None = None
    """The tool that answers what was meant; None: the one that was called."""


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
        corrections: Sequence[Correction | Mapping[str, Any]] = (),
    ) -> None:
        """Take `allowed` as a list of values or as a sentence, `nearest` as at most five valid values.

        `corrections` come the likeliest first. To leave the argument out needs no mention: it is tried after them.
        """
        super().__init__(message)
        self.code, self.argument, self.message, self.allowed = code, argument, message, allowed
        self.nearest = tuple(nearest)[:NEAREST_VALUES]
        self.corrections = tuple(each if isinstance(each, Correction) else Correction(each) for each in corrections)


def nearest_values(wanted: str, valid: Iterable[str], alike: float = 0.45) -> list[str]:
    """Return at most five of `valid` that look most like `wanted`, at least so much of 1, the closest first."""
    return difflib.get_close_matches(wanted[:_MAX_VALUE_CHARS], list(valid), n=NEAREST_VALUES, cutoff=alike)


def quoted(value: object) -> str:
    """Return a caller's value in quotes, each of a list for itself, printable, and short enough for a message."""
    if value and isinstance(value, list | tuple):
        return some([quoted(each) for each in value])
    text = value if isinstance(value, str) else repr(value)
    return f"'{shortened(''.join(c if c.isprintable() else '?' for c in text[: _MAX_VALUE_CHARS + 1]))}'"


def shortened(text: str, limit: int = _MAX_VALUE_CHARS) -> str:
    """Return a text of at most `limit` characters, the last of them an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
