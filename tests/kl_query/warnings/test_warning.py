"""A warning as each may see it: what is in its slots decides, its words do not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Detail, Names, Plain, Slot, Text, joined, nobody, some, text

HIDDEN = frozenset({"c", "d"})


def _visible(name: str) -> bool:
    return name not in HIDDEN


def _stale(template: str, **slots: Slot) -> DataWarning:
    return DataWarning(Code.STALE, Text(template, slots))


def _of(names: Sequence[str]) -> DataWarning:
    return _stale("c of {count}: {names}.", count=len(names), names=Names.of(names))


def test_a_list_names_five_and_counts_the_rest() -> None:
    assert some([Plain("a"), Plain("b")]) == "a, b"
    assert some([Plain(letter) for letter in "abcdefg"]) == "a, b, c, d, e and 2 more"


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
    assert Names(tuple((name, Plain("!")) for name in names)).shown(_visible) == words


@pytest.mark.requirement("KL-S-6")
def test_a_warning_is_whole_for_who_may_name_its_namespaces_and_counts_them_for_others() -> None:
    found = _of("ab")

    assert found.shown(_visible) == found.text == "c of 2: a, b."
    assert found.shown(nobody) == "c of 2: 2 that cannot be named to you."
    assert _of("cb").shown(_visible) == "c of 2: b and 1 that cannot be named to you."


@pytest.mark.requirement("KL-S-6")
def test_what_a_damaged_file_is_quoted_with_is_for_those_alone_who_see_everything() -> None:
    fault = text("{place} is odd", place=Detail("a.cpu", Plain("an entry")))
    found = _stale("{file}: {fault}.", file=Plain("f.json"), fault=fault)

    assert found.text == "f.json: a.cpu is odd."
    assert found.shown(_visible) == found.shown(nobody) == "f.json: an entry is odd."


def test_the_parts_of_a_warning_are_shown_to_the_same_caller_as_the_whole() -> None:
    parts = (text("one {names}", names=Names.of("a")), text("two {names}", names=Names.of("c")))
    found = _stale("{parts}; {more}", parts=joined(parts), more=text("{names}", names=Names.of("d")))

    assert found.text == "one a two c; d"
    assert found.shown(_visible) == "one a two 1 that cannot be named to you; 1 that cannot be named to you"


def test_a_value_with_braces_is_no_template() -> None:
    assert _stale("{a} {b}", a=Plain("{b}"), b=Plain("{0.x}")).text == "{b} {0.x}"
