import pytest

from kl_core.wording import as_word, bare_word, some


def test_of_a_long_list_five_are_named_and_the_others_counted() -> None:
    assert some([]) == ""
    assert some(["a"]) == "a"
    assert some(list("abcde")) == "a, b, c, d, e"
    assert some(list("abcdef")) == "a, b, c, d, e and 1 more"


@pytest.mark.parametrize("text", ["last_7_days", " Last 7  days ", "LAST-7-DAYS", "last_-7 days"])
def test_words_are_compared_without_case_and_with_one_separator(text: str) -> None:
    assert as_word(text) == "last_7_days"


def test_a_bare_word_is_the_same_of_every_spelling() -> None:
    assert {bare_word(name) for name in ("start_date", "startDate", "StartDate", "START-DATE", "start date")} == {
        "startdate"
    }
