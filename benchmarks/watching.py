"""What watching a cluster costs the collector: `python -m benchmarks.watching`.

Processor time as ratios to parsing the bodies of the pods' listing with orjson in the same process, and memory as the
growth of the peak of a process of its own. The API server is another process.

* Start: everything is listed, parsed and kept, until the first interval is known.
* A tick: 1,000 of the pods change, and the next interval is known.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from benchmarks.pods_api import MAX_PAGE_OBJECTS
from collector.settings import load
from collector.snapshot import LiveSources

PODS = (10_000, 100_000)
CHANGES = 1_000
MAX_START_RATIO, MAX_TICK_RATIO = 0.6, 0.15
MAX_GROWTH_MB = {10_000: 110.0, 100_000: 180.0}


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time, megabytes, counts."""

    start: float
    tick: float
    growth_mb: float
    pods: int
    changed: int


@contextmanager
def api(pods: int) -> Iterator[str]:
    """Serve a cluster with so many pods; return its URL."""
    with subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-m", "benchmarks.pods_api", str(pods)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None  # noqa: S101 -- as it was asked for
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def plain_parsing(url: str, pods: int) -> float:
    """Seconds of processor time that orjson takes for the bodies of the listing, read beforehand."""
    query = f"{url}/api/v1/pods?limit={MAX_PAGE_OBJECTS}&continue="
    seconds = 0.0
    for first in range(0, pods, MAX_PAGE_OBJECTS):
        with urllib.request.urlopen(f"{query}{first}", timeout=60) as answer:  # noqa: S310 -- the server above
            body = answer.read()
        begun = time.process_time()
        orjson.loads(body)
        seconds += time.process_time() - begun
    return seconds


def watched(url: str) -> Cost:
    """What it costs this process to watch the cluster from the start through one tick."""
    settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": url})
    before, begun = _peak_mb(), time.process_time()
    with LiveSources(settings) as sources:
        end = time.time()
        first = sources.cluster(end - 300, end)
        pods = len(list(first.pods)) if first else 0
        start = time.process_time() - begun
        with urllib.request.urlopen(f"{url}/change?pods={CHANGES}", timeout=60) as answer:  # noqa: S310 -- as above
            answer.read()
        begun = time.process_time()
        second = sources.cluster(end, end + 300)
        changed = sum(span.pod.requests["cpu"] > 2 for span in second.pods) if second else 0
        return Cost(start, time.process_time() - begun, _peak_mb() - before, pods, changed)


def _peak_mb() -> float:
    """Of this program alone: what `getrusage` tells includes the program that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def in_a_process(url: str) -> Cost:
    """`watched` in a process of its own, whose memory nothing else has touched."""
    command = [sys.executable, "-m", "benchmarks.watching", url]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603 -- our own program
    return Cost(**json.loads(done.stdout))


def main() -> int:
    """Print what was measured beside what is allowed, and return 1 where more than that is needed."""
    kept = True
    for pods in PODS:
        with api(pods) as url:
            plain, cost = plain_parsing(url, pods), in_a_process(url)
        if (cost.pods, cost.changed) != (pods, CHANGES):
            raise RuntimeError(f"{cost.pods} pods and {cost.changed} changes were seen of {pods} and {CHANGES}")
        start, tick = cost.start / plain, cost.tick / plain
        sys.stdout.write(
            f"{pods:>7,} pods: orjson {plain:.2f} s; start {start:.2f} x (at most {MAX_START_RATIO}), a tick with "
            f"{CHANGES:,} changes {tick:.3f} x (at most {MAX_TICK_RATIO}), memory {cost.growth_mb:.0f} MB (at most "
            f"{MAX_GROWTH_MB[pods]:.0f})\n"
        )
        kept &= start <= MAX_START_RATIO and tick <= MAX_TICK_RATIO and cost.growth_mb <= MAX_GROWTH_MB[pods]
    return 0 if kept else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(asdict(watched(sys.argv[1]))))
        sys.exit(0)
    sys.exit(main())
