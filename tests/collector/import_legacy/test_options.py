"""Options and settings of the import that cannot be used: one line that names them, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.collector.import_legacy.importing import CAPACITY, import_
from tests.support.legacy_rrd import hashes


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "either --capacity-cpu CORES and --capacity-memory BYTES"),
        ((), "Given: none of them"),
        (("--capacity-cpu", "50"), "Given: --capacity-cpu"),
        (
            (*CAPACITY, "--capacity-history", "file"),
            "Given: --capacity-cpu and --capacity-memory and --capacity-history",
        ),
        (("--capacity-cpu", "-1", "--capacity-memory", "1Gi"), "--capacity-cpu is '-1'; allowed: a number above 0"),
        (
            ("--capacity-cpu", "50", "--capacity-memory", "256GB"),
            "--capacity-memory: '256GB' is not a Kubernetes quantity",
        ),
        (("--capacity-history", "/missing"), "cannot read /missing: No such file or directory. Allowed: CSV or JSON"),
        ((*CAPACITY, "--gpu-history", "/missing"), "Allowed: CSV or JSON with from, namespace, gpus, gpu_memory"),
        (("--capacity-cpu", "many", "--capacity-memory", "1Gi"), "'many' is not a Kubernetes quantity"),
        (("--capacity-cpu", "0", "--capacity-memory", "1Gi"), "--capacity-cpu is '0'; allowed: a number above 0"),
        (
            ("--capacity-cpu", "50", "--capacity-memory", "256"),
            "--capacity-memory is '256', which is 256 bytes; did you mean '256Gi'?",
        ),
        (("--capacity-cpu", "50", "--capacity-memory", "512Ki"), "did you mean '512Gi'? Allowed: at least 64Mi"),
    ],
)
def test_a_capacity_that_cannot_be_used_is_explained(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], reason: str
) -> None:
    assert import_(tmp_path, capacity=arguments) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "db").exists()


@pytest.mark.parametrize("name", ["KL_DB_LOCATION", "KL_DATA_DIR", "KL_KUBELEDGER_DATA_DIR"])
@pytest.mark.parametrize("place", ["source", "source/new", "elsewhere/../source", "link"])
def test_nothing_is_ever_written_into_the_source(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str], name: str, place: str
) -> None:
    (tmp_path / "link").symlink_to(source)
    (tmp_path / "elsewhere").mkdir()
    before = hashes(source)
    settings: dict[str, Any] = {name: str(tmp_path / place)}
    assert import_(tmp_path, KL_PUBLISH_KUBELEDGER_LAYOUT="true", **settings) == 1
    told = capsys.readouterr().err
    assert f"{name} is " in told
    assert "in the directory that is to be imported, which is only read. Set it to another directory" in told
    assert hashes(source) == before
