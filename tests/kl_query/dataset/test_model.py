from kl_query.dataset import EMPTY
from kl_query.dataset.model import Dataset, Namespace
from tests.support.warned import told, warned


def test_an_empty_dataset_carries_its_reason() -> None:
    dataset = EMPTY(warned("nothing yet"))
    assert (dataset.layout, told(dataset), dataset.scales) == ("none", ["nothing yet"], {})


def test_warnings_are_added_to_a_copy() -> None:
    dataset = EMPTY(warned("a"))
    assert told(dataset.with_warnings(warned("b"), warned("c"))) == ["a", "b", "c"]
    assert told(dataset) == ["a"]


def test_a_restricted_view_hides_what_is_not_visible() -> None:
    table = {name: Namespace(name, 0, 0, active=True) for name in ("a", "b")}
    dataset = Dataset("native", "cumulative", namespaces=table)
    assert dataset.restricted_to(lambda name: name == "a").hidden == {"b"}
    assert dataset.hidden == frozenset()
