"""Every layout a dataset can have has an answer to what follows from it."""

from __future__ import annotations

from typing import get_args

import pytest

from kl_core.vocabulary import SCALES
from kl_query.dataset.model import Dataset, LayoutName
from kl_query.measures.by_layout import layout_of


@pytest.mark.parametrize("name", get_args(LayoutName))
def test_every_layout_says_how_deep_it_is_and_when_it_is_stale(name: LayoutName) -> None:
    dataset = Dataset(layout=name, cost_model="cumulative")
    layout = layout_of(dataset)
    assert set(layout.depth) == set(SCALES)
    assert dataset.cost_model in layout.cost_models(dataset)
    assert layout.max_age_seconds(dataset) > 0


def test_only_what_a_collector_publishes_waits_for_a_first_source() -> None:
    empty = [Dataset(layout=name, cost_model="cumulative") for name in get_args(LayoutName)]
    waiting = [dataset.layout for dataset in empty if layout_of(dataset).unsampled_warnings(dataset, 0)]
    assert waiting == ["native"]
