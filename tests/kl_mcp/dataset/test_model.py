from kl_mcp.dataset import EMPTY
from kl_mcp.dataset.model import Dataset, Namespace


def test_an_empty_dataset_carries_its_reason() -> None:
    dataset = EMPTY("nothing yet")
    assert (dataset.layout, dataset.warnings, dataset.scales) == ("none", ("nothing yet",), {})


def test_warnings_are_added_to_a_copy() -> None:
    dataset = EMPTY("a")
    assert dataset.with_warnings("b", "c").warnings == ("a", "b", "c")
    assert dataset.warnings == ("a",)


def test_a_restricted_view_hides_what_is_not_visible() -> None:
    table = {name: Namespace(name, 0, 0, active=True) for name in ("a", "b")}
    dataset = Dataset("native", "cumulative", namespaces=table)
    assert dataset.restricted_to(lambda name: name == "a").hidden == {"b"}
    assert dataset.hidden == frozenset()
