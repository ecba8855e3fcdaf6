"""Reads the files an existing KubeLedger (or kube-opex-analytics) installation writes, into the same `Dataset`.

What such files cannot tell is unknown: core-hours, capacity, coverage, when a namespace was first seen.
"""

from kl_query.dataset.legacy.files import is_legacy
from kl_query.dataset.legacy.reader import Reader, reader_of

__all__ = ["Reader", "is_legacy", "reader_of"]
