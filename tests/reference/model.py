"""The accounting rules once more: slow, obvious, in plain dictionaries of 5-minute steps, no line of it the product's.

The model keeps every step of every tick as facts and answers any bucket by walking its steps. It shares no type, no
function and no order of computation with the product; where the two agree, the rules have been read the same way twice.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.reference.world import GPU_MEM_TOTAL, TickFact

STEP = 300
HOUR = 3600
GIB = 2**30
METRICS = ("cpu", "memory", "gpu", "gpu_memory")
PER_HOUR = {"cpu": 0.031611, "memory": 0.004237, "gpu": 0.95}

Value = float | None
Document = dict[str, Any]
Key = tuple[str, str, str, str]
"""(kind, name, metric, field)"""

SILENT = ("metrics", "dcgm")
HOURS = ("observed", "priced", "silent metrics", "silent dcgm", "gpu_memory known")
"""What is counted of the cluster, beside amounts."""


def counted(what: str) -> Key:
    """Where hours of the cluster are added up."""
    return ("cluster", "", "", what)


@dataclass
class StepFacts:
    """A 5-minute step in which the kubernetes source answered; units as published (GiB rather than bytes)."""

    capacity: dict[str, Value]
    allocatable: dict[str, Value]
    usage: dict[str, dict[str, Value]]
    requests: dict[str, dict[str, Value]]
    measured: dict[str, float]
    """Share of the running pods that metrics-server knew; 0 when it did not answer."""


@dataclass
class Books:
    """One hour of one metric: how much of it was observed, with known capacity, and amounts by (side, name)."""

    observed: float
    capacity_known: float
    sums: dict[tuple[str, str], float]


class Reference:
    """Feed it facts in order; ask it for a scale's document as of the last fact."""

    def __init__(
        self, rates: list[tuple[int, float, dict[str, float] | None]], excluded: frozenset[str] = frozenset()
    ) -> None:
        self.rates = rates
        self.excluded = excluded
        self.steps: dict[int, StepFacts] = {}
        self.observed: dict[str, set[int]] = {"kubernetes": set(), "metrics": set(), "dcgm": set()}
        self.both: set[int] = set()
        """Steps in which the pods and their usage were both known."""
        self.without_dcgm: set[int] = set()
        """Steps in which no exporter was configured."""
        self.names: set[str] = set()
        self.first_step: int | None = None
        self.last = 0
        self._closed: dict[tuple[int, str], Books | None] = {}
        self._finished: dict[tuple[int, int], dict[Key, float]] = {}

    def feed(self, fact: TickFact) -> None:
        ends = range(fact.time - fact.interval + STEP, fact.time + STEP, STEP)
        if self.first_step is None:
            self.first_step = ends[0]
            self.last = (ends[0] - STEP) // HOUR * HOUR
        if not fact.dcgm_configured:
            # A step that nobody took counts with the setting that came after it.
            self.without_dcgm |= set(range(self.last + STEP, fact.time + STEP, STEP))
        # Whether all GPUs were seen can only be told against a listing of the nodes.
        short = fact.kubernetes and not fact.dcgm_complete and any(node[4] for node in fact.nodes.values())
        dcgm = fact.dcgm and not short
        facts = self._step(fact, dcgm) if fact.kubernetes else None
        for end in ends:
            if end <= self.last:
                continue  # A shorter interval has told of this step before: the first one wins.
            for source, answered in (("kubernetes", fact.kubernetes), ("metrics", fact.metrics), ("dcgm", dcgm)):
                if answered:
                    self.observed[source].add(end)
            if fact.kubernetes and fact.metrics:
                self.both.add(end)
            if facts is not None:
                self.steps[end] = facts
        self.last = fact.time
        charged = set(fact.namespaces) - self.excluded if fact.kubernetes else set()
        if not charged <= self.names:
            self.names |= charged
            # Who comes later was a known zero before, in what has been added up as well.
            self._closed.clear()
            self._finished.clear()

    def _step(self, fact: TickFact, dcgm: bool) -> StepFacts:
        nodes = fact.nodes.values()
        gpus = float(sum(node[4] for node in nodes))
        video = gpus * GPU_MEM_TOTAL / GIB if dcgm else None
        same = {"gpu": gpus, "gpu_memory": video}
        facts = StepFacts(
            capacity={"cpu": sum(n[0] for n in nodes), "memory": sum(n[2] for n in nodes) / GIB, **same},
            allocatable={"cpu": sum(n[1] for n in nodes), "memory": sum(n[3] for n in nodes) / GIB, **same},
            usage={"(unattributed)": _unattributed(fact, dcgm)},
            requests={},
            measured={},
        )
        rows = {name: {name} for name in fact.namespaces if name not in self.excluded}
        if self.excluded & set(fact.namespaces):
            rows["(excluded)"] = set(self.excluded)
        for name, members in rows.items():
            pods = [pod for pod in fact.pods if pod.namespace in members]
            running = [pod for pod in pods if pod.running]
            known = [pod for pod in running if pod.cpu_usage is not None]
            measured = fact.metrics and (not running or len(known) / len(running) >= 0.5)
            facts.measured[name] = (len(known) / len(running) if running else 1.0) if fact.metrics else 0.0
            gpu = [pod for pod in pods if pod.gpus]
            named = [(pod, pod.gpus - pod.gpus_unlabelled) for pod in gpu]
            facts.usage[name] = {
                "cpu": sum(pod.cpu_usage or 0.0 for pod in known) if measured else None,
                "memory": sum(pod.mem_usage or 0.0 for pod in known) / GIB if measured else None,
                "gpu": (sum(pod.gpu_utilisation * n for pod, n in named) if dcgm else None) if gpu else 0.0,
                "gpu_memory": (sum(pod.gpu_mem_used * n for pod, n in named) / GIB if dcgm else None) if gpu else 0.0,
            }
            facts.requests[name] = {
                "cpu": sum(pod.cpu_requests for pod in pods),
                "memory": sum(pod.mem_requests for pod in pods) / GIB,
                "gpu": float(sum(pod.gpus for pod in gpu)),
                "gpu_memory": None,
            }
        return facts

    # One hour

    def _parts(self, hour: int) -> list[tuple[float, list[int]]]:
        """The pieces an hour's books are kept in, as (hours each stands for, step ends).

        One for a closed hour, each step for the open one.
        """
        ends = list(range(hour + STEP, hour + HOUR + STEP, STEP))
        if hour + HOUR <= self.last:
            return [(1.0, ends)]
        return [(1 / 12, [end]) for end in ends if end <= self.last]

    def _mean(self, expected: int, values: list[Value]) -> Value:
        """The mean of the known values of `expected` steps; unknown where they are fewer than half."""
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and 2 * len(known) >= expected else None

    def _entry(self, facts: list[StepFacts], expected: int, name: str, metric: str) -> tuple[Value, Value]:
        """Mean usage and requests. A namespace that a successful listing does not name is zero."""
        usage = [step.usage[name][metric] if name in step.usage else 0.0 for step in facts]
        # Nobody can request GPU memory, so that is never known, whoever is there.
        nothing = None if metric == "gpu_memory" else 0.0
        requests = [step.requests[name][metric] if name in step.requests else nothing for step in facts]
        return self._mean(expected, usage), self._mean(expected, requests)

    def _matched(self, facts: list[StepFacts], ends: list[int], name: str, metric: str, asked: float) -> float:
        """Mean requests of measured pods over the steps in which usage is known; `asked` where all pods are measured.

        Of GPUs nothing is known pod by pod.
        """
        both = [end for end in ends if end in self.both]
        if metric not in ("cpu", "memory") or all(self.steps[end].measured.get(name, 1.0) == 1.0 for end in both):
            return asked
        known = [step for step in facts if name not in step.usage or step.usage[name][metric] is not None]
        return sum(
            (step.requests[name][metric] or 0.0) * step.measured[name] for step in known if name in step.requests
        ) / len(known)

    def hour(self, hour: int, metric: str) -> Books | None:
        """The books of one hour and metric; None when the hour was not observed."""
        if hour + HOUR > self.last:
            return self._hour(hour, metric)
        if (hour, metric) not in self._closed:
            self._closed[hour, metric] = self._hour(hour, metric)
        return self._closed[hour, metric]

    def _hour(self, hour: int, metric: str) -> Books | None:
        books = Books(0.0, 0.0, defaultdict(float))
        sums = books.sums
        for length, ends in self._parts(hour):
            facts = [self.steps[end] for end in ends if end in self.steps]
            if self._mean(len(ends), [step.capacity["cpu"] for step in facts]) is None:
                continue
            books.observed += length
            capacity = self._mean(len(ends), [step.capacity[metric] for step in facts])
            allocatable = self._mean(len(ends), [step.allocatable[metric] for step in facts])
            total, complete = 0.0, True
            for name in [*self.names, "(excluded)", "(unattributed)"]:
                used, asked = self._entry(facts, len(ends), name, metric)
                if capacity is None and used:
                    used = None  # Something of an unknown whole cannot be set against it; nothing of it can.
                if used is not None:
                    sums["usage", name] += used * length
                    sums["hours", name] += length
                    total += used
                else:
                    complete = False
                if asked is not None:
                    sums["requests", name] += asked * length
                    if used is not None:
                        sums["matched", name] += self._matched(facts, ends, name, metric, asked) * length
            if capacity is not None and allocatable is not None:
                books.capacity_known += length
                sums["capacity", ""] += capacity * length
                sums["allocatable", ""] += allocatable * length
                sums["special", "non-allocatable"] += (capacity - allocatable) * length
                sums["special", "unmeasured"] += 0.0 if complete else (allocatable - total) * length
                if complete:
                    sums["special", "idle"] += (allocatable - total) * length
        return books if books.observed else None

    def bill(self, hour: int) -> dict[str, float]:
        """Money per metric for the whole capacity of the hour; empty without a rate or an observed step."""
        in_force = [(rate, weights) for effective, rate, weights in self.rates if effective <= hour]
        books = {metric: books for metric in PER_HOUR if (books := self.hour(hour, metric))}
        if not in_force or not books:
            return {}
        rate, weights = in_force[-1]
        capacity = {metric: each.sums["capacity", ""] for metric, each in books.items()}
        capacity = {metric: amount for metric, amount in capacity.items() if amount > 0}
        shares = {m: (weights.get(m, 0.0) if weights else PER_HOUR[m] * amount) for m, amount in capacity.items()}
        return {m: rate * share / sum(shares.values()) * books["cpu"].observed for m, share in shares.items()}

    # Buckets

    def buckets(self, scale: str) -> list[tuple[int, int]]:
        assert self.first_step is not None
        last = datetime.fromtimestamp(self.last, UTC)
        midnight = int(last.replace(hour=0, minute=0, second=0).timestamp())
        if scale == "hourly_7d":
            now = self.last // HOUR * HOUR
            spans = [(now - n * HOUR, now - n * HOUR + HOUR) for n in range(168, -1, -1)]
        elif scale == "daily_14d":
            spans = [(midnight - n * 86400, midnight - n * 86400 + 86400) for n in range(14, -1, -1)]
        else:
            spans = []
            year, month = last.year, last.month
            for _ in range(13):
                start = int(datetime(year, month, 1, tzinfo=UTC).timestamp())
                spans.insert(0, (start, start + monthrange(year, month)[1] * 86400))
                year, month = (year - 1, 12) if month == 1 else (year, month - 1)
        first_hour = (self.first_step - STEP) // HOUR * HOUR
        return [(a, b) for a, b in spans if a < self.last and b > first_hour]

    def document(self, scale: str) -> Document:
        """Columns of the scale's buckets: `buckets`, `hours` by what they count, `coverage` by source, `rows` by Key.

        With them `expected_hours` of the exporter, `pods_coverage` and `measured`, the coverage of each namespace.
        """
        spans = self.buckets(scale)
        amounts = [self._bucket(start, end) for start, end in spans]
        rows: dict[Key, list[Value]] = {key: [None] * len(spans) for bucket in amounts for key in bucket}
        for place, bucket in enumerate(amounts):
            for key, amount in bucket.items():
                rows[key][place] = amount
        hours = {what: rows.pop(counted(what), [None] * len(spans)) for what in HOURS}
        return {
            "buckets": [start for start, _ in spans],
            "hours": {what: [value or 0.0 for value in column] for what, column in hours.items()},
            "expected_hours": [len(self._expected("dcgm", a, b)) / 12 for a, b in spans],
            "coverage": {source: [self._coverage(source, a, b) for a, b in spans] for source in self.observed},
            "pods_coverage": [len(steps & self.both) / len(steps) for a, b in spans if (steps := self._passed(a, b))],
            "measured": {name: [self._measured(name, a, b) for a, b in spans] for name in self.names},
            "rows": rows,
        }

    def _bucket(self, start: int, end: int) -> dict[Key, float]:
        """Every amount known of a bucket; a closed one is added up once."""
        if (start, end) in self._finished:
            return self._finished[start, end]
        amounts: dict[Key, float] = defaultdict(float)
        for hour in range(start, min(end, self.last), HOUR):
            self._add(amounts, hour)
        if end <= self.last:
            self._finished[start, end] = amounts
        return amounts

    def _add(self, amounts: dict[Key, float], hour: int) -> None:
        bill = self.bill(hour)
        for source in SILENT:
            amounts[counted(f"silent {source}")] += self._silent(source, hour)
        for metric in METRICS:
            books = self.hour(hour, metric)
            if books is None:
                continue
            if metric == "cpu":
                amounts[counted("observed")] += books.observed
                amounts[counted("priced")] += books.observed if bill else 0.0
            if metric == "gpu_memory":
                amounts[counted("gpu_memory known")] += books.capacity_known
            price = bill[metric] / books.sums["capacity", ""] if metric in bill else None
            if metric in bill:
                amounts["cluster", "", metric, "bill"] += bill[metric]
            for (side, name), amount in books.sums.items():
                kind = "special" if side == "special" or "(" in name else "namespace" if name else "cluster"
                field = "usage" if side == "special" else side
                amounts[kind, name.strip("()"), metric, field] += amount
                if price is not None and field == "usage":
                    amounts[kind, name.strip("()"), metric, "cost"] += amount * price
                if bill and field == "hours" and metric in PER_HOUR:
                    amounts[kind, name.strip("()"), metric, "cost_hours"] += amount

    def _silent(self, source: str, hour: int) -> float:
        """Hours in which the API answered and the source did not, though expected to: counted in each part alone."""
        silent = 0.0
        for _, ends in self._parts(hour):
            answered = {name: len(steps.intersection(ends)) for name, steps in self.observed.items()}
            if source == "dcgm":
                configured = len(set(ends) - self.without_dcgm)
                silent += max(0, min(answered["kubernetes"], configured) - answered["dcgm"]) / 12
            else:
                silent += (answered["kubernetes"] - len(self.both.intersection(ends))) / 12
        return silent

    def _passed(self, start: int, end: int) -> set[int]:
        return set(range(start + STEP, min(end, self.last) + STEP, STEP))

    def _expected(self, source: str, start: int, end: int) -> set[int]:
        """The steps that have passed; of the exporter, none while it was not configured, or if it never was."""
        assert self.first_step is not None
        steps = self._passed(start, end)
        if source == "dcgm":
            begun = (self.first_step - STEP) // HOUR * HOUR
            steps -= self.without_dcgm
            if not any(step > begun for step in steps):
                return set()
        return steps

    def _coverage(self, source: str, start: int, end: int) -> Value:
        """Observed ÷ expected steps."""
        expected = self._expected(source, start, end)
        return len(expected & self.observed[source]) / len(expected) if expected else None

    def _measured(self, name: str, start: int, end: int) -> float:
        """Share of all pod samples that were measured. Of a namespace that is not there none is missing."""
        steps = self._passed(start, end)
        return sum(self.steps[step].measured.get(name, 1.0) for step in steps & self.both) / len(steps)


def _unattributed(fact: TickFact, dcgm: bool) -> dict[str, Value]:
    """What GPUs did for pods that their labels do not name."""
    held = [pod for pod in fact.pods if pod.gpus]
    if fact.dcgm_configured and not dcgm and held:
        return {"cpu": 0.0, "memory": 0.0, "gpu": None, "gpu_memory": None}
    return {
        "cpu": 0.0,
        "memory": 0.0,
        "gpu": sum(pod.gpu_utilisation * pod.gpus_unlabelled for pod in held) if dcgm else 0.0,
        "gpu_memory": sum(pod.gpu_mem_used * pod.gpus_unlabelled for pod in held) / GIB if dcgm else 0.0,
    }
