"""A source of two namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector.import_legacy.importing import BEGIN, END
from tests.support.legacy_rrd import at, steps, write_database


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """`shop` at 10 % and 20 %, doubled from 20 November on, with rf 0.5; `lab` at 4 % from 1 to 10 November, rf 1.0."""
    directory = tmp_path / "source"
    directory.mkdir()
    change = at("2026-11-20T00:00")
    write_database(directory / "shop", steps(BEGIN, change, 10.0, 20.0) | steps(change, END, 20.0, 40.0))
    write_database(directory / "shop__rf", steps(BEGIN, END, 0.5, 0.8))
    lab = (at("2026-11-01T00:00"), at("2026-11-10T06:00"))
    write_database(directory / "lab", steps(*lab, 4.0, 2.0))
    write_database(directory / "lab__rf", steps(*lab, 1.0, 0.5))
    write_database(directory / "non-allocatable", steps(BEGIN, END, 6.0, 5.0))
    write_database(directory / ".billing-hourly-rate", steps(BEGIN, change, 8.0, 8.0) | steps(change, END, 9.5, 9.5))
    return directory
