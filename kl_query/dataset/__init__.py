"""The published dataset: its model in memory and its one reader."""

from kl_query.dataset.load import load_dataset
from kl_query.dataset.model import Dataset, empty_dataset
from kl_query.errors import DatasetError

__all__ = ["Dataset", "DatasetError", "empty_dataset", "load_dataset"]
