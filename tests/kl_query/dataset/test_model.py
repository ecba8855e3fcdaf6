from kl_query.dataset import empty_dataset
from tests.support.warned import told, warned


def test_an_empty_dataset_carries_its_reason() -> None:
    dataset = empty_dataset(warned("nothing yet"))
    assert (dataset.layout, told(dataset), dataset.scales) == ("none", ["nothing yet"], {})


def test_warnings_are_added_to_a_copy() -> None:
    dataset = empty_dataset(warned("a"))
    assert told(dataset.with_warnings(warned("b"), warned("c"))) == ["a", "b", "c"]
    assert told(dataset) == ["a"]
