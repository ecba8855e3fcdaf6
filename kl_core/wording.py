"""How lists and near misses are told to people, and the form in which words are compared."""

import difflib
import re
from collections.abc import Iterable, Sequence

MAX_NAMED_ITEMS = 5
MAX_COMPARED_CHARS = 100
"""Of what somebody wrote, which may be of any length."""


def some(items: Sequence[str]) -> str:
    """Return the first few items of a list, and how many more there are: `a, b, c, d, e and 3 more`."""
    rest = len(items) - MAX_NAMED_ITEMS
    return ", ".join(items[:MAX_NAMED_ITEMS]) + (f" and {rest} more" if rest > 0 else "")


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return ` Did you mean NAME?` with the nearest of the names that are known, nothing where none is near."""
    nearest = difflib.get_close_matches(wrong[:MAX_COMPARED_CHARS], list(known), n=1)
    return f" Did you mean {nearest[0]}?" if nearest else ""


def as_word(text: str) -> str:
    """Return a text in the form in which words are compared: lower case, its parts joined by `_`."""
    return re.sub(r"[\s_-]+", "_", text.strip().lower())


def bare_word(text: str) -> str:
    """Return what all spellings of a name have in common: `topn` of `topN`, `top_n` and `TOP-N`."""
    return as_word(text).replace("_", "")
