from kl_core.wording import some


def test_of_a_long_list_five_are_named_and_the_others_counted() -> None:
    assert some([]) == ""
    assert some(["a"]) == "a"
    assert some(list("abcde")) == "a, b, c, d, e"
    assert some(list("abcdef")) == "a, b, c, d, e and 1 more"
