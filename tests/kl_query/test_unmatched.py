"""What matches nothing: the error names what comes nearest, and what it suggests is answered."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_query.dataset.model import Dataset, Namespace
from kl_query.dataset.visibility import restricted
from kl_query.errors import Correction, ToolArgumentError
from kl_query.selection import match, select
from kl_query.unmatched import LISTING, globs_meant, globs_of_each
from tests.support.examples import examples

NAMES = ["ci", "idle", "kube-system", "ml-a", "ml-serving", "payments", "search", "shop-checkout", "shop-frontend"]
DATASET = Dataset("native", "cumulative", namespaces={name: Namespace(name, 0, 0, active=True) for name in NAMES})


TENANTS = restricted(DATASET, lambda name: name.startswith("shop-"))


def refused(*patterns: str, dataset: Dataset = DATASET) -> ToolArgumentError:
    with pytest.raises(ToolArgumentError) as caught:
        match(dataset, patterns, "pattern")
    return caught.value


@pytest.mark.parametrize(
    ("expression", "globs"),
    [
        ("shop-.*", ["shop-*"]),
        ("^shop-", ["shop-*"]),
        ("^shop-.*$", ["shop-*"]),
        ("ing$", ["*ing"]),
        ("^ci$", ["ci"]),
        (".*", ["*"]),
        (".+-.+", ["*-*"]),
        ("ml-.", ["ml-?"]),
        ("ml-[a-z]+", ["ml-[a-z]*"]),
        ("shop-(frontend|checkout)", ["shop-frontend", "shop-checkout"]),
        ("shop-(?:frontend|nothing)", ["shop-frontend"]),
        ("(shop|ml)-.*", ["shop-*", "ml-*"]),
        ("(shop|ml)-", ["shop-*", "ml-*"]),
        ("(shop|ml)", ["shop-*", "ml-*"]),
        ("^(ci|s(earch|hop-.*))$", ["ci", "search", "shop-*"]),
        ("shop-*|ml-*", ["shop-*", "ml-*"]),
        ("shop-* ml-*", ["shop-*", "ml-*"]),
        ("payments,search", ["payments", "search"]),
        ("payments; search", ["payments", "search"]),
        ("'ci'", ["ci"]),
        ("team-.*", []),
        ("^$", []),
        ("|", []),
        ("(shop|ml", []),
        ("shop(-checkout)?", []),
        ("(?i)shop-x", []),
        ("(?(|ci):ci)", ["ci"]),
        ("(a|b)" * 40, []),
        ("(" * 256, []),
        ("|".join(f"{letter}*" for letter in "abcdefghijk"), []),
    ],
)
def test_a_regular_expression_is_told_as_the_globs_it_means(expression: str, globs: list[str]) -> None:
    assert globs_meant(expression, NAMES) == globs


@pytest.mark.parametrize(
    ("patterns", "nearest", "meant"),
    [
        (["shop-.*"], ["shop-checkout", "shop-frontend"], ["shop-*"]),
        (["^shop-"], ["shop-checkout", "shop-frontend"], ["shop-*"]),
        (["shop-(frontend|checkout)"], ["shop-checkout", "shop-frontend"], ["shop-frontend", "shop-checkout"]),
        (["shop-*|ml-*"], ["ml-a", "ml-serving", "shop-checkout", "shop-frontend"], ["shop-*", "ml-*"]),
        (["payment"], ["payments"], ["payments"]),
        (["PAYMENT"], ["payments"], ["payments"]),
        (["SHOP-*"], ["shop-checkout", "shop-frontend"], ["shop-*"]),
        (["frontend"], ["shop-frontend"], ["shop-frontend"]),
        (["shop-*", "nope-*"], [], ["shop-*"]),
        (["ci", "ml-.*", "(search|x)"], ["ml-a", "ml-serving", "search"], ["ci", "ml-*", "search"]),
        (["payment", "searc", "ci"], ["payments"], ["payments", "search", "ci"]),
        (["payments,search"], ["payments", "search"], ["payments", "search"]),
        (["team-.*"], [], None),
    ],
)
def test_the_error_names_the_nearest_names_and_patterns_that_are_answered(
    patterns: list[str], nearest: list[str], meant: list[str] | None
) -> None:
    error = refused(*patterns)
    assert (error.code, error.argument) == ("unknown_namespace", "pattern")
    *corrections, last = error.corrections
    assert (list(error.nearest), last) == (nearest, LISTING)
    assert corrections == ([] if meant is None else [Correction({"pattern": meant})])
    assert meant is None or match(DATASET, meant, "pattern")


def test_every_pattern_that_matches_nothing_is_named() -> None:
    message = refused("ci", "x-*", "y").message
    assert message == "No namespace matches 'x-*' among the 9 known ones. Nor does any match 'y'."


def test_a_regular_expression_is_told_what_patterns_are() -> None:
    assert refused("team-.*").message.endswith("Patterns are shell globs: * stands for any text.")
    assert "globs" not in refused("team-*").message


@pytest.mark.requirement("KL-T-9")
def test_a_class_negated_as_in_regular_expressions_is_refused_for_it_would_match_the_opposite() -> None:
    error = refused("ml-[^a]*")
    assert error.code == "invalid_pattern"
    assert "[!...]" in error.message
    assert error.corrections[0].changes == {"pattern": ["ml-[!a]*"]}


@pytest.mark.parametrize(
    ("namespace", "code", "meant"),
    [
        ("payment", "unknown_namespace", "payments"),
        ("^shop-", "unknown_namespace", ["shop-*"]),
        ("payments,search", "unknown_namespace", ["payments", "search"]),
        ("shop-*", "invalid_namespace", ["shop-*"]),
        ("shop-.*", "invalid_namespace", ["shop-*"]),
        ("ml-[^a]*", "invalid_namespace", ["ml-[!a]*"]),
    ],
)
def test_what_is_no_exact_name_is_told_the_argument_that_takes_it(
    namespace: str, code: str, meant: str | list[str]
) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        select(DATASET, namespace, None)
    changes = {"namespace": meant} if isinstance(meant, str) else {"namespace": None, "namespaces": meant}
    assert (caught.value.code, caught.value.corrections[0].changes) == (code, changes)
    assert select(DATASET, *((meant, None) if isinstance(meant, str) else (None, meant))).names


@pytest.mark.requirement("KL-T-9")
def test_a_name_in_another_case_is_the_only_one_that_it_can_be() -> None:
    assert select(DATASET, "Payments", None).names == ("payments",)
    assert match(DATASET, ["CI", "shop-*"], "pattern") == ["ci", "shop-checkout", "shop-frontend"]
    both = Dataset("native", "cumulative", namespaces={n: Namespace(n, 0, 0, active=True) for n in ("Ci", "ci")})
    assert select(both, "Ci", None).names == ("Ci",)
    with pytest.raises(ToolArgumentError):
        select(both, "CI", None)


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("name", ["PAYMENTS", "Payments", "payment", "ci"])
def test_names_in_another_case_are_looked_for_among_those_a_caller_may_know(name: str) -> None:
    for look in (lambda: select(TENANTS, name, None), lambda: match(TENANTS, [name], "pattern")):
        with pytest.raises(ToolArgumentError) as caught:
            look()
        assert not [hidden for hidden in NAMES if not hidden.startswith("shop-") and hidden in caught.value.nearest]
        assert "payments" not in str(caught.value.corrections)


def test_a_special_entry_is_no_namespace_and_the_error_says_where_it_is() -> None:
    without = restricted(DATASET, lambda name: name != "idle")
    error = refused("unmeasured", "shop-*", dataset=without)
    assert "special entry" in error.message
    changes = {"pattern": None, "namespaces": ["shop-*"], "exclude_special": False}
    assert error.corrections == (Correction(changes, tool="get_usage"),)
    with pytest.raises(ToolArgumentError, match="special entry"):
        select(without, "Non-Allocatable", None)


def test_a_namespace_called_like_a_special_entry_is_one() -> None:
    assert select(DATASET, "idle", None).names == ("idle",)


def test_who_may_see_nothing_is_told_no_name() -> None:
    with pytest.raises(ToolArgumentError) as caught:
        match(restricted(DATASET, lambda _: False), ["*"], "pattern")
    assert (caught.value.nearest, caught.value.corrections) == ((), (LISTING,))


def test_a_dataset_without_namespaces_cannot_tell_what_matches() -> None:
    assert match(Dataset("none", "cumulative"), ["x-*"], "pattern") == []


PIECES = ["shop", "ml", "-", "(", ")", "|", "^", "$", ".*", ".+", ".", "[a-z]", "+", "?", "*", ",", " ", "a", "'", '"']


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=25).map("".join), min_size=1, max_size=19))
def test_whatever_is_suggested_is_answered(patterns: list[str]) -> None:
    error = refused(*patterns, "nobody")
    assert error.code == "unknown_namespace"
    assert not set(error.nearest) - set(NAMES)
    for suggested in suggestions(error):
        assert match(DATASET, suggested, "pattern")


def suggestions(error: ToolArgumentError) -> list[list[str]]:
    """The patterns that are suggested instead."""
    return [each.changes["pattern"] for each in error.corrections if each != LISTING]


REFUSED = ["[^", "{", "}", "/", "\\", "!"]


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *REFUSED]), max_size=25).map("".join), st.sampled_from(REFUSED))
def test_what_is_suggested_for_a_pattern_that_is_refused_is_answered_too(written: str, broken: str) -> None:
    error = refused("!" + written if broken == "!" else written + broken, dataset=TENANTS)
    assert error.code == "invalid_pattern"
    for suggested in suggestions(error):
        assert match(TENANTS, suggested, "pattern")


def test_of_several_patterns_that_are_refused_each_is_told_as_what_it_means() -> None:
    error = refused("ci", "^shop-[^x]", "!search", "/")
    assert error.code == "invalid_pattern"
    assert suggestions(error) == [["ci", "shop-[!x]*"]]


def test_of_all_patterns_of_a_call_no_more_alternatives_are_compared_with_every_name_than_a_call_takes() -> None:
    of_ten = [f"(ci|{letter}|2|3|4|5|6|7|8|9)" for letter in "abc"]
    assert globs_of_each(of_ten, NAMES) == {each: ["ci"] for each in of_ten[:2]}


def test_of_too_many_patterns_as_many_are_suggested_as_may_be() -> None:
    error = refused(*(f"x{i}" for i in range(21)))
    assert suggestions(error) == [[f"x{i}" for i in range(20)]]
