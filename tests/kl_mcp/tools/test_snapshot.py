from pathlib import Path

import pytest

from kl_mcp.tools import TABLE
from kl_mcp.tools.snapshot import DIRECTORY, differences, main, write


@pytest.mark.requirement("KL-T-3")
def test_the_schemas_in_spec_are_those_of_the_tools() -> None:
    assert differences(DIRECTORY) == []


def test_a_missing_changed_or_left_over_file_is_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    assert main(["--check"], tmp_path) == 0
    (tmp_path / "get_usage.json").unlink()
    (tmp_path / "get_efficiency.json").write_text("{}")
    (tmp_path / "get_advice.json").write_text("{}")
    assert main(["--check"], tmp_path) == 1
    assert [line.split(":")[0].split("/")[1] for line in capsys.readouterr().err.splitlines()] == [
        "get_usage.json is missing",
        "get_efficiency.json differs from the tool",
        "get_advice.json belongs to no tool",
    ]


def test_writing_restores_every_file(tmp_path: Path) -> None:
    (tmp_path / "get_advice.json").write_text("{}")
    assert main(["--write"], tmp_path) == 0
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(TABLE)
