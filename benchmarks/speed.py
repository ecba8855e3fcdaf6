"""How fast the server is, as ratios to what the machine can do at that moment: `python -m benchmarks.speed`.

* A tool call over HTTP (protocol version 2026-07-28) against a bare Starlette route that returns the same bytes, in
  turns, so that whatever else the machine does falls on both.
* Loading a dataset of 1,000 namespaces against parsing the same files with orjson and doing nothing with them.
* What callers wait for (99th percentile) while the server loads a new generation every five seconds, against without.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks.load import Measured, Target, press
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from simulator.processes import child
from tests.support.large_dataset import publish_large

ROUNDS = 3
ROUND_SECONDS = 1.0
WARM_UP_SECONDS = 0.3
CONNECTIONS = (1, 16)
SMALL, LARGE, RELOADED = 40, 1_000, 2_000
RELOAD_SECONDS = 5.0
RELOADS = 4
PROTOCOL = "2026-07-28"
_SERVING = re.compile(r"Serving http://127\.0\.0\.1:(\d+)/")


@dataclass(frozen=True, slots=True)
class Case:
    """A call whose answer is about as long as its name says, text and structured content together."""

    name: str
    tool: str
    arguments: Mapping[str, Any]


CASES = (
    Case("2 KB", "get_top_consumers", {"limit": 1}),
    Case("30 KB", "get_timeseries", {"namespaces": ["team-000*"], "date": "all"}),
)


def call(case: Case, port: int) -> Target:
    """A tool call as a client of the newest protocol sends it."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "benchmarks", "version": "1"},
    }
    params = {"name": case.tool, "arguments": dict(case.arguments), "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": PROTOCOL,
        "Mcp-Method": "tools/call",
        "Mcp-Name": case.tool,
    }
    return Target(port, "/mcp", body, headers)


def answer_to(target: Target) -> bytes:
    """The body of one answer, which must not be an error."""
    request = urllib.request.Request(f"http://127.0.0.1:{target.port}{target.path}", target.body, dict(target.headers))
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310 -- as above
        content: bytes = response.read()
    if orjson.loads(content)["result"].get("isError"):
        raise RuntimeError(content[:500].decode())
    return content


@contextmanager
def serving(name: str, arguments: list[str], log: Path) -> Iterator[int]:
    """A program that says where it serves; yields its port."""
    with child(name, arguments, log) as process:
        process.wait_until(lambda: _SERVING.search(log.read_text()) is not None, "starting", 30)
        match = _SERVING.search(log.read_text())
        if match is None:
            raise RuntimeError(f"{name} did not say where it serves")
        yield int(match[1])


def in_turns(target: Target, bare: Target, connections: int) -> tuple[Measured, Measured, float]:
    """Measurements of the last round, and the median over the rounds of the ratio of answers per second."""
    ratios = []
    for each in (target, bare):
        asyncio.run(press(each, connections, WARM_UP_SECONDS))
    for _ in range(ROUNDS):
        served = asyncio.run(press(target, connections, ROUND_SECONDS))
        plain = asyncio.run(press(bare, connections, ROUND_SECONDS))
        ratios.append(served.per_second / plain.per_second)
    return served, plain, median(ratios)


def tool_milliseconds(case: Case, dataset: Dataset, seconds: float = 0.3) -> float:
    """What the answer itself takes, without any protocol."""
    now, runs, began = float(dataset.generated_at or 0), 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        orjson.dumps(TABLE[case.tool].run(case.arguments, dataset, now))
        runs += 1
    return 1000 * (time.perf_counter() - began) / runs


def over_http(directory: Path) -> None:
    """Prints the table of tool calls."""
    dataset = load_dataset(publish_large(directory / "small", SMALL))
    arguments = ["kl_mcp", "--data-dir", str(directory / "small"), "--port", "0"]
    with serving("kl-mcp", arguments, directory / "small.log") as port:
        bodies = []
        for case in CASES:
            bodies.append(directory / case.name.replace(" ", "-"))
            bodies[-1].write_bytes(answer_to(call(case, port)))
        files = [str(body) for body in bodies]
        with serving("the bare route", ["benchmarks.bare", *files], directory / "bare.log") as bare_port:
            print("Tool calls over HTTP, one process, relative to a bare Starlette route that returns the same bytes\n")
            print(f"{'answer':8}{'bytes':>8}{'conn.':>7}{'ratio':>8}{'ms a call':>11}{'bare':>8}{'tool alone':>12}")
            for case, body in zip(CASES, bodies, strict=True):
                alone = tool_milliseconds(case, dataset)
                for connections in CONNECTIONS:
                    bare = Target(bare_port, f"/{body.name}", b"{}", {"Content-Type": "application/json"})
                    served, plain, ratio = in_turns(call(case, port), bare, connections)
                    milliseconds = [1000 / each.per_second for each in (served, plain)]
                    print(
                        f"{case.name:8}{body.stat().st_size:>8,}{connections:>7}{ratio:>8.2f}"
                        f"{milliseconds[0]:>11.2f}{milliseconds[1]:>8.2f}{alone:>12.2f}"
                    )


def timed(work: Callable[[], object], runs: int = 5) -> float:
    """Median seconds."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def loading(directory: Path) -> None:
    """Prints how long a dataset takes to load."""
    files = [*publish_large(directory / "large", LARGE).iterdir()]
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    parsing = timed(lambda: [orjson.loads(file.read_bytes()) for file in files])
    load = timed(lambda: load_dataset(directory / "large"))
    print(f"\nLoading {LARGE:,} namespaces ({megabytes:.0f} MB): {load / parsing:.1f} x parsing the files with orjson")


async def reloading(target: Target, manifest: Path, contents: list[bytes]) -> Measured:
    """Measurements while the manifest names another generation every few seconds."""

    async def publish() -> None:
        for i in range(RELOADS):
            temporary = manifest.with_suffix(".tmp")
            temporary.write_bytes(contents[i % len(contents)])
            temporary.replace(manifest)
            await asyncio.sleep(RELOAD_SECONDS)

    publishing = asyncio.create_task(publish())
    measured = await press(target, 1, RELOADS * RELOAD_SECONDS)
    await publishing
    return measured


def while_reloading(directory: Path) -> None:
    """Prints what callers notice of reloads."""
    manifest, contents = directory / "reloaded" / "dataset.json", []
    for generation in (1, 2):
        publish_large(manifest.parent, RELOADED, generation=generation)
        contents.append(manifest.read_bytes())
    arguments = ["kl_mcp", "--data-dir", str(manifest.parent), "--port", "0"]
    log = directory / "reloaded.log"
    with serving("kl-mcp", arguments, log) as port:
        ratios = []
        for case in CASES:
            target = call(case, port)
            calm = asyncio.run(press(target, 1, RELOADS * RELOAD_SECONDS))
            busy = asyncio.run(reloading(target, manifest, contents))
            ratios.append(f"{case.name} {busy.quantile(0.99) / calm.quantile(0.99):.2f}")
        loads = log.read_text().count("Loaded generation")
    if loads < len(CASES) * (RELOADS - 1):
        raise RuntimeError(f"the server loaded {loads} generations only")
    print(f"\np99 at {RELOADED:,} namespaces with a reload every {RELOAD_SECONDS:.0f} s ÷ without: {', '.join(ratios)}")


def main() -> int:
    """Prints both tables and what reloads cost, in some minutes."""
    with TemporaryDirectory() as name:
        over_http(Path(name))
        loading(Path(name))
        while_reloading(Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
