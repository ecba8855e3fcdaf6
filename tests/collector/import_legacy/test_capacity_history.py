from pathlib import Path

import pytest

from collector.errors import MigrationError
from collector.import_legacy.capacity_history import capacity_history, constant_capacity, gpu_history
from tests.support.legacy_rrd import at


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "history"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "from,cpu,memory\n,4,8Gi\n2026-03-01,6000m,16Gi\n",
        "\ufeffmemory, cpu, from\n16Gi, 6, 2026-03-01T00:00Z\n8Gi, 4,\n",
        '[{"from": "2026-03-01T02:00+02:00", "cpu": 6, "memory": "16Gi"}, {"from": null, "cpu": "4", "memory": "8Gi"}]',
    ],
)
def test_csv_and_json_say_the_same(tmp_path: Path, text: str) -> None:
    steps = capacity_history(written(tmp_path, text))
    change = at("2026-03-01T00:00")
    assert steps.at(change - 1) == (4.0, 8 * 2.0**30)
    assert steps.at(change) == (6.0, 16 * 2.0**30)


def test_nothing_is_known_before_the_first_row(tmp_path: Path) -> None:
    steps = capacity_history(written(tmp_path, "from,cpu,memory\n2026-03-01,4,8Gi\n"))
    assert steps.at(at("2026-02-28T23:59")) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no row, or two rows"),
        ("from,cpu,memory\n", "has no row, or two rows"),
        ("from,cpu,memory\n,4,8Gi\n,5,8Gi\n", "has no row, or two rows"),
        ("from,cores,memory\n,4,8Gi\n", "Allowed: CSV with the header from,cpu,memory"),
        ('{"cpu": 4}', "the document is no list"),
        ("[1]", "cannot be used"),
        ("[{]", "cannot be used"),
        ("from,cpu,memory\n,four,8Gi\n", "row 1: cpu: 'four' is not a Kubernetes quantity"),
        ("from,cpu,memory\n,4,8Gi\n2026-01-01,0,8Gi\n", "row 2: cpu is '0'; allowed: a number above 0"),
        ("from,cpu,memory\n,4,64\n", "row 1: memory is '64', which is 64 bytes; did you mean '64Gi'?"),
        ("from,cpu,memory\nyesterday,4,8Gi\n", "row 1: from is 'yesterday'; allowed: an ISO 8601 date"),
        ("from,cpu,memory\n,4\n", "row 1: memory: '' is not a Kubernetes quantity"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(MigrationError) as raised:
        capacity_history(written(tmp_path, text))
    assert reason in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="missing"):
        capacity_history(tmp_path / "missing")


def test_gpus_are_given_for_the_cluster_and_per_namespace(tmp_path: Path) -> None:
    text = "from,namespace,gpus,gpu_memory\n,*,8,320Gi\n,ml,0,0\n2026-03-01,ml,5,200Gi\n"
    history = gpu_history(written(tmp_path, text))
    assert history["*"].at(0) == (8.0, 320 * 2.0**30)
    assert history["ml"].at(0) == (0.0, 0.0)
    assert history["ml"].at(at("2026-03-01T00:00")) == (5.0, 200 * 2.0**30)


def test_gpus_of_the_cluster_have_to_be_given(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match=r"no row with namespace \*"):
        gpu_history(written(tmp_path, "from,namespace,gpus,gpu_memory\n,ml,5,200Gi\n"))


def test_gpus_have_no_memory_of_some_bytes(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match=r"row 1: gpu_memory is '320', .* did you mean '320Gi'\?"):
        gpu_history(written(tmp_path, "from,namespace,gpus,gpu_memory\n,*,8,320\n"))


def test_a_capacity_that_never_changed_holds_from_the_beginning() -> None:
    assert constant_capacity("64", "1Ti").at(0) == (64.0, 2.0**40)
