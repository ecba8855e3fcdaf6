"""The books of a real store as a reader of the published JSON gets them, and what must hold for any of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.books.hour_closing import Bookkeeper, Books
from collector.model import TickSample
from collector.publish.scale_document import scale_documents
from collector.store.rates import RateChange
from collector.store.store import Store
from tests.support.datasets import validate


def books_after(directory: Path, samples: Sequence[TickSample], rates: Sequence[RateChange] = ()) -> Books:
    """The books after `samples` were appended to the store under `directory`."""
    with Store.open(directory) as store:
        store.append(samples)
        return Bookkeeper(store).books(rates)


def documents(books: Books) -> dict[str, Any]:
    """The scale documents by name, through JSON, each valid against its schema and balanced."""
    return {name: checked(document) for name, document in scale_documents(books).items()}


def checked(document: Mapping[str, Any]) -> dict[str, Any]:
    """One scale document through JSON, valid and balanced."""
    plain: dict[str, Any] = orjson.loads(orjson.dumps({**document, "generation": 1}, option=orjson.OPT_SERIALIZE_NUMPY))
    validate(plain, "scale")
    check_identity(plain)
    return plain


def check_identity(document: Mapping[str, Any]) -> None:
    """Per metric and bucket: Σ namespaces + Σ special = capacity, and likewise cost and bill where all is priced."""
    entries = [*document["namespaces"].values(), *document["special"].values()]
    for metric, capacity in document["capacity"].items():
        for place, total in enumerate(capacity):
            if total is not None:
                assert total_of(entries, metric, "usage", place) == pytest.approx(total, rel=1e-8, abs=1e-8)
    for metric, bill in document["bill"].items():
        if document["scale"] == "hourly_7d":
            continue
        for place, total in enumerate(bill):
            if total is not None and document["capacity"][metric][place]:
                assert total_of(entries, metric, "cost", place) == pytest.approx(total, rel=1e-8, abs=1e-8)


def total_of(entries: Iterable[Mapping[str, Any]], metric: str, field: str, place: int) -> float:
    """Sum of the known amounts of a bucket over entries; a metric that an entry does not list is zero."""
    return sum(entry[metric][field][place] or 0.0 for entry in entries if metric in entry)
