"""Rows that name nobody, directories and files that may not be read."""

from __future__ import annotations

import pytest

from kl_query.dataset import DatasetError, load_dataset
from tests.kl_query.dataset.legacy.conftest import FILES, Build
from tests.support.legacy_layout import put
from tests.support.ordinary_user import ordinary_user
from tests.support.warned import told

USAGE = "cpu_usage_period_1209600.json"


@pytest.mark.parametrize("suffix", ["__gpu", "__rf", "__gpu__rf"])
def test_a_suffix_without_a_name_is_nobody(build: Build, suffix: str) -> None:
    rows = [{"stack": suffix, "usage": 1.0, "date": "21 Nov"}, {"stack": "shop", "usage": 200.0, "date": "21 Nov"}]
    dataset = build({USAGE: rows})
    assert set(dataset.namespaces) == {"shop", "web"}
    assert f"{USAGE}: 1 row(s) could not be read: left out." in told(dataset)


def test_a_directory_that_may_not_be_read_is_an_error_in_one_sentence() -> None:
    with ordinary_user() as directory:
        directory.chmod(0)
        with pytest.raises(DatasetError) as caught:
            load_dataset(directory)
    assert str(caught.value) == (
        f"The data directory {directory} cannot be read (Permission denied): let the user this server runs as read it "
        "and enter it."
    )


def test_a_cost_model_that_may_not_be_read_is_an_error_that_names_file_and_reason() -> None:
    with ordinary_user() as directory:
        for name, content in FILES.items():
            put(directory, name, content)
        (directory / "backend.json").chmod(0)
        with pytest.raises(DatasetError) as caught:
            load_dataset(directory)
    assert "backend.json cannot be read (Permission denied) by the user this server runs as" in str(caught.value)


def test_files_without_their_cost_model_are_an_error_that_names_it(build: Build) -> None:
    with pytest.raises(DatasetError, match=r"backend.json is missing"):
        build({"backend.json": None})
