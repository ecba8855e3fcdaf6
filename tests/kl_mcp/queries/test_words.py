"""Lists in the words of a warning."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kl_mcp.queries.words import some, some_namespaces

HIDDEN = frozenset({"c", "d"})


def test_a_list_names_five_and_counts_the_rest() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a", "b"], "a!, b!"),
        (["a", "c", "b", "d"], "a!, b! and 2 that cannot be named to you"),
        (["d"], "1 that cannot be named to you"),
        (list("abcdefghi"), "a!, b!, e!, f!, g! and 2 more and 2 that cannot be named to you"),
        ([], ""),
    ],
)
def test_hidden_namespaces_are_counted_and_not_named(names: Sequence[str], words: str) -> None:
    assert some_namespaces([(name, "!") for name in names], HIDDEN) == words
