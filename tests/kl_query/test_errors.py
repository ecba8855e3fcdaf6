from kl_query.errors import Correction, ToolArgumentError, nearest_values, quoted, shortened


def test_at_most_five_nearest_values_are_named() -> None:
    assert len(ToolArgumentError("bad", "a", "m", nearest=[str(i) for i in range(9)]).nearest) == 5
    assert nearest_values("registri", ["web", "registry", "kube-system"]) == ["registry"]


def test_a_correction_is_of_the_tool_that_was_called_unless_it_names_another() -> None:
    other = Correction({"a": None}, tool="get_usage")
    assert ToolArgumentError("bad", "a", "m", corrections=[{"a": 1}, other]).corrections == (
        Correction({"a": 1}),
        other,
    )


def test_a_quoted_value_is_printable_and_short() -> None:
    assert quoted("a\nb") == "'a?b'"
    assert len(quoted("x" * 500)) <= 82
    assert quoted(3) == "'3'"


def test_of_a_list_each_value_is_quoted_for_itself() -> None:
    assert quoted(["ci", "search", 3]) == "'ci', 'search', '3'"
    assert quoted(("a\nb",) * 7) == "'a?b', 'a?b', 'a?b', 'a?b', 'a?b' and 2 more"
    assert quoted([]) == "'[]'"


def test_what_is_shortened_ends_in_an_ellipsis() -> None:
    assert shortened("x" * 80) == "x" * 80
    assert shortened("x" * 81) == "x" * 79 + "…"
