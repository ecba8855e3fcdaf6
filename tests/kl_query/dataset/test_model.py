import pytest

from kl_query.dataset import empty_dataset
from kl_query.dataset.table import Table
from tests.support.warned import told, warned


def test_an_empty_dataset_carries_its_reason() -> None:
    dataset = empty_dataset(warned("nothing yet"))
    assert (dataset.layout, told(dataset), dataset.scales) == ("none", ["nothing yet"], {})


def test_warnings_are_added_to_a_copy() -> None:
    dataset = empty_dataset(warned("a"))
    assert told(dataset.with_warnings(warned("b"), warned("c"))) == ["a", "b", "c"]
    assert told(dataset) == ["a"]


@pytest.mark.parametrize(("rows", "ranks"), [(("web", "bank"), [0, 1, 2]), ((), [0, 0, 0])])
def test_a_namespace_that_a_scale_lacks_ranks_after_those_it_has(rows: tuple[str, ...], ranks: list[int]) -> None:
    table = Table(rows)
    assert list(table.ranks[table.numbers(["bank", "web", "shop"])]) == ranks
