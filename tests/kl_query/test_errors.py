import json

from kl_query.errors import MAX_PAYLOAD_CHARS, ToolArgumentError, nearest_values, quoted


def test_the_payload_has_the_six_published_fields() -> None:
    error = ToolArgumentError("bad", "metric", "no", allowed=["cpu"], nearest=["cpu"], example="metric=cpu")
    assert error.to_payload() == {
        "error": {
            "code": "bad",
            "argument": "metric",
            "message": "no",
            "allowed": ["cpu"],
            "nearest": ["cpu"],
            "example": "metric=cpu",
        }
    }


def test_no_content_makes_a_payload_longer_than_its_limit() -> None:
    for nasty in ("x", '"', "\\", "\x00", "\u2028", "é", "😀"):
        long = nasty * 5_000
        error = ToolArgumentError("bad", long, long, allowed=[long] * 50, nearest=[long] * 50, example=long)
        assert len(json.dumps(error.to_payload(), ensure_ascii=False)) <= MAX_PAYLOAD_CHARS
        many = ToolArgumentError("bad", long, long, allowed=["abcdefgh"] * 500, nearest=[long] * 50, example=long)
        assert len(json.dumps(many.to_payload(), ensure_ascii=False)) <= MAX_PAYLOAD_CHARS


def test_at_most_five_nearest_values_are_named() -> None:
    assert len(ToolArgumentError("bad", "a", "m", nearest=[str(i) for i in range(9)]).nearest) == 5
    assert nearest_values("registri", ["web", "registry", "kube-system"]) == ["registry"]


def test_a_quoted_value_is_printable_and_short() -> None:
    assert quoted("a\nb") == "'a?b'"
    assert len(quoted("x" * 500)) <= 82
    assert quoted(3) == "'3'"
