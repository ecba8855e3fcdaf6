"""What answers cost, and the datasets behind them, as processor time: `python -m benchmarks.queries [rounds]`.

* Each of the ten tools at its default arguments: the first time on a dataset that was just loaded, whatever is read
  or reckoned only then included, and again on the same one.
* How that grows with the number of namespaces: the slope of the logarithms, 1 where the cost follows the dataset.
* A series of the whole cluster against parsing, with `json`, the file of an existing KubeLedger that holds it.
* Loading against parsing the same bytes with orjson.
* Memory after six loads, and a server's first answer on stdio, against `import mcp.server`.

Figures are medians over rounds in which everything is measured in turns.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks.sizes import CALLS
from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from kl_query.dataset.legacy import reader_of
from tests.support.handshake import HANDSHAKE
from tests.support.large_dataset import NOW, publish_large
from tests.support.legacy_layout import at, cluster, write

SIZES = (60, 500, 2_000, 5_000)
GROWTH = (500, 5_000)
LEGACY_SIZES = (500, 2_000)
LEGACY_SERIES = "cpu_usage_trends.json"
ROUNDS = 3
LOADS = 6
ONE_NAMESPACE = ("get_timeseries", "compare_periods", "get_efficiency_timeseries", "get_usage", "get_efficiency")
RANKINGS = ("get_top_consumers", "get_namespace_breakdown")

Times = dict[str, list[float]]
"""Milliseconds of processor time by what was done, one a round."""

_LOADED = f"""
import sys
from pathlib import Path
import mcp.server
from kl_mcp import tools
from kl_query.dataset import load_dataset
from kl_query.dataset.legacy import reader_of
for _ in range({LOADS}):
    dataset = load_dataset(Path(sys.argv[1]))
    for name, arguments in {{"get_top_consumers": {{}}, "get_timeseries": {{}}}}.items():
        tools.TABLE[name].run(arguments, dataset, float(sys.argv[2]))
"""
_BARE = "import mcp.server"
_RESIDENT = """
status = open("/proc/self/status", encoding="ascii").read()
print(int(status.partition("VmRSS:")[2].split()[0]) / 1024)
"""
_HELLO = [
    *HANDSHAKE,
    {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "get_top_consumers", "arguments": {}}},
]


def milliseconds(work: Callable[[], object]) -> float:
    """Processor time of this process."""
    begun = time.process_time()
    work()
    return 1000 * (time.process_time() - begun)


def calls(directory: Path) -> list[tuple[str, str, Mapping[str, Any]]]:
    """What is asked: a label, a tool and its arguments; of one namespace, for the tools that can."""
    dataset = load_dataset(directory)
    name = next(name for name in dataset.namespaces if not dataset.is_system(name))
    default = [(tool, tool, arguments) for tool, arguments, _ in CALLS]
    return default + [(f"{tool} of one namespace", tool, {"namespace": name}) for tool in ONE_NAMESPACE]


def answers(directory: Path, now: float) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds of each call, on a dataset of its own: the first time, and again."""
    first, again = {}, {}
    for label, tool, arguments in calls(directory):
        dataset = load_dataset(directory)
        first[label] = milliseconds(lambda t=tool, a=arguments, d=dataset: TABLE[t].run(a, d, now))  # type: ignore[misc]
        again[label] = milliseconds(lambda t=tool, a=arguments, d=dataset: TABLE[t].run(a, d, now))  # type: ignore[misc]
    return first, again


def parsing(directory: Path) -> float:
    """Milliseconds that orjson takes for all the files, read beforehand."""
    contents = [file.read_bytes() for file in directory.iterdir() if file.suffix == ".json"]
    return milliseconds(lambda: [orjson.loads(content) for content in contents])


def loading(directory: Path) -> float:
    """Milliseconds of a first load, which no reader remembers anything of."""
    reader_of.cache_clear()
    return milliseconds(lambda: load_dataset(directory))


def growth(times: Mapping[int, Mapping[str, float]], label: str) -> float:
    """The slope from the smaller to the larger of two sizes."""
    small, large = GROWTH
    return math.log(times[large][label] / times[small][label]) / math.log(large / small)


def resident(program: str, *arguments: str) -> float:
    """Megabytes that a process holds at its end."""
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", program + _RESIDENT, *arguments], capture_output=True, check=True
    )
    return float(done.stdout)


def first_answer(directory: Path) -> float:
    """Seconds from the start of a server on stdio to its first answer to a tool call."""
    command = [sys.executable, "-m", "kl_mcp", "--transport", "stdio", "--data-dir", str(directory)]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:  # noqa: S603
        assert server.stdin is not None and server.stdout is not None  # noqa: S101, PT018 -- as they were asked for
        server.stdin.write(b"".join(orjson.dumps(message) + b"\n" for message in _HELLO))
        server.stdin.flush()
        while orjson.loads(server.stdout.readline()).get("id") != 2:
            pass
        seconds = time.perf_counter() - begun
        server.stdin.close()
    return seconds


def bare_start() -> float:
    """Seconds that a process takes to import the SDK's server and end."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", _BARE], check=True)  # noqa: S603 -- our own program
    return time.perf_counter() - begun


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure over the rounds."""
    collected: Times = defaultdict(list)
    for each in rounds:
        for label, value in each.items():
            collected[label].append(value)
    return {label: median(values) for label, values in collected.items()}


def show_answers(title: str, directories: Mapping[int, Path], now: float, rounds: int) -> dict[int, dict[str, float]]:
    """Print a table of first and repeated answers by size, and return the first ones."""
    measured = [{size: answers(directory, now) for size, directory in directories.items()} for _ in range(rounds)]
    first = {size: medians([each[size][0] for each in measured]) for size in directories}
    again = {size: medians([each[size][1] for each in measured]) for size in directories}
    print(f"\n{title}: milliseconds of processor time, first / again\n")
    print(f"{'namespaces':46}" + "".join(f"{size:>16,}" for size in directories))
    for label in next(iter(first.values())):
        cells = [f"{first[size][label]:.1f} / {again[size][label]:.1f}" for size in directories]
        print(f"{label:46}" + "".join(f"{cell:>16}" for cell in cells))
    return first


def show_growth(first: Mapping[int, Mapping[str, float]]) -> None:
    """Print how rankings and answers about one namespace grow."""
    labels = [*RANKINGS, *(f"{tool} of one namespace" for tool in ONE_NAMESPACE)]
    print(f"\nSlope from {GROWTH[0]:,} to {GROWTH[1]:,} namespaces\n")
    for label in labels:
        print(f"{label:46}{growth(first, label):>16.2f}")


def main(rounds: int = ROUNDS) -> int:
    """Print all tables, in some minutes."""
    with TemporaryDirectory() as name:
        native = {size: publish_large(Path(name) / f"native-{size}", size) for size in SIZES}
        newest = at("2026-11-21T19:00:00Z")
        legacy = {size: write(Path(name) / f"legacy-{size}", cluster(size, newest)) for size in LEGACY_SIZES}
        show_growth(show_answers("Native layout", native, NOW, rounds))
        series = show_answers("Layout of an existing KubeLedger", legacy, newest, rounds)
        content = (legacy[500] / LEGACY_SERIES).read_bytes()
        parse = median(milliseconds(lambda: json.loads(content)) for _ in range(rounds))
        print(
            f"\nget_timeseries, 500 namespaces ÷ json of {LEGACY_SERIES}: {series[500]['get_timeseries'] / parse:.4f}"
        )
        for title, directories in (("native", native), ("existing KubeLedger", legacy)):
            ratios = [loading(directories[2_000]) / parsing(directories[2_000]) for _ in range(rounds)]
            print(f"Loading 2,000 namespaces ({title}) ÷ orjson: {median(ratios):.2f}")
        bare = median(resident(_BARE) for _ in range(rounds))
        for size in (500, 2_000):
            held = median(resident(_LOADED, str(native[size]), str(NOW)) for _ in range(rounds))
            print(f"Memory after {LOADS} loads, {size:,} namespaces ÷ import mcp.server: {held / bare:.2f}")
        starts = [(first_answer(native[2_000]), bare_start()) for _ in range(rounds)]
        ratio = median(answer / start for answer, start in starts)
        print(f"stdio to the first answer, 2,000 namespaces ÷ import mcp.server: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
