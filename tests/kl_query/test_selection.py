import pytest

from kl_query.dataset.model import Dataset, Namespace
from kl_query.errors import ToolArgumentError
from kl_query.selection import check_patterns, match, select

NAMES = ("idle", "kube-system", "ml-a", "ml-b", "ml-prod", "web")
DATASET = Dataset("native", "cumulative", namespaces={name: Namespace(name, 0, 0, active=True) for name in NAMES})


@pytest.mark.requirement("KL-T-9", "KL-S-3")
@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["ml-*"], ["ml-a", "ml-b", "ml-prod"]),
        (["ml-?"], ["ml-a", "ml-b"]),
        (["ml-[!a]"], ["ml-b"]),
        (["web", "ml-a"], ["ml-a", "web"]),
        (["ml-*", "*-a", "ml-a"], ["ml-a", "ml-b", "ml-prod"]),
        (["*"], sorted(NAMES)),
    ],
)
def test_patterns_match_whole_names_case_sensitively_and_each_name_once(patterns: list[str], names: list[str]) -> None:
    assert match(DATASET, patterns, "pattern") == names


@pytest.mark.requirement("KL-T-9")
@pytest.mark.parametrize("patterns", [["ML-*"], ["ml"], ["web", "x-*", "y"], ["[a"]])
def test_a_pattern_that_matches_nothing_is_an_error(patterns: list[str]) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        match(DATASET, patterns, "pattern")
    assert (caught.value.code, caught.value.argument) == ("unknown_namespace", "pattern")


@pytest.mark.requirement("KL-T-9")
def test_twenty_patterns_are_allowed_and_one_more_is_not() -> None:
    assert len(check_patterns([f"p{i}" for i in range(20)], "pattern")) == 20
    with pytest.raises(ToolArgumentError, match="1 to 20"):
        check_patterns([f"p{i}" for i in range(21)], "pattern")


@pytest.mark.requirement("KL-T-9", "KL-S-3")
@pytest.mark.parametrize("pattern", ["!a", "[^a]", "{a}", "a}", "a/b", "a\\b", "", "x" * 257])
def test_refused_patterns_are_explained(pattern: str) -> None:
    with pytest.raises(ToolArgumentError) as caught:
        check_patterns([pattern], "namespaces")
    assert caught.value.argument == "namespaces"
    assert len(caught.value.message) > 20


def test_a_pattern_may_have_256_characters() -> None:
    assert check_patterns(["x" * 256], "pattern") == ("x" * 256,)


def test_a_call_is_about_the_cluster_one_namespace_several_or_their_sum() -> None:
    assert select(DATASET, None, None).scope == "cluster"
    assert select(DATASET, "web", None).names == ("web",)
    assert select(DATASET, None, ["ml-*"]).scope == "namespaces"
    together = select(DATASET, None, ["ml-*", "web"], aggregate=True)
    assert (together.scope, together.label, together.single) == ("aggregate", "ml-*,web", True)


def test_a_literal_or_a_glob_that_matches_nothing_is_an_error_here() -> None:
    for wanted in (["web", "wob"], ["x-*"]):
        with pytest.raises(ToolArgumentError) as caught:
            select(DATASET, None, wanted)
        assert caught.value.code == "unknown_namespace"
    with pytest.raises(ToolArgumentError) as caught:
        select(DATASET, "ml-c", None)
    assert set(caught.value.nearest) >= {"ml-a", "ml-b"}
