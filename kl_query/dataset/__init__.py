"""The published dataset: its model in memory and its one reader."""

from kl_query.dataset.load import load_dataset
from kl_query.dataset.model import Dataset, empty_dataset
from kl_query.errors import DatasetError

EMPTY = empty_dataset
"""`EMPTY(reason)` is the dataset of a server that has nothing to load yet."""

__all__ = ["EMPTY", "Dataset", "DatasetError", "empty_dataset", "load_dataset"]
