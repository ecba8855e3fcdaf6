"""What matches nothing: the error names what comes nearest, and what it suggests is answered."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_mcp.tools.arguments import split_list
from kl_query.dataset.model import Dataset, Namespace
from kl_query.dataset.visibility import restricted
from kl_query.errors import MAX_PAYLOAD_CHARS, ToolArgumentError
from kl_query.selection import match, select
from kl_query.unmatched import example, globs_meant
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
    ("patterns", "nearest", "example"),
    [
        (["shop-.*"], ["shop-checkout", "shop-frontend"], "pattern=shop-*"),
        (["^shop-"], ["shop-checkout", "shop-frontend"], "pattern=shop-*"),
        (["shop-(frontend|checkout)"], ["shop-checkout", "shop-frontend"], "pattern=shop-frontend,shop-checkout"),
        (["shop-*|ml-*"], ["ml-a", "ml-serving", "shop-checkout", "shop-frontend"], "pattern=shop-*,ml-*"),
        (["payment"], ["payments"], "pattern=payments"),
        (["PAYMENTS"], ["payments"], "pattern=payments"),
        (["frontend"], ["shop-frontend"], "pattern=shop-frontend"),
        (["shop-*", "nope-*"], [], "pattern=shop-*"),
        (["ci", "ml-.*", "(search|x)"], ["ml-a", "ml-serving", "search"], "pattern=ml-*,search,ci"),
        (["payments,search"], ["payments", "search"], "pattern=payments,search"),
        (["team-.*"], [], "pattern=ci"),
    ],
)
def test_the_error_names_the_nearest_names_and_a_value_that_is_answered(
    patterns: list[str], nearest: list[str], example: str
) -> None:
    error = refused(*patterns)
    assert (error.code, error.argument) == ("unknown_namespace", "pattern")
    assert (list(error.nearest), error.example) == (nearest, example)
    assert match(DATASET, split_list(example.removeprefix("pattern=")), "pattern")


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
    assert error.example == "pattern=ml-[!a]*"


@pytest.mark.parametrize(
    ("namespace", "code", "example"),
    [
        ("payment", "unknown_namespace", "namespace=payments"),
        ("^shop-", "unknown_namespace", "namespaces=shop-*"),
        ("payments,search", "unknown_namespace", "namespaces=payments,search"),
        ("shop-*", "invalid_namespace", "namespaces=shop-*"),
        ("shop-.*", "invalid_namespace", "namespaces=shop-*"),
        ("ml-[^a]*", "invalid_namespace", "namespaces=ml-[!a]*"),
        ('["payments", "search"]', "invalid_namespace", "namespaces=payments,search"),
    ],
)
def test_what_is_no_exact_name_is_told_the_argument_that_takes_it(namespace: str, code: str, example: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        select(DATASET, namespace, None)
    assert (caught.value.code, caught.value.example) == (code, example)
    argument, _, value = example.partition("=")
    assert select(DATASET, *((value, None) if argument == "namespace" else (None, split_list(value)))).names


def test_who_may_see_nothing_is_told_no_name() -> None:
    with pytest.raises(ToolArgumentError) as caught:
        match(restricted(DATASET, lambda _: False), ["*"], "pattern")
    assert (caught.value.nearest, caught.value.example) == ((), None)


def test_a_dataset_without_namespaces_cannot_tell_what_matches() -> None:
    assert match(Dataset("none", "cumulative"), ["x-*"], "pattern") == []


PIECES = ["shop", "ml", "-", "(", ")", "|", "^", "$", ".*", ".+", ".", "[a-z]", "+", "?", "*", ",", " ", "a", "'", '"']


@settings(max_examples=examples(500), deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=25).map("".join), min_size=1, max_size=19))
def test_whatever_is_suggested_is_answered_and_every_error_fits(patterns: list[str]) -> None:
    error = refused(*patterns, "nobody")
    payload = error.to_payload()
    assert error.code == "unknown_namespace"
    assert len(json.dumps(payload)) <= MAX_PAYLOAD_CHARS
    assert not set(error.nearest) - set(NAMES)
    assert match(DATASET, split_list(payload["error"]["example"].removeprefix("pattern=")), "pattern")


REFUSED = ["[^", "{", "}", "/", "\\", "!"]


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *REFUSED]), max_size=25).map("".join), st.sampled_from(REFUSED))
def test_what_is_suggested_for_a_pattern_that_is_refused_is_answered_too(written: str, broken: str) -> None:
    error = refused("!" + written if broken == "!" else written + broken, dataset=TENANTS)
    assert error.code == "invalid_pattern"
    assert error.example is not None
    assert match(TENANTS, split_list(error.example.removeprefix("pattern=")), "pattern")


@pytest.mark.parametrize("patterns", [(), tuple(f"x{i}" for i in range(21)), ("",), ("x" * 257,)])
def test_so_is_what_is_suggested_for_too_many_too_few_or_too_long_ones(patterns: tuple[str, ...]) -> None:
    example = refused(*patterns, dataset=TENANTS).example
    assert example is not None
    assert match(TENANTS, split_list(example.removeprefix("pattern=")), "pattern")


def test_an_example_holds_as_many_values_as_150_characters_have_room_for() -> None:
    assert example("pattern", ["x" * 100, "y" * 49]) == f"pattern={'x' * 100},{'y' * 49}"
    assert example("pattern", ["x" * 100, "y" * 50]) == f"pattern={'x' * 100}"
