"""GPUs of databases that are imported; expected numbers by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.store.store import Store
from tests.collector.import_legacy.importing import END, import_
from tests.collector.store.reading import capacity, plain
from tests.support.legacy_rrd import DAY, HOUR, at, steps, write_database
from tests.support.samples import GIB


def test_gpus_are_imported_with_their_number(tmp_path: Path) -> None:
    directory = tmp_path / "source"
    directory.mkdir()
    write_database(directory / "ml", steps(END - DAY, END, 10.0, 20.0))
    write_database(directory / "ml__gpu", steps(END - DAY, END, 60.0, 50.0))
    write_database(directory / "ml__gpu__rf", steps(END - DAY, END, 0.75, 0.75))
    history = tmp_path / "gpus.csv"
    history.write_text("from,namespace,gpus,gpu_memory\n,*,8,320Gi\n,ml,5,200Gi\n")
    assert import_(tmp_path, "--gpu-history", str(history)) == 0
    with Store.open(tmp_path / "db") as store:
        first = END - END % HOUR - 2 * HOUR
        rows = store.entry("namespace", "ml", first, first + HOUR, HOUR)
        # A mean of 60 % over 5 GPUs, 50 % of their 200 GiB; 3 ÷ 0.75 were requested.
        assert plain(rows.usage["gpu"]) == pytest.approx([3.0])
        assert plain(rows.usage["gpu_memory"]) == pytest.approx([100 * GIB])
        assert plain(rows.requests["gpu"]) == pytest.approx([4.0])
        assert capacity(store, first, metric="gpu") == pytest.approx([8.0])


def test_the_gpus_held_are_requested_where_the_source_has_no_rf_of_them(tmp_path: Path) -> None:
    # It creates the file and never writes it. 5 GPUs are held, 6 from 21 November on.
    directory = tmp_path / "source"
    directory.mkdir()
    write_database(directory / "ml", steps(END - 2 * DAY, END, 10.0, 20.0))
    write_database(directory / "ml__gpu", steps(END - 2 * DAY, END, 60.0, 50.0))
    write_database(directory / "ml__gpu__rf", {END - 2 * DAY: (None, None)})
    history = tmp_path / "gpus.csv"
    history.write_text("from,namespace,gpus,gpu_memory\n,*,8,320Gi\n,ml,5,200Gi\n2026-11-21,ml,6,240Gi\n")
    assert import_(tmp_path, "--gpu-history", str(history)) == 0
    with Store.open(tmp_path / "db") as store:
        first = at("2026-11-20T23:00")
        rows = store.entry("namespace", "ml", first, first + 2 * HOUR, HOUR)
        assert plain(rows.usage["gpu"]) == pytest.approx([3.0, 3.6])
        assert plain(rows.requests["gpu"]) == pytest.approx([5.0, 6.0])


def test_the_plan_counts_the_namespaces_whose_gpus_are_imported(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # `lab` has no row in the history, `gone` no usage of its own, and `m1` is no namespace of the source.
    for name in ("shop", "lab", "gone"):
        (source / f"{name}__gpu").write_bytes((source / "shop").read_bytes())
    history = tmp_path / "gpus.csv"
    history.write_text("from,namespace,gpus,gpu_memory\n,*,8,320Gi\n,shop,5,200Gi\n,gone,1,40Gi\n,m1,1,40Gi\n")
    assert import_(tmp_path, "--gpu-history", str(history), "--dry-run") == 0
    told = capsys.readouterr().out
    assert "  namespaces  2, of which 2 with requests and 1 with GPUs\n" in told
    assert "note        GPU usage of 1 namespace(s) is skipped, the GPU history has no row: lab\n" in told
    assert "note        GPU usage of 1 namespace(s) is skipped, there is a NAME__gpu but no NAME: gone\n" in told
    assert "note        the GPU history names 1 namespace(s) without a __gpu file: m1\n" in told
