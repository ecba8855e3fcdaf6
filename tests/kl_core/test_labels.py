"""Label selectors, as the API server reads them (apimachinery `labels.Parse`)."""

import pytest

from kl_core.labels import parse_selector

LABELS = {"team": "data", "tier": "", "example.com/zone": "a"}


@pytest.mark.parametrize(
    ("selector", "met"),
    [
        ("", True),
        ("team=data", True),
        ("team==data", True),
        ("team = data", True),
        ("team=shop", False),
        ("none=data", False),
        ("team!=data", False),
        ("team!=shop", True),
        ("none!=data", True),
        ("team in (data,shop)", True),
        (" team in ( shop , data ) ", True),
        ("team in(shop)", False),
        ("none in (data)", False),
        ("team notin (data)", False),
        ("team notin (shop)", True),
        ("none notin (data)", True),
        ("team", True),
        ("none", False),
        ("!team", False),
        ("! none", True),
        ("tier=", True),
        ("tier!=", False),
        ("team=", False),
        ("tier in (a,)", True),
        ("tier in (,)", True),
        ("team in (,)", False),
        ("example.com/zone=a", True),
        ("team=data,tier,!none", True),
        ("team=data,none", False),
        ("team in (data,shop),example.com/zone notin (b,c)", True),
        ("in in (in)", False),
        ("notin!=notin", True),
    ],
)
def test_a_selector_means_what_it_means_for_the_api_server(selector: str, met: bool) -> None:
    assert parse_selector(selector).matches(LABELS) is met


@pytest.mark.parametrize(
    ("selector", "reason"),
    [
        ("a=b,", "cannot be read from '' on"),
        (",a", "cannot be read from ',a' on"),
        ("a=b c", "cannot be read from 'a=b c' on"),
        ("x,a in b", "cannot be read from 'a in b' on"),
        ("a in (b", "cannot be read"),
        ("a in (b))", "cannot be read"),
        ("a in ((b))", "cannot be read"),
        ("a>1", "cannot be read"),
        ("=b", "cannot be read"),
        ("!", "cannot be read"),
        ("!a=b", "cannot be read"),
        ("a in ()", "the set of 'a' is empty"),
        ("a notin ( )", "the set of 'a' is empty"),
        ("-a", "'-a' is no key"),
        ("/a", "'/a' is no key"),
        ("a/", "'a/' is no key"),
        ("A.com/a", "'A.com/a' is no key"),
        ("a/b/c", "'a/b/c' is no key"),
        ("k" * 64, "is no key"),
        ("p" * 254 + "/a", "is no key"),
        ("a=*", "'*' is no value"),
        ("a=b_", "'b_' is no value"),
        ("a in (b c)", "'b c' is no value"),
        ("a=" + "v" * 64, "is no value"),
    ],
)
def test_what_is_no_selector_is_named_with_what_is_allowed(selector: str, reason: str) -> None:
    with pytest.raises(ValueError, match="is no label selector") as caught:
        parse_selector(selector)
    assert repr(selector) in str(caught.value)
    assert reason in str(caught.value)
    assert str(caught.value).endswith("a in (b,c), a notin (b,c), a or !a, joined by commas.")


def test_the_longest_keys_and_values_are_taken() -> None:
    key, value = "p" * 253 + "/" + "k" * 63, "v" * 63
    assert parse_selector(f"{key}={value}").matches({key: value})
