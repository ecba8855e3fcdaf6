"""Warnings in tests: one with any words, and what a loaded dataset tells who may see it."""

from __future__ import annotations

from kl_query.dataset import Dataset
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Plain, text, texts


def warned(words: str) -> DataWarning:
    """A warning with these words."""
    return DataWarning(Code.DIRECTORY_MISSING, text("{words}", words=Plain(words)))


def told(dataset: Dataset) -> list[str]:
    """The texts of the warnings of a load."""
    return texts(dataset.warnings)
