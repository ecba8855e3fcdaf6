"""A KubeLedger installation's databases with random lives and outages, and what it would publish from them by itself.

`Scenario` writes with librrd in the form of the source: two data sources, a step of 300 s, a heartbeat of 600 s, 4032
rows of 5 minutes and 8880 of an hour, polled every 300 s and a bit. `figures` adds up the hourly archive the way the
source does: an hour belongs to the day or month in which it ends, an unknown row counts nothing, an entry without usage
has no figure, and money is the share of all usage times the hourly rates added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

from tests.support.legacy_rrd import DAY, HOUR, STEP, Pair, hourly, write_database

RATE = ".billing-hourly-rate"
NON_ALLOCATABLE = "non-allocatable"
WINDOWS = {1_209_600: "%d %b", 31_968_000: "%b %Y"}
METRICS = ("cpu", "memory")

Figures = dict[str, dict[str, float]]
"""By written date, then by entry."""


@dataclass(frozen=True)
class Scenario:
    """When the source polled, and who lived when."""

    polls: tuple[int, ...]
    lives: Mapping[str, tuple[tuple[int, int], ...]]
    """[from, until) by namespace."""
    seed: int
    rates: tuple[tuple[int, float], ...] = ((0, 4.0),)
    requests: Mapping[str, float] = field(default_factory=dict)
    """Per cent of capacity that is requested of cpu and of memory all the time; of other namespaces it varies."""

    @property
    def closed(self) -> int:
        """End of the last hour that the source has closed."""
        return self.polls[-1] - self.polls[-1] % HOUR

    def write(self, directory: Path) -> Path:
        """Writes every database."""
        directory.mkdir(parents=True, exist_ok=True)
        random = Random(self.seed)
        for name, spans in self.lives.items():
            times = [poll for poll in self.polls if any(first <= poll < end for first, end in spans)]
            if times:
                used = dict(_levels(random, times))
                _write(directory / name, used)
                _write(directory / f"{name}__rf", self._factors(random, name, used))
        _write(directory / NON_ALLOCATABLE, dict.fromkeys(self.polls, (6.25, 9.5)))
        _write(directory / RATE, {poll: (rate, rate) for poll in self.polls for rate in [self._rate(poll)]})
        return directory

    def _factors(self, random: Random, name: str, used: Mapping[int, Pair]) -> dict[int, Pair]:
        if (asked := self.requests.get(name)) is None:
            return dict(_factors(random, list(used)))
        return {poll: (round((cpu or 0) / asked, 2), round((mem or 0) / asked, 2)) for poll, (cpu, mem) in used.items()}

    def _rate(self, poll: int) -> float:
        return [rate for since, rate in self.rates if since <= poll][-1]


def random_scenario(seed: int, end: int, days: int = 40) -> Scenario:
    """A cluster whose namespaces begin, end and come back at any minute, polled by a source with outages."""
    random = Random(seed)
    begin = end - days * DAY + random.randrange(DAY)
    gaps = [(at, at + int(random.choice((0.2, 0.6, 3.0, 20.0)) * HOUR)) for at in _moments(random, begin, end, 4)]
    polls = tuple(poll for poll in _polls(random, begin, end) if not any(a <= poll < b for a, b in gaps))
    lives: dict[str, tuple[tuple[int, int], ...]] = {"kube-system": ((0, end + 1),)}
    recent = end - 13 * DAY
    for number in range(6):
        moments = _moments(random, begin if number % 2 else recent, end, 2 * random.randint(1, 3))
        lives[f"shop-{number}"] = tuple(zip(moments[::2], moments[1::2], strict=True))
    lives["brief"] = tuple((at, at + random.randrange(10, 120) * 60) for at in _moments(random, recent, end, 3))
    lives["ended-now"] = ((begin, end - random.randrange(700, 5000)),)
    lives["came-late"] = ((end - random.randrange(2000, 9000), end + 1),)
    changes = _moments(random, begin, end, 2)
    return Scenario(polls, lives, seed, ((0, 4.0), (changes[0], 12.0), (changes[1], 7.5)))


def figures(directory: Path, window: int, now: int, metric: str, model: str = "cumulative") -> Figures:
    """Usage as the source publishes it at `now` under a cost model: `cumulative`, `normalized` or `costs`."""
    sums = _sums(directory, window, now, metric)
    result: Figures = {}
    for date, entries in sums.items():
        named = {name: value for name, value in entries.items() if value > 0 and name != RATE}
        total = sum(named.values())
        scale = {"cumulative": 1.0, "normalized": 100 / total, "costs": entries.get(RATE, 0.0) / total}[model]
        result[date] = {name: value * scale for name, value in named.items()}
    return result


def requested(directory: Path, window: int, now: int, metric: str, model: str = "cumulative") -> Figures:
    """Requests of namespaces as the source publishes them: its figure of usage ÷ Σ usage ÷ requests of the hours."""
    factors = _sums(directory, window, now, metric, "__rf")
    return {
        date: {name: value / factors[date][name] for name, value in entries.items() if name != NON_ALLOCATABLE}
        for date, entries in figures(directory, window, now, metric, model).items()
    }


def hours(directory: Path, start: int, end: int, metric: str, suffix: str = "") -> Iterator[tuple[str, int, float]]:
    """Name, end of the hour and per cent of capacity (or rf), of every known row from `start` to `end`."""
    for path in sorted(directory.iterdir()):
        if path.name.endswith("__rf") == bool(suffix):
            for place, row in enumerate(hourly(path, start, end), start=1):
                value = row[METRICS.index(metric)]
                if value is not None:
                    yield path.name.removesuffix(suffix), start + place * HOUR, value


@cache
def _sums(directory: Path, window: int, now: int, metric: str, suffix: str = "") -> Figures:
    sums: Figures = defaultdict(lambda: defaultdict(float))
    newest = now - now % HOUR
    for name, ends, value in hours(directory, newest - window, newest, metric, suffix):
        sums[datetime.fromtimestamp(ends, UTC).strftime(WINDOWS[window])][name] += value
    return sums


def _polls(random: Random, begin: int, end: int) -> Iterator[int]:
    poll = begin
    while poll <= end:
        yield poll
        poll += STEP + random.randrange(4)


def _moments(random: Random, begin: int, end: int, count: int) -> list[int]:
    return sorted(random.sample(range(begin, end), count))


def _levels(random: Random, times: list[int]) -> Iterator[tuple[int, Pair]]:
    cpu, mem = random.uniform(0.5, 12.0), random.uniform(0.5, 12.0)
    for time in times:
        cpu, mem = (min(20.0, max(0.01, level * random.uniform(0.8, 1.25))) for level in (cpu, mem))
        yield time, (round(cpu, 4), round(mem, 4))


def _factors(random: Random, times: list[int]) -> Iterator[tuple[int, Pair]]:
    kind = random.choice(("varying", "none requested", "nearly idle"))
    for time in times:
        varying = (round(random.uniform(0.1, 0.9), 2), round(random.uniform(0.3, 1.6), 2))
        yield time, {"varying": varying, "none requested": (1.0, 1.0), "nearly idle": (0.0, 0.4)}[kind]


def _write(path: Path, values: Mapping[int, Pair]) -> None:
    write_database(path, values, heartbeat=2 * STEP, gaps=False)
