"""The one place that chooses by layout: the rules of a scale's amounts, and what follows for the whole dataset."""

from collections.abc import Mapping

from kl_query.dataset.model import Dataset, LayoutName, Scale
from kl_query.measures.amounts import AmountRules, Layout, NothingLoaded
from kl_query.measures.legacy import LegacyAmounts, LegacyLayout

_LAYOUTS: Mapping[LayoutName, Layout] = {"native": Layout(), "kubeledger": LegacyLayout(), "none": NothingLoaded()}


def layout_of(dataset: Dataset) -> Layout:
    """Return what follows from how a dataset was published."""
    return _LAYOUTS[dataset.layout]


def rules_of(scale: Scale) -> AmountRules:
    """Return the rules of a scale's amounts."""
    return AmountRules(scale) if scale.legacy is None else LegacyAmounts(scale, scale.legacy)
