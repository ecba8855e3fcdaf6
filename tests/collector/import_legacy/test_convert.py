import numpy as np
import pytest

from collector.import_legacy.capacity_history import Steps
from collector.import_legacy.convert import Rows, carried_forward, requested, samples

NAN = np.nan


def test_requests_are_usage_divided_by_rf_unless_that_is_one_zero_or_unknown() -> None:
    usage = np.array([[2.0, 2.0, 2.0, 2.0, 0.0, 3.0]])
    rf = np.array([[0.5, 1.0, 0.0, NAN, 0.0, 1.0 + 1e-6]])
    found = requested(usage, rf)[0]
    assert found[[0, 5]] == pytest.approx([4.0, 3.0 / (1 + 1e-6)])
    assert np.isnan(found[1:5]).all()
    assert np.isnan(requested(usage, None)).all()


def test_what_is_not_allocatable_holds_until_the_next_known_value() -> None:
    values = np.array([[NAN, 5.0, NAN, 7.0], [NAN, NAN, 1.0, NAN]])
    filled = carried_forward(values, np.array([[3.0], [2.0]]))
    assert filled.tolist() == [[3.0, 5.0, 5.0, 7.0], [2.0, 2.0, 1.0, 1.0]]


def test_not_allocatable_is_between_nothing_and_all_of_the_capacity() -> None:
    # 120 % and -5 % of 50 cores and 100 bytes.
    rows = Rows({}, {}, {}, {}, np.array([[120.0, -5.0], [-5.0, 120.0]]))
    first, second = samples((3600, 7200), (3600, 3600), rows, Steps((0,), ((50.0, 100.0),)), None)
    assert first.allocatable == {"cpu": 0.0, "memory": 100.0}
    assert second.allocatable == {"cpu": 50.0, "memory": 0.0}


def test_gpu_usage_that_the_source_does_not_know_is_unknown_while_gpus_are_held() -> None:
    # It holds none at first, then 4 of 8 GPUs with 160 of 320 bytes; the source knows 25 % and 50 % of the last alone.
    usage = {"a": np.full((2, 4), 10.0)}
    gpu = {"a": np.array([[NAN, NAN, NAN, 25.0], [NAN, NAN, 50.0, 50.0]])}
    numbers = {"*": Steps((0,), ((8.0, 320.0),)), "a": Steps((0, 3600), ((0.0, 0.0), (4.0, 160.0)))}
    rows = Rows(usage, {}, gpu, {}, np.zeros((2, 4)))
    ticks = (3600, 7200, 10800, 14400)
    found = [each.namespaces["a"] for each in samples(ticks, (3600,) * 4, rows, Steps((0,), ((50.0, 100.0),)), numbers)]
    assert [(each.usage.get("gpu", 0.0), each.usage.get("gpu_memory", 0.0)) for each in found] == [
        (0.0, 0.0),
        (None, None),
        (None, 80.0),
        (1.0, 80.0),
    ]
    assert [each.requests.get("gpu", 0.0) for each in found] == [0.0, 4.0, 4.0, 4.0]


def test_gpu_usage_before_the_first_number_that_is_given_is_unknown_where_the_source_tells_some() -> None:
    gpu = {"a": np.array([[NAN, 25.0], [NAN, 25.0]])}
    numbers = {"*": Steps((0,), ((8.0, 320.0),)), "a": Steps((7200,), ((4.0, 160.0),))}
    rows = Rows({"a": np.full((2, 2), 10.0)}, {}, gpu, {}, np.zeros((2, 2)))
    first, second = samples((3600, 7200), (3600, 3600), rows, Steps((0,), ((50.0, 100.0),)), numbers)
    assert "gpu" not in first.namespaces["a"].usage
    assert (second.namespaces["a"].usage["gpu"], second.namespaces["a"].requests["gpu"]) == (None, None)


def test_a_namespace_is_named_in_the_rows_that_know_it() -> None:
    rows = Rows({"a": np.array([[10.0, NAN], [NAN, NAN]])}, {}, {}, {}, np.zeros((2, 2)))
    first, second = samples((3600, 7200), (3600, 3600), rows, Steps((0,), ((50.0, 100.0),)), None)
    # 10 % of 50; memory is not known, and neither are requests.
    assert first.namespaces["a"].usage == {"cpu": 5.0, "memory": None}
    assert first.namespaces["a"].requests == {"cpu": None, "memory": None}
    assert second.namespaces == {}
    assert first.observed == {"kubernetes": True, "metrics": True, "dcgm": None}
