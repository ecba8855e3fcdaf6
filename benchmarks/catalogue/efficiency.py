"""Usage against requests."""

from __future__ import annotations

from typing import Any

from benchmarks.known import Known
from benchmarks.questions import Question, call
from simulator.workload import Metric


def by_waste(known: Known, metric: Metric, names: list[str]) -> list[str]:
    """Names, the one that requests most without using it first."""
    return sorted(names, key=lambda name: -known.unused(name, metric, known.when.fourteen_days))


def with_ratio(known: Known, metric: Metric, low: float, high: float) -> list[str]:
    """Namespaces whose ratio over 14 days lies between, the most wasteful first."""
    ratios = known.ratios(metric, known.when.fourteen_days)
    return by_waste(known, metric, [name for name, ratio in ratios.items() if low <= ratio < high])


def left_over(known: Known, sign: int) -> float:
    """Requests less usage of CPU over 14 days, or the reverse, of the namespaces with requests where it is positive."""
    span = known.when.fourteen_days
    return sum(max(0.0, sign * known.unused(name, "cpu", span)) for name in known.ratios("cpu", span))


def without_requests(known: Known) -> dict[str, Any]:
    """Namespaces whose pods request no CPU, in the order of their use."""
    span = known.when.fourteen_days
    names = [name for name in known.living(span) if not known.amount(name, "cpu", span, "requests")]
    ordered = sorted(names, key=lambda name: (-known.amount(name, "cpu", span), name))
    return {"efficiency/*/namespace": ordered, "counts/no_requests": len(ordered)}


QUESTIONS = (
    Question(
        "Which namespaces are over-provisioned in CPU, that is, use less than half of what they request?",
        lambda _: call("get_efficiency", metric="cpu", classification="over_provisioned"),
        lambda known: {
            "efficiency/*/namespace": with_ratio(known, "cpu", 0, 0.5),
            "efficiency/*/efficiency_ratio": [
                known.ratio(name, "cpu", known.when.fourteen_days) for name in with_ratio(known, "cpu", 0, 0.5)
            ],
        },
    ),
    Question(
        "Which namespaces use more memory than they request?",
        lambda _: call("get_efficiency", metric="memory", classification="under_provisioned"),
        lambda known: {
            "efficiency/*/namespace": with_ratio(known, "memory", 1.0, float("inf")),
            "counts/under_provisioned": len(with_ratio(known, "memory", 1.0, float("inf"))),
        },
    ),
    Question(
        "Which namespaces run without CPU requests?",
        lambda _: call("get_efficiency", metric="cpu", classification="no_requests"),
        without_requests,
    ),
    Question(
        "Which application has the worst memory efficiency?",
        lambda _: call("get_efficiency", metric="memory", sort="ratio", exclude_system=True, limit=3),
        lambda known: {
            "efficiency/0/namespace": min(
                known.applications(), key=lambda name: known.ratios("memory", known.when.fourteen_days).get(name, 99.0)
            ),
            "efficiency/0/efficiency_ratio": min(
                ratio
                for name, ratio in known.ratios("memory", known.when.fourteen_days).items()
                if name in known.applications()
            ),
        },
    ),
    Question(
        "Where is the most CPU reserved and not used, in core-hours?",
        lambda _: call("get_efficiency", metric="cpu", limit=1),
        lambda known: {
            "efficiency/0/namespace": by_waste(known, "cpu", known.living(known.when.fourteen_days))[0],
            "efficiency/0/unused": max(
                known.unused(name, "cpu", known.when.fourteen_days) for name in known.living(known.when.fourteen_days)
            ),
        },
    ),
    Question(
        "How much CPU is reserved and not used, and how much do others use beyond what they reserve?",
        lambda _: call("get_efficiency", metric="cpu", limit=1),
        lambda known: {
            "totals/cpu/unused": left_over(known, 1),
            "totals/cpu/overused": left_over(known, -1),
        },
    ),
    Question(
        "How well does the whole cluster use the CPU it reserves?",
        lambda _: call("get_efficiency", metric="cpu", limit=5),
        lambda known: {
            "totals/cpu/efficiency_ratio": known.ratio(known.namespaces, "cpu", known.when.fourteen_days),
            "totals/cpu/usage": known.amount(known.namespaces, "cpu", known.when.fourteen_days),
            "totals/cpu/requests": known.amount(known.namespaces, "cpu", known.when.fourteen_days, "requests"),
        },
    ),
    Question(
        "Do the ml-* namespaces use the GPUs they hold?",
        lambda _: call("get_efficiency", metric="gpu", namespaces=["ml-*"]),
        lambda known: {
            "totals/gpu/efficiency_ratio": known.ratio(known.matching("ml-*"), "gpu", known.when.fourteen_days),
            **{
                f"efficiency/namespace={name}/efficiency_ratio": known.ratio(name, "gpu", known.when.fourteen_days)
                for name in known.matching("ml-*")
            },
        },
    ),
    Question(
        "How did shop-frontend's CPU efficiency look last month?",
        lambda when: call(
            "get_efficiency",
            metric="cpu",
            namespace="shop-frontend",
            scale="monthly_12m",
            date=when.last_month.date,
        ),
        lambda known: {"efficiency/0/efficiency_ratio": known.ratio("shop-frontend", "cpu", known.when.last_month)},
    ),
)
