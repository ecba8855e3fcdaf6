"""Which listings of metrics count as observed."""

import logging
from collections.abc import Iterable, Iterator

import pytest

from collector.accounting.measured_usage import EntryUsage
from collector.errors import SourceError
from collector.observations import PodMetrics
from tests.collector.accounting.measuring import UNKNOWN, entry, measured, usage
from tests.support.observed import GIB, MOMENT, item, odd, pod


def test_without_metrics_nothing_is_observed() -> None:
    found = measured([pod()], None)
    assert found.of("shop") is None
    assert found.unmeasured == {}


def broken(items: Iterable[PodMetrics]) -> Iterator[PodMetrics]:
    yield from items
    raise SourceError("metrics", "cut off")


def test_a_listing_that_breaks_off_is_not_observed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert measured([pod()], broken([item()])).entries is None
    assert "is unknown for this interval: metrics: cut off" in caplog.text


def test_another_error_of_a_listing_is_not_hidden() -> None:
    def defect() -> Iterator[PodMetrics]:
        yield item()
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        measured([pod()], defect())


def test_an_empty_listing_where_pods_are_expected_is_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert measured([pod()], []).entries is None
    assert "lists no pod at all" in caplog.text


def test_an_empty_listing_is_right_where_no_pod_is_expected() -> None:
    assert entry(measured([pod(since=MOMENT - 120)], [])) == EntryUsage(0.0, 0.0, 1.0)
    assert measured([pod(since=MOMENT - 121)], []).entries is None


@pytest.mark.parametrize(
    ("age", "told"), [(129_600.0, "is 1 day, 12:00:00 old"), (301.0, "is 0:05:01 old"), (-301.0, "is 0:05:01 ahead")]
)
def test_a_listing_with_nothing_fresh_is_not_observed(age: float, told: str, caplog: pytest.LogCaptureFixture) -> None:
    items = [item(at=MOMENT - age), item("other", at=MOMENT - 2 * age)]
    with caplog.at_level(logging.WARNING):
        assert measured([pod(), pod("other")], items).entries is None
    assert f"the newest sample of metrics-server {told}" in caplog.text


def test_one_fresh_sample_is_enough_for_the_source() -> None:
    found = measured([pod(), pod("other")], [item(at=0.0), item("other", at=MOMENT - 300)])
    assert usage(found) == UNKNOWN
    assert usage(found, "other") == (0.5, 0.5 * GIB)


def test_a_listing_of_odd_items_alone_is_observed_and_measures_nobody() -> None:
    found = measured([pod()], [odd()])
    assert entry(found) == EntryUsage(None, None, 0.0)
