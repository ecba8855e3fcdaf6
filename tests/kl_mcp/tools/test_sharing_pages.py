"""Pages of an answer after sharing."""

from __future__ import annotations

from kl_mcp.tools import TABLE
from kl_query.dataset.model import Sharing
from kl_query.measures.sharing import shared_by
from tests.support.large_dataset import NOW, large_dataset


def test_pages_hold_every_bearer_once() -> None:
    dataset = shared_by(large_dataset(300), Sharing(("kube-*",), idle=True))
    seen: list[str] = []
    cursor = None
    while True:
        answer = TABLE["get_usage"].run({"cost_model": "costs", "limit": 100, "cursor": cursor}, dataset, NOW)
        seen += [row["namespace"] for row in answer["series"]]
        cut = answer["metadata"]["truncated"]
        cursor = cut["cursor"] if cut else None
        if cursor is None:
            break
    assert sorted(seen) == sorted(name for name in dataset.namespaces if not name.startswith("kube-"))
