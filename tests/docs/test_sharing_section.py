"""The example of docs/accounting.md on sharing over several days, against the server's own answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from kl_query.dataset.model import Sharing
from kl_query.measures.sharing import shared_by
from tests.support.datasets import Dataset, Row, Scale, at, write

PAGE = Path(__file__).parents[2] / "docs" / "accounting.md"
HEADER = "| after step 1 | first day | second day | both as one sum |\n|---|---|---|---|\n"
USAGE = {"shop": (40, 10), "blog": (20, 10), "infra": (12, 20)}
ALL = "all namespaces"


def printed() -> dict[str, list[tuple[str, float]]]:
    """The rows of the example: per cell its reckoning and its amount."""
    _, _, table = PAGE.read_text(encoding="utf-8").partition(HEADER)
    rows = {}
    for line in table.splitlines():
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        pairs = (cell.split(" = ") for cell in cells)
        rows[name] = [(reckoning, float(amount)) for reckoning, amount in pairs]
    return rows


def answered(directory: Path) -> dict[str, list[float]]:
    """Both days and their sum per namespace, of a cluster with one price throughout: 1 a core-hour."""
    days = Scale(
        first="2026-11-19",
        capacity={"cpu": [100, 100]},
        bill={"cpu": [100, 100]},
        namespaces={name: {"cpu": Row(usage, usage)} for name, usage in USAGE.items()},
    )
    dataset = shared_by(load_dataset(write(directory, Dataset(daily=days))), Sharing(namespaces=("infra",)))
    asked = {"metric": "cpu", "cost_model": "costs", "namespaces": list(USAGE)}
    answer = TABLE["get_usage"].run(asked, dataset, at("2026-11-21T19:00:00Z").timestamp())
    rows = {series["namespace"]: [*series["values"], series["total"]] for series in answer["series"]}
    return {**rows, ALL: [*answer["totals"], answer["total"]]}


def test_the_amounts_are_those_of_the_server(tmp_path: Path) -> None:
    assert {name: [amount for _, amount in cells] for name, cells in printed().items()} == answered(tmp_path)


@pytest.mark.parametrize("name", [*USAGE, ALL])
def test_the_arithmetic_gives_the_amounts(name: str) -> None:
    for reckoning, amount in printed()[name]:
        arithmetic = reckoning.replace("×", "*").replace("÷", "/")
        assert re.fullmatch(r"[\d.+*/ ]+", arithmetic)
        assert eval(arithmetic, {"__builtins__": {}}) == amount


def test_the_page_says_how_far_days_and_window_are_apart(tmp_path: Path) -> None:
    found = answered(tmp_path)
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    shop, blog = found["shop"], found["blog"]
    assert f"`shop` add up to {sum(shop[:2]):.2f} and those of `blog` to {sum(blog[:2]):.2f}" in text
    assert f"sums over both say {shop[2]:.2f} and {blog[2]:.2f}" in text
    assert sum(found[ALL][:2]) == found[ALL][2]
