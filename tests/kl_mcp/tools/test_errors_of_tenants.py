"""Whatever a tenant asks wrongly, the answer is the same whatever the namespaces of others are called."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kl_mcp.tools import TABLE
from kl_mcp.tools.refusals import Call, refuse
from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.visibility import restricted_to
from kl_query.errors import ToolArgumentError
from tests.support.examples import examples
from tests.support.large_dataset import NOW, publish_named

OWN = ("mine-api", "mine-web")
HIDDEN, OTHERWISE_CALLED = ("payments", "mine", "shop-checkout", "idle"), ("zeta", "omega-a", "omega-b", "idler")
WRITTEN = [
    *HIDDEN,
    *(
        "PAYMENTS",
        "Payments",
        "payment",
        "pay*",
        "PAY*",
        "^pay",
        "payments|mine-web",
        "shop-(checkout|x)",
        "MINE",
        "mine",
    ),
    *(
        "Mine-Web",
        "mine-we",
        "MINE-*",
        "mine.*",
        "idle",
        "IDLE",
        "[ps]*",
        "*",
        "!mine",
        "p,mine-web",
        '["payments","x"]',
    ),
]
NAMED = ("namespace", "namespaces", "pattern", "patterns", "name", "Namespace", "group_by")


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[Dataset]:
    """Two clusters whose amounts are alike, as the tenant of `mine-*` may see them."""
    folder = tmp_path_factory.mktemp("tenants")
    published = [publish_named(folder / hidden[0], (*OWN, *hidden)) for hidden in (HIDDEN, OTHERWISE_CALLED)]
    return [restricted_to(load_dataset(directory), ["mine-*"]) for directory in published]


def outcome(dataset: Dataset, tool: str, arguments: dict[str, Any]) -> object:
    """The answer; of an error, its text and its data."""
    try:
        return TABLE[tool].run(arguments, dataset, NOW)
    except ToolArgumentError as error:
        refusal = refuse(TABLE, Call(tool, arguments), error, dataset, NOW)
        return refusal.text, refusal.data


values = st.sampled_from(WRITTEN)


@pytest.mark.requirement("KL-S-6", "KL-E-1")
@settings(max_examples=examples(1_500), deadline=None)
@given(
    st.sampled_from(list(TABLE)),
    st.dictionaries(st.sampled_from(NAMED), values | st.lists(values, min_size=1, max_size=4), min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(["metric", "date", "limit"]), st.sampled_from(["network", "tomorrow", "0"])),
)
@example("get_usage", {"namespace": "PAYMENTS"}, {})
@example("get_usage", {"namespaces": ["Payments", "mine-web"]}, {})
@example("group_namespaces", {"pattern": "MINE"}, {})
@example("get_timeseries", {"namespace": "idle"}, {})
def test_an_error_tells_nothing_of_namespaces_that_may_not_be_named(
    views: list[Dataset], tool: str, names: dict[str, Any], others: dict[str, Any]
) -> None:
    arguments = {**names, **others}
    assert outcome(views[0], tool, arguments) == outcome(views[1], tool, arguments)
