"""An import that is repeated: what is stored stays, and arguments that say otherwise are refused before all else."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from collector.errors import StoreError
from collector.import_legacy.capacity_history import Steps
from collector.import_legacy.progress import in_force, load_mark
from collector.store import rates
from collector.store.store import Store
from tests.collector.import_legacy.importing import END, import_
from tests.collector.store.reading import capacity, plain, usage
from tests.support.legacy_rrd import DAY, HOUR, at, hashes, steps, write_database

BEGIN = END - 2 * DAY
CHANGE = at("2026-11-21T12:00")
"""The source's last closed hour at first."""
CONTRADICTION = "was imported with another capacity (50 cores and 200 GiB), and stays so. Nothing was written."


def write_source(root: Path, end: int = END) -> Path:
    """`ml` with GPUs and `shop`, sampled up to `end`."""
    directory = root / "source"
    directory.mkdir(exist_ok=True)
    for name in ("ml", "shop", "ml__gpu"):
        (directory / name).unlink(missing_ok=True)
        write_database(directory / name, steps(BEGIN, end, 10.0, 20.0))
    return directory


def file(root: Path, *rows: str) -> str:
    path = root / "history.csv"
    path.write_text("\n".join(rows))
    return str(path)


def gpus(root: Path, *rows: str) -> tuple[str, str]:
    return "--gpu-history", file(root, "from,namespace,gpus,gpu_memory", ",*,8,320Gi", *rows)


@pytest.mark.parametrize("went_on", [0, 2 * HOUR])
def test_another_capacity_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], went_on: int
) -> None:
    write_source(tmp_path)
    assert import_(tmp_path) == 0
    write_source(tmp_path, END + went_on)
    before = hashes(tmp_path / "db" / "namespaces")
    for dry_run in (("--dry-run",), ()):
        assert import_(tmp_path, *dry_run, capacity=("--capacity-cpu", "96", "--capacity-memory", "200Gi")) == 1
        told = capsys.readouterr()
        assert CONTRADICTION in told.err
        assert "or import into an empty KL_DB_LOCATION" in told.err
    assert "96 cores" not in told.out
    assert hashes(tmp_path / "db" / "namespaces") == before


def test_a_capacity_that_changed_after_what_is_stored_is_taken_on(tmp_path: Path) -> None:
    write_source(tmp_path)
    assert import_(tmp_path) == 0
    write_source(tmp_path, END + 2 * HOUR)
    history = ("--capacity-history", file(tmp_path, "from,cpu,memory", ",50,200Gi", "2026-11-21T13:00,100,200Gi"))
    assert import_(tmp_path, capacity=history) == 0
    # And again with what was given now.
    assert import_(tmp_path, capacity=history) == 0
    with Store.open(tmp_path / "db") as store:
        assert capacity(store, CHANGE - HOUR, 3) == pytest.approx([50.0, 50.0, 100.0])
        # 10 %.
        assert usage(store, "shop", CHANGE - HOUR, 3) == pytest.approx([5.0, 5.0, 10.0])


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (None, (",ml,5,200Gi",), "was imported with no GPU history, and has no GPUs, and stays so"),
        ((",ml,5,200Gi",), None, "was imported with a GPU history, and stays so"),
        ((",ml,5,200Gi",), (",ml,6,200Gi",), "was imported with other GPUs of ml, and stays so"),
        ((",ml,5,200Gi",), ("2026-11-21,*,16,640Gi", ",ml,5,200Gi"), "was imported with other GPUs of the cluster"),
        ((",ml,5,200Gi",), (",ml,5,200Gi", "2026-11-21T12:00,ml,6,240Gi"), None),
        ((",ml,5,200Gi",), (",ml,5,200Gi", "2026-11-21T11:00,ml,6,240Gi"), "other GPUs of ml"),
    ],
)
def test_other_gpus_are_refused_as_far_as_history_is_stored(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    first: tuple[str, ...] | None,
    second: tuple[str, ...] | None,
    reason: str | None,
) -> None:
    write_source(tmp_path)
    assert import_(tmp_path, *(() if first is None else gpus(tmp_path, *first))) == 0
    code = import_(tmp_path, *(() if second is None else gpus(tmp_path, *second)))
    assert code == (0 if reason is None else 1)
    assert (reason or "") in capsys.readouterr().err


def test_what_is_stored_is_counted_however_the_source_shows_it_by_now(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # An hour of which 8 steps are known is 8 ticks, and one when the source's 5-minute rows of it are gone: 15 days on.
    directory = tmp_path / "source"
    directory.mkdir()
    for end in (END, END + 15 * DAY):
        (directory / "shop").unlink(missing_ok=True)
        rows = steps(CHANGE - DAY, CHANGE - HOUR - 1200, 1.0, 1.0) | steps(CHANGE - HOUR, end, 1.0, 1.0)
        write_database(directory / "shop", rows)
        assert import_(tmp_path) == 0
    told = capsys.readouterr().out
    # 22 hours and 8 steps before, an hour after.
    assert "stored 31 ticks; 0 were there already" in told
    assert f"stored {15 * 24} ticks; 31 were there already" in told


def test_what_an_import_stored_before_it_was_killed_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Killed after ticks were stored and before the mark said so.
    write_source(tmp_path)
    assert import_(tmp_path) == 0
    mark = tmp_path / "db" / "imported.json"
    mark.write_bytes(orjson.dumps(orjson.loads(mark.read_bytes()) | {"through": CHANGE - 5 * HOUR, "ticks": 42}))
    assert import_(tmp_path) == 0
    # From 12:35 two days before, of whose hour less than half is known.
    assert "stored 0 ticks; 47 were there already" in capsys.readouterr().out


def test_what_is_not_allocatable_holds_over_a_gap_that_a_repeated_import_begins_with(tmp_path: Path) -> None:
    # 6 % until 21 November, then 8 %, and nothing after what was imported first.
    source = write_source(tmp_path)
    midnight = at("2026-11-21T00:00")
    write_database(source / "non-allocatable", steps(BEGIN, midnight, 6.0, 6.0) | steps(midnight, CHANGE, 8.0, 8.0))
    assert import_(tmp_path) == 0
    write_source(tmp_path, END + 2 * HOUR)
    assert import_(tmp_path) == 0
    with Store.open(tmp_path / "db") as store:
        rows = store.cluster(CHANGE - 13 * HOUR, CHANGE + 2 * HOUR, HOUR).allocatable["cpu"]
        # Of 50 cores.
        assert plain(rows) == pytest.approx([47.0] + [46.0] * 14)


def test_the_rates_of_what_is_stored_stay_and_later_ones_are_added(tmp_path: Path) -> None:
    # 8 an hour until 13:00, an hour after what is stored first.
    for end, currency in ((END, "€"), (END + 2 * HOUR, "$")):
        rate = write_source(tmp_path, end) / ".billing-hourly-rate"
        rate.unlink(missing_ok=True)
        change = min(end, CHANGE + HOUR)
        write_database(rate, steps(BEGIN, change, 8.0, 8.0) | steps(change, end, 9.0, 9.0))
        assert import_(tmp_path, KL_BILLING_CURRENCY=currency) == 0
    found = [(change.effective, change.rate, change.currency) for change in rates.load(tmp_path / "db")]
    # From 12:35 two days before: the hour that is known in part has no rate.
    assert found == [(CHANGE - 47 * HOUR, 8.0, "€"), (CHANGE + HOUR, 9.0, "$")]


def test_another_directory_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_source(tmp_path)
    assert import_(tmp_path) == 0
    moved = source.rename(tmp_path / "moved")
    assert import_(tmp_path, source=moved) == 0
    assert (
        f"  note        what is stored already was imported from {source}: {moved} has to hold the databases of the "
        "same installation\n"
    ) in capsys.readouterr().out


def test_a_damaged_mark_is_explained(tmp_path: Path) -> None:
    (tmp_path / "imported.json").write_text('{"end": 1}')
    with pytest.raises(StoreError, match=r"imported.json is damaged.* \(through: Field required"):
        load_mark(tmp_path)


@pytest.mark.parametrize(
    ("since", "begin", "end", "expected"),
    [
        ((0, 10, 20), 0, 30, (0, 10, 20)),
        ((0, 10, 20), 12, 20, (12,)),
        ((0, 10, 20), 20, 20, ()),
        ((5, 10), 5, 11, (5, 10)),
    ],
)
def test_what_holds_between_two_times(since: tuple[int, ...], begin: int, end: int, expected: tuple[int, ...]) -> None:
    values = tuple((float(number), 1.0) for number in range(len(since)))
    assert in_force(Steps(since, values), begin, end).since == expected


def test_a_row_that_repeats_the_one_before_is_no_change() -> None:
    assert in_force(Steps((0, 5), ((1.0, 2.0), (1.0, 2.0))), 0, 9) == Steps((0,), ((1.0, 2.0),))
