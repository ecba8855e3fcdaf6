"""Arguments as assistants and their mistakes would send them: within the input schemas, near them, and far outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from kl_mcp.tools import TABLE
from tests.support.large_dataset import large_dataset

Json = Any
Schema = dict[str, Any]

DATASET = large_dataset(30)
NAMES = sorted(DATASET.namespaces)
GLOBS = ["*", "kube-*", "team-00[0-4]*", "*-00[!1]*", "?eam-*", "team-*x", "x-*", "[", "]", "[z-a]*", "a" * 300]
REFUSED = ["!kube-*", "{a,b}", "a/b", "a\\*", "", " ", ",", "a,,b", "kube-system", "Registry", "*" * 257, "\ud800"]
JSON_LISTS = ['["kube-*", "team-*"]', " [] ", '["*"', "[1]", '[["*"]]', "[" * 2_000, "[" * 900 + "]" * 900]
DATES = [
    *(
        "latest",
        "all",
        "LATEST",
        " all ",
        "2026-11",
        "2026-10..2026-11",
        "2025-11",
        "2026-11-21",
        "2026-11-20T03:00:00Z",
    ),
    *(
        "2026-11-08..2026-11-14",
        "2026-11-19T22:00:00Z..2026-11-20T03:00:00Z",
        "2026-11-14..2026-11-08",
        "2026-11-21T10Z",
    ),
    *("yesterday", "2026", "2026-13", "2026-11-31", "2026-11-21T25:00:00Z", "..", "2026-11..", "..2026-11", "a..b..c"),
    *(
        "1999-01",
        "9999-12",
        "0000-00-00",
        "\uff12\uff10\uff12\uff16-11",
        "2026-11-21 14:00",
        "last week",
        "2026-11-21T14:30:00Z",
        "-1",
    ),
]
ANY_TEXT = st.text(st.characters(), max_size=300) | st.text("ab-*?[]!.,{}\\/ \x00\n\ud800é💥", max_size=40)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True, allow_infinity=True)
    | ANY_TEXT
    | st.sampled_from(["true", "null", "10", "1e999", "' OR 1=1 --", "../../etc/passwd", "%00", "${jndi:x}", "cpu\n"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=20), inner, max_size=6),
    max_leaves=12,
)


def within(name: str, schema: Schema, cursors: Sequence[str]) -> st.SearchStrategy[Json]:
    """Values that the advertised schema of an argument allows, most of them with a meaning."""
    if name in {"date", "baseline"}:
        return st.sampled_from(DATES)
    if name == "cursor":
        return st.sampled_from([*cursors, "nonsense", ""])
    if name == "namespace":
        return st.sampled_from([*NAMES[:4], *GLOBS[:3], "nobody"])
    if schema.get("type") == "array":
        return st.lists(st.sampled_from([*NAMES[:4], *GLOBS]), min_size=1, max_size=22)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("type") == "boolean":
        return st.booleans()
    assert schema.get("type") == "integer", (name, schema)
    return st.integers(schema["minimum"], schema["maximum"])


def near(name: str, schema: Schema, cursors: Sequence[str]) -> st.SearchStrategy[Json]:
    """Values that almost fit: the wrong case, one too many, a string for a list, a damaged cursor."""
    if name == "cursor" and cursors:
        return st.builds(_damaged, st.sampled_from(cursors), st.integers(0, 60), st.characters(codec="ascii"))
    if schema.get("type") == "array":
        return st.sampled_from(
            [*GLOBS, *REFUSED, [], [""], [None], [1], [["a"]], ["*"] * 21, "a," * 30, "kube-*,team-*", *JSON_LISTS]
        )
    if "enum" in schema:
        words = [str(value) for value in schema["enum"]]
        return st.sampled_from(
            [*map(str.upper, words), *(word + " " for word in words), *(word[:-1] for word in words)]
        )
    if schema.get("type") == "integer":
        return st.sampled_from([0, -1, 1001, 10.0, 10.5, "10", True, 2**63, -(2**63), 1e308])
    if schema.get("type") == "boolean":
        return st.sampled_from(["true", "false", 0, 1, "yes", []])
    return st.sampled_from([*DATES, *REFUSED, *GLOBS, 20261121, ["2026-11-21"], {"from": "2026-11-21"}, "x" * 1000])


def _damaged(cursor: str, place: int, character: str) -> str:
    cut = place % (len(cursor) + 1)
    return cursor[:cut] + character + cursor[cut + 1 :]


@st.composite
def arguments(draw: st.DrawFn, tool: str, pages: Sequence[dict[str, Json]] = ()) -> dict[str, Json]:
    """Arguments of one call: half of them within the schema, else some near or far outside, now and then one too many.

    `pages` are calls for a next page; some of the calls are those, with another limit.
    """
    properties: dict[str, Schema] = TABLE[tool].input_schema["properties"]
    if pages and draw(st.integers(0, 19)) == 0:
        return {**draw(st.sampled_from(pages)), "limit": draw(within("limit", properties["limit"], ()))}
    names = draw(st.lists(st.sampled_from(sorted(properties)), unique=True, max_size=7)) if properties else []
    if "cursor" in names and draw(st.integers(0, 3)):
        names.remove("cursor")  # it fits one call only, and would hide what is wrong with the others
    if draw(st.integers(0, 9)):
        names = [*dict.fromkeys([*names, *TABLE[tool].input_schema.get("required", [])])]
    wild, cursors, chosen = draw(st.booleans()), [page["cursor"] for page in pages], {}
    for name in names:
        kind = draw(st.sampled_from((within, within, near, None))) if wild else within
        chosen[name] = draw(kind(name, properties[name], cursors) if kind else ANYTHING)
    if wild and draw(st.integers(0, 7)) == 0:
        foreign = st.text(max_size=100) | st.sampled_from(["metrics", "Metric", "self", "model_config", "__class__"])
        chosen[draw(foreign)] = draw(SCALARS)
    return chosen
