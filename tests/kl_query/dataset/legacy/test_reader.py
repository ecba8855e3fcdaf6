"""Rows that name nobody, directories that may not be looked into."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kl_query.dataset import DatasetError, load_dataset
from tests.kl_query.dataset.legacy.conftest import Build
from tests.support.warned import told

USAGE = "cpu_usage_period_1209600.json"


@pytest.mark.parametrize("suffix", ["__gpu", "__rf", "__gpu__rf"])
def test_a_suffix_without_a_name_is_nobody(build: Build, suffix: str) -> None:
    rows = [{"stack": suffix, "usage": 1.0, "date": "21 Nov"}, {"stack": "shop", "usage": 200.0, "date": "21 Nov"}]
    dataset = build({USAGE: rows})
    assert set(dataset.namespaces) == {"shop", "web"}
    assert f"{USAGE}: 1 row(s) could not be read: left out." in told(dataset)


@contextmanager
def _as_ordinary_user(directory: Path) -> Iterator[None]:
    """Take the right to look into a directory, and be somebody whom that binds, which it does not bind root."""
    root = os.geteuid() == 0
    directory.chmod(0)
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        directory.chmod(0o700)


def test_a_directory_that_may_not_be_read_is_an_error_in_one_sentence(build: Build, tmp_path: Path) -> None:
    build()
    with _as_ordinary_user(tmp_path), pytest.raises(DatasetError) as caught:
        load_dataset(tmp_path)
    assert str(caught.value) == (
        f"The data directory {tmp_path} cannot be read (Permission denied): let the user this server runs as read it "
        "and enter it."
    )
