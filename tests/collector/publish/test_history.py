"""The history that a collector publishes: the days of closed months, as the books have them, once."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import orjson
import pytest

from collector.errors import PublishError
from collector.model import Entry, TickSample
from collector.publish import history
from collector.publish.publisher import Publisher
from collector.settings import Settings, load
from collector.store import rates
from collector.store.rates import RateChange
from collector.store.store import Store
from kl_core.calendar import DAY, HOUR, add_months, floor_month
from kl_core.vocabulary import Metric
from kl_query.dataset import load_dataset
from kl_query.dataset.derived import RULES
from kl_query.dataset.model import Scale
from kl_query.dataset.pieces import cut, folded, joined
from kl_query.dataset.table import COLUMNS, Amounts, Column
from kl_query.view import frame
from tests.support.datasets import at, validate

BEGIN = int(at("2026-01-20T00:00:00Z").timestamp())
RATE = RateChange(BEGIN, 6.0, "EUR", None)
LATER = RateChange(BEGIN + 30 * DAY, 9.0, "EUR", {"cpu": 1.0, "memory": 3.0, "gpu": 0.0})


def sample(time: int) -> TickSample:
    """An hour: web all the time, batch in every third, old until 10 February, a gap on 1 March from 5 to 8."""
    hour = (time - BEGIN) // HOUR
    known = not at("2026-03-01T05:00:00Z").timestamp() < time <= at("2026-03-01T08:00:00Z").timestamp()
    namespaces = {
        "web": Entry({"cpu": 1.0 + hour % 5, "memory": 2.0**30 * (hour % 7)}, {"cpu": 4.0, "memory": 2.0**33}, 1.0),
        "batch": Entry(
            {"cpu": 2.0 if hour % 3 else None, "memory": 2.0**30 if hour % 3 else None},
            {"cpu": 1.0, "memory": 2.0**31},
            1.0 if hour % 3 else 0.2,
        ),
    }
    if time <= at("2026-02-10T00:00:00Z").timestamp():
        namespaces["old"] = Entry({"cpu": 0.5, "memory": 2.0**29}, {"cpu": 0.25, "memory": 2.0**29}, 1.0)
    whole: dict[str, float] = {"cpu": 20.0, "memory": 2.0**36}
    return TickSample(
        time=time,
        interval=HOUR,
        observed={"kubernetes": known, "metrics": known, "dcgm": None},
        capacity=whole if known else {},  # type: ignore[arg-type]
        allocatable={"cpu": 18.0, "memory": 2.0**36} if known else {},
        namespaces=namespaces if known else {},
        special={},
    )


def samples(begin: int, end: int) -> list[TickSample]:
    return [sample(time) for time in range(begin + HOUR, end + 1, HOUR)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(
        {
            "KL_DB_LOCATION": str(tmp_path / "db"),
            "KL_DATA_DIR": str(tmp_path / "data"),
            "KL_COST_MODEL": "CHARGE_BACK",
            "KL_BILLING_HOURLY_RATE": "6",
            "KL_K8S_API_ENDPOINT": "http://127.0.0.1:9",
        }
    )


def publish(settings: Settings, begin: int, end: int, *changes: RateChange) -> None:
    """Store what happened between two times, and publish as a process that has just begun does."""
    with Store.open(settings.db_location) as store:
        store.append(samples(begin, end))
        rates.save(settings.db_location, (RATE, LATER, *changes))
        Publisher(settings, store, lambda: end).publish()


def days(settings: Settings, first: int, stop: int) -> Scale:
    dataset = load_dataset(settings.data_dir)
    assert dataset.history is not None
    return joined([piece for piece in dataset.history.pieces("daily_14d", first, stop) if piece.starts])


def assert_equal(one: Scale, other: Scale) -> None:
    """Whatever is known of either scale is known of the other, and the same to nine digits."""
    assert (one.starts, one.ends, one.complete) == (other.starts, other.ends, other.complete)
    for name in ("elapsed_hours", "observed_hours", "priced"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, err_msg=name)
    for name in ("capacity", "allocatable", "bill", "coverage"):
        for key in {**getattr(one, name), **getattr(other, name)}:
            np.testing.assert_allclose(getattr(one, name)[key], getattr(other, name)[key], rtol=1e-8, err_msg=key)
    gone = set(other.namespaces) - set(one.namespaces)
    assert not set(one.namespaces) - set(other.namespaces)
    assert not any(amounts.usage.any() for row in gone for amounts in other.namespaces[row].values())
    for table in ("namespaces", "special"):
        for row in getattr(one, table):
            first, second = getattr(one, table)[row], getattr(other, table)[row]
            assert first.keys() == second.keys()
            for metric, amounts in first.items():
                for column in COLUMNS:
                    pair = of(one, metric, amounts, column), of(other, metric, second[metric], column)
                    np.testing.assert_allclose(*pair, rtol=1e-8, atol=1e-9, err_msg=f"{row} {metric} {column}")


def of(scale: Scale, metric: Metric, amounts: Amounts, name: str) -> Column:
    """Return a column, by its rule where it is left out."""
    column: Column | None = getattr(amounts, name)
    return RULES[name](scale, metric, amounts) if column is None else column


@pytest.mark.requirement("KL-D-13")
def test_the_days_of_each_month_add_up_to_the_month_in_everything(settings: Settings) -> None:
    end = int(at("2026-04-03T07:00:00Z").timestamp())
    publish(settings, BEGIN, end)
    dataset = load_dataset(settings.data_dir)
    monthly, daily = dataset.scales["monthly_12m"], dataset.scales["daily_14d"]
    assert [
        len(days(settings, start, end).starts) for start, end in zip(monthly.starts, monthly.ends, strict=True)
    ] == [12, 28, 31, 2]
    for place, start in enumerate(monthly.starts[:-1]):
        assert_equal(folded(days(settings, start, monthly.ends[place]), "monthly_12m"), cut(monthly, place, place + 1))
    assert_equal(days(settings, daily.starts[0], daily.starts[-1]), cut(daily, 0, len(daily.starts) - 1))


def test_a_namespace_is_in_the_months_that_it_lived_in(settings: Settings) -> None:
    publish(settings, BEGIN, int(at("2026-04-01T00:00:00Z").timestamp()))
    february, march = (int(at(f"2026-0{month}-01T00:00:00Z").timestamp()) for month in (2, 3))
    assert set(days(settings, february, march).namespaces) == {"web", "batch", "old"}
    assert set(days(settings, march, add_months(march, 1)).namespaces) == {"web", "batch"}


def test_a_file_is_written_once_and_only_that_of_the_open_month_changes(settings: Settings) -> None:
    first, then = (int(at(f"2026-03-0{day}T12:00:00Z").timestamp()) for day in (5, 6))
    publish(settings, BEGIN, first)
    folder = settings.data_dir / "history"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    publish(settings, first, then)
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    closed = {name for name in before if "2026-03" not in name}
    assert len(closed) == 2
    assert {name: after[name] for name in closed} == {name: before[name] for name in closed}
    assert sum("2026-03" in name for name in after) == 2
    publish(settings, then, then + HOUR)
    assert sum("2026-03" in path.name for path in folder.iterdir()) == 1


def test_what_the_index_names_is_there_and_as_it_says_and_valid(settings: Settings) -> None:
    publish(settings, BEGIN, int(at("2026-03-05T12:00:00Z").timestamp()))
    manifest = orjson.loads((settings.data_dir / "dataset.json").read_bytes())
    validate(manifest, "manifest")
    index = orjson.loads((settings.data_dir / manifest["files"]["history"]["name"]).read_bytes())
    validate(index, "history")
    assert [(file["start"], file["end"]) for file in index["files"]] == [
        ("2026-01-20T00:00:00Z", "2026-02-01T00:00:00Z"),
        ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("2026-03-01T00:00:00Z", "2026-03-05T00:00:00Z"),
    ]
    assert not load_dataset(settings.data_dir).warnings


def test_a_history_that_is_lost_is_published_again_and_leftovers_go(settings: Settings) -> None:
    end = int(at("2026-03-05T12:00:00Z").timestamp())
    publish(settings, BEGIN, end)
    folder = settings.data_dir / "history"
    lost = sorted(path.name for path in folder.iterdir())
    for path in folder.iterdir():
        path.unlink()
    (folder / "days-2025-11-0123456789abcdef.json.xz.unfinished").write_bytes(b"")
    (folder / "notes.txt.orig~").write_bytes(b"somebody's")
    publish(settings, end, end + HOUR)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*lost, "notes.txt.orig~"])


def test_a_month_that_could_not_be_written_is_with_the_next_publication(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = int(at("2026-03-05T12:00:00Z").timestamp())
    with Store.open(settings.db_location) as store:
        store.append(samples(BEGIN, end))
        publisher = Publisher(settings, store, lambda: end)
        with monkeypatch.context() as patch:
            patch.setattr(history, "write_atomically", no_space)
            with pytest.raises(PublishError):
                publisher.publish()
        publisher.publish()
    assert sorted(path.name[5:12] for path in (settings.data_dir / "history").iterdir()) == [
        "2026-01",
        "2026-02",
        "2026-03",
    ]


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_month_older_than_the_books_stays(settings: Settings) -> None:
    publish(settings, BEGIN, int(at("2026-03-05T12:00:00Z").timestamp()))
    newest = int(at("2027-06-02T00:00:00Z").timestamp())
    publish(settings, newest - HOUR, newest)
    dataset = load_dataset(settings.data_dir)
    view = frame(dataset, "daily_14d", "cpu", "cumulative", date="2026-02-01")
    assert floor_month(BEGIN) < dataset.scales["monthly_12m"].starts[0]
    assert view.total_of("old").value == 12.0


def indexed(settings: Settings) -> list[tuple[str, str]]:
    """Start and end of each file that the index names; all are there."""
    manifest = orjson.loads((settings.data_dir / "dataset.json").read_bytes())
    index = orjson.loads((settings.data_dir / manifest["files"]["history"]["name"]).read_bytes())
    assert all((settings.data_dir / file["name"]).stat().st_size == file["size"] for file in index["files"])
    return [(file["start"][:10], file["end"][:10]) for file in index["files"]]


def test_a_month_whose_last_day_did_not_fit_is_published_with_the_next_tick(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = int(at("2026-02-01T00:00:00Z").timestamp())
    with Store.open(settings.db_location) as store:
        publisher = Publisher(settings, store, lambda: end)
        store.append(samples(BEGIN, end - HOUR))
        publisher.publish()
        assert indexed(settings) == [("2026-01-20", "2026-01-31")]
        store.append([sample(end)])
        with monkeypatch.context() as patch:
            patch.setattr(history, "write_atomically", full)
            with pytest.raises(PublishError):
                publisher.publish()
        publisher.publish()
        assert indexed(settings) == [("2026-01-20", "2026-02-01")]


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_files_that_vanish_while_a_collector_runs_are_published_again(settings: Settings) -> None:
    end = int(at("2026-03-05T12:00:00Z").timestamp())
    with Store.open(settings.db_location) as store:
        publisher = Publisher(settings, store, lambda: end)
        store.append(samples(BEGIN, end))
        publisher.publish()
        whole = indexed(settings)
        first, second, third = sorted((settings.data_dir / "history").iterdir())
        content = second.read_bytes()
        first.unlink()
        second.write_bytes(content[:-9])
        third.unlink()
        publisher.publish()
        assert indexed(settings) == whole
        assert second.read_bytes() == content


def test_a_history_that_is_restored_alone_stays_also_where_it_is_older_than_the_books(settings: Settings) -> None:
    """Of the open month two generations have a file."""
    for begin, end in ((BEGIN, BEGIN + 20 * DAY), (BEGIN + 20 * DAY, BEGIN + 21 * DAY)):
        publish(settings, begin, end)
    newest = int(at("2027-06-02T00:00:00Z").timestamp())
    kept = {path: path.read_bytes() for path in (settings.data_dir / "history").iterdir()}
    publish(settings, newest - HOUR, newest)
    before = indexed(settings)
    shutil.rmtree(settings.data_dir)
    (settings.data_dir / "history").mkdir(parents=True)
    for path, content in kept.items():
        path.write_bytes(content)
    publish(settings, newest, newest + HOUR)
    assert before[:2] == [("2026-01-20", "2026-02-01"), ("2026-02-01", "2026-02-10")]
    assert indexed(settings) == before


def test_a_restored_file_that_is_damaged_is_not_named_and_not_removed(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    publish(settings, BEGIN, BEGIN + 5 * DAY)
    (path,) = (settings.data_dir / "history").iterdir()
    damaged = path.with_name("days-2024-10-0123456789abcdef.json.xz")
    damaged.write_bytes(path.read_bytes())
    torn = path.with_name("days-2024-11-0123456789abcdef.json.xz")
    torn.write_bytes(path.read_bytes()[:-9])
    publish(settings, BEGIN + 5 * DAY, BEGIN + 6 * DAY)
    assert indexed(settings) == [("2026-01-20", "2026-01-26")]
    assert damaged.exists()
    assert torn.exists()
    assert "its name has another checksum than its content" in caplog.text


def test_a_month_older_than_the_books_has_no_money_of_another_currency(settings: Settings) -> None:
    publish(settings, BEGIN, int(at("2026-03-05T12:00:00Z").timestamp()))
    newest = int(at("2027-06-02T00:00:00Z").timestamp())
    publish(settings, newest - HOUR, newest)
    before = frame(load_dataset(settings.data_dir), "daily_14d", "cpu", "costs", date="2026-02-01")
    assert before.total_of("web").value > 0
    publish(settings, newest, newest + HOUR, RateChange(newest, 7.0, "USD", None))
    dataset = load_dataset(settings.data_dir)
    assert dataset.currency == "USD"
    for metric in ("cpu", "total"):
        view = frame(dataset, "daily_14d", metric, "costs", date="2026-02-01..2026-02-02")
        idle = view.special("idle")
        assert idle is not None
        assert np.isnan([view.total_of("web").value, view.capacity_or_bill, idle[1].value]).all()
    assert frame(dataset, "daily_14d", "cpu", "cumulative", date="2026-02-01").total_of("web").value > 0
    index = orjson.loads((settings.data_dir / dataset.files["history"]).read_bytes())
    validate(index, "history")
    assert {file["currency"] for file in index["files"]} == {"EUR", "USD"}
