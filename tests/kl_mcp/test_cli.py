"""The kl-mcp command on bad input: it says what is wrong and what to do, and starts where it can."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kl_mcp import __version__
from kl_mcp.cli import main
from tests.support.datasets import Dataset, Row, Scale, write
from tests.support.mcp_clients import call, environment, http_server, payload
from tests.support.patience import LIMIT_SECONDS
from tests.support.published import publish


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kl_mcp", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment(variables),
        timeout=LIMIT_SECONDS,
        check=False,
    )


def test_nonsense_in_a_variable_is_one_line_and_exit_code_2() -> None:
    ended = _run(KL_MCP_LISTEN_PORT="http")

    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("kl-mcp: KL_MCP_LISTEN_PORT='http' cannot be used")


def test_an_unknown_flag_is_one_line_and_exit_code_2() -> None:
    ended = _run("--data-dri", "/data")

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "Did you mean --data-dir?" in line


def test_sharing_that_cannot_be_applied_is_one_line_and_exit_code_2() -> None:
    ended = _run("--transport", "stdio", KL_COST_MULTIPLIER="1,15")

    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("kl-mcp: KL_COST_MULTIPLIER='1,15' cannot be used: it must be a number above 0")


def test_the_server_shares_costs_as_it_is_set(tmp_path: Path) -> None:
    # one day at 1 $ a core-hour: shop 40, infra 20, 40 idle of 100; (40 + 20 + 40) x 1.1
    names = {"shop": {"cpu": Row([40], [40])}, "infra": {"cpu": Row([20], [20])}}
    day = Scale(first="2026-11-20", capacity={"cpu": [100]}, bill={"cpu": [100]}, namespaces=names)
    write(tmp_path, Dataset(daily=day, cost_model="CHARGE_BACK", currency="$"))
    settings = {"KL_SHARE_NAMESPACES": "infra*", "KL_SHARE_IDLE": "true"}
    with http_server(tmp_path, "--cost-multiplier", "1.1", env=settings) as server:
        answer = payload(call(server.url, "get_top_consumers", {"metric": "cpu"}))

    assert [(row["namespace"], row["value"]) for row in answer["ranking"]] == [("shop", 110)]
    stated = answer["metadata"]["sharing"]
    assert (stated["shared_namespaces"], stated["idle"], stated["multiplier"]) == (["infra*"], True, 1.1)


def test_settings_of_https_and_of_metrics_are_warned_about_over_stdio_and_change_nothing(tmp_path: Path) -> None:
    told = {"KL_MCP_TLS_CERT_FILE": "/no/tls.crt", "KL_MCP_TLS_KEY_FILE": "/no/tls.key", "KL_MCP_METRICS_PORT": "9484"}

    ended = _run("--transport", "stdio", "--data-dir", str(tmp_path), **told)

    assert (ended.returncode, ended.stdout) == (0, "")
    first, second = (line for line in ended.stderr.splitlines() if "has no meaning over stdio" in line)
    assert "KL_MCP_TLS_CERT_FILE" in first
    assert "KL_MCP_METRICS_PORT" in second


def test_settings_of_jwts_are_warned_about_over_stdio_and_the_key_set_is_not_read(tmp_path: Path) -> None:
    told = {
        "KL_MCP_JWT_JWKS": "/no/keys.json",
        "KL_MCP_JWT_ISSUER": "https://login.example.com",
        "KL_MCP_RESOURCE_URL": "https://kubeledger.example.com/mcp",
    }

    ended = _run("--transport", "stdio", "--data-dir", str(tmp_path), **told)

    assert (ended.returncode, ended.stdout) == (0, "")
    (line,) = (line for line in ended.stderr.splitlines() if "has no meaning over stdio" in line)
    assert "KL_MCP_JWT_JWKS" in line


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"kl-mcp {__version__}\n"


def _a_file(directory: Path) -> Path:
    path = directory / "data"
    path.write_text("not a directory")
    return path


def _a_loop(directory: Path) -> Path:
    # Unreadable for everybody, root included, which a directory without permissions is not.
    path = directory / "loop"
    path.symlink_to(path)
    return path


def _truncated(directory: Path) -> Path:
    (directory / "dataset.json").write_bytes(b'{"schema_version": 1, "gen')
    return directory


def _foreign(directory: Path) -> Path:
    (directory / "dataset.json").write_bytes(b'{"name": "left-pad", "version": "1.0.0"}')
    return directory


@pytest.mark.parametrize(
    ("prepare", "named"),
    [
        (_a_file, "data is a file, not a directory. Set --data-dir to the directory that kl-collector publishes to"),
        (_a_loop, "loop"),
        (_truncated, "dataset.json"),
        (_foreign, "dataset.json"),
    ],
)
def test_without_usable_data_it_starts_and_every_answer_says_why(
    tmp_path: Path, prepare: Callable[[Path], Path], named: str
) -> None:
    directory = prepare(tmp_path)
    with http_server(directory) as server:
        result = call(server.url, "describe_dataset")

    answer = payload(result)
    assert result.is_error is False
    assert answer["layout"] == "none"
    (warning,) = answer["metadata"]["warnings"]
    assert named in warning


@pytest.mark.parametrize("content", [b'{"schema_version": 1, "gen', b'{"some": "thing else"}'])
def test_a_damaged_data_file_is_named_in_a_warning_and_the_rest_is_served(tmp_path: Path, content: bytes) -> None:
    publish(tmp_path, 1)
    (tmp_path / "daily_14d-1.json").write_bytes(content)
    with http_server(tmp_path) as server:
        result = call(server.url, "describe_dataset")

    answer = payload(result)
    assert answer["layout"] == "native"
    assert any("daily_14d-1.json" in warning for warning in answer["metadata"]["warnings"])
