"""The speed benchmark measures what it says, on a real server and for a moment only."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from benchmarks.load import Target, press
from benchmarks.speed import CASES, answer_to, call, serving
from tests.support.large_dataset import publish_large


def test_the_server_and_the_bare_route_return_the_same_bytes_over_and_over(tmp_path: Path) -> None:
    publish_large(tmp_path / "data", 12)
    case = CASES[0]
    with serving("kl-mcp", ["kl_mcp", "--data-dir", str(tmp_path / "data"), "--port", "0"], tmp_path / "log") as port:
        target = call(case, port)
        content = answer_to(target)
        (tmp_path / "body").write_bytes(content)
        served = asyncio.run(press(target, 4, 0.2))
    with serving("bare", ["benchmarks.bare", str(tmp_path / "body")], tmp_path / "bare.log") as port:
        bare = Target(port, "/body", b"{}", {"Content-Type": "application/json"})
        plain = asyncio.run(press(bare, 4, 0.2))
        with pytest.raises(RuntimeError, match="404"):
            asyncio.run(press(Target(port, "/", b"{}", {}), 1, 0.1))
    assert "structuredContent" in orjson.loads(content)["result"]
    assert min(len(served.latencies), len(plain.latencies)) >= 4
    assert 0 < served.quantile(0.5) <= served.quantile(1.0) <= served.seconds
