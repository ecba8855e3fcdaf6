"""Periods against each other, trends and trajectories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.known import Known, direction
from benchmarks.periods import Span
from benchmarks.questions import Question, call
from simulator.workload import Metric

Moved = tuple[str, float, float]
"""Namespace, before, after."""


def moved(known: Known, metric: Metric, before: Span, after: Span) -> list[Moved]:
    """What every namespace used in two periods."""
    return [(name, known.amount(name, metric, before), known.amount(name, metric, after)) for name in known.namespaces]


def movers(moves: Sequence[Moved], order: Callable[[float], float], limit: int) -> dict[str, Any]:
    """The first movers by some order of their change."""
    first = sorted(moves, key=lambda move: (order(move[2] - move[1]), move[0]))[:limit]
    return {
        "movers/*/namespace": [name for name, _, _ in first],
        "movers/*/change": [after - before for _, before, after in first],
    }


def months_of(known: Known, name: str, where: str) -> dict[str, Any]:
    """The monthly trajectory of a namespace."""
    return {
        f"{where}/monthly_12m/series/*/value": known.series(name, "cpu", "monthly_12m"),
        f"{where}/monthly_12m/series/*/date": known.dates("monthly_12m"),
        f"{where}/monthly_12m/trend_direction": direction(known.trend_pct([name], "cpu")),
    }


def percent(before: float, after: float) -> float:
    """A change in per cent of what was before."""
    return 100 * (after - before) / before


def per_hour(known: Known, names: Sequence[str] | str, span: Span) -> float:
    """Mean cores over a period up to the last tick."""
    return known.amount(names, "cpu", span) / known.elapsed_hours(span)


def longer_month(known: Known, amount: Callable[[Span], float]) -> dict[str, Any]:
    """The change from February to March, of an amount and per hour."""
    before, after = known.when.february, known.when.march
    return {
        "comparison/billed_change_pct": percent(amount(before), amount(after)),
        "comparison/change_pct_per_hour": percent(amount(before) / before.hours, amount(after) / after.hours),
    }


def trend_of(known: Known, name: str) -> dict[str, Any]:
    """The trend of a namespace's CPU use."""
    rise = known.trend_pct([name], "cpu")
    return {"trend/rise_pct": rise, "trend/direction": direction(rise)}


QUESTIONS = (
    Question(
        "What were the biggest CPU movers of the last seven days against the seven before?",
        lambda _: call("compare_periods", metric="cpu", limit=5),
        lambda known: movers(
            moved(known, "cpu", known.when.seven_days_before, known.when.seven_days), lambda change: -abs(change), 5
        ),
    ),
    Question(
        "Whose memory use grew most last month against the month before?",
        lambda when: call(
            "compare_periods",
            metric="memory",
            scale="monthly_12m",
            date=when.last_month.date,
            baseline=when.month_before.date,
            sort="increase",
            limit=3,
        ),
        lambda known: movers(
            moved(known, "memory", known.when.month_before, known.when.last_month), lambda change: -change, 3
        ),
    ),
    Question(
        "Which namespace's CPU use has fallen most in a year?",
        lambda when: call(
            "compare_periods",
            scale="monthly_12m",
            date=when.last_month.date,
            baseline=when.a_year_ago.date,
            sort="decrease",
            limit=1,
        ),
        lambda known: movers(
            moved(known, "cpu", known.when.a_year_ago, known.when.last_month), lambda change: change, 1
        ),
    ),
    Question(
        "Did the cluster use more CPU yesterday than the day before?",
        lambda when: call(
            "compare_periods", date=when.yesterday.date, baseline=when.day_before_yesterday.date, limit=5
        ),
        lambda known: {
            "comparison/change_pct": percent(
                known.amount(known.namespaces, "cpu", known.when.day_before_yesterday),
                known.amount(known.namespaces, "cpu", known.when.yesterday),
            ),
            "comparison/value": known.amount(known.namespaces, "cpu", known.when.yesterday),
        },
    ),
    Question(
        "Is search busier today than yesterday by this time?",
        lambda when: call("compare_periods", namespace="search", date=when.today.date, baseline=when.yesterday.date),
        lambda known: {
            "comparison/change_pct": percent(
                known.amount("search", "cpu", known.when.same_hours_of_yesterday),
                known.amount("search", "cpu", known.when.closed_hours_of_today),
            ),
            "comparison/value": known.amount("search", "cpu", known.when.closed_hours_of_today),
            "comparison/same_hours": True,
            "comparison/scaled": False,
        },
    ),
    Question(
        "How much quieter is the weekend than the working week?",
        lambda when: call(
            "compare_periods", date=when.weekend.date, baseline=when.working_days.date, sort="decrease", limit=5
        ),
        lambda known: {
            "comparison/change_pct": percent(
                per_hour(known, known.namespaces, known.when.working_days),
                per_hour(known, known.namespaces, known.when.weekend),
            ),
        },
    ),
    Question(
        "Is the CPU use of ml-* growing?",
        lambda _: call("compare_periods", metric="cpu", namespaces=["ml-*"], aggregate=True),
        lambda known: {
            "monthly_12m/trend_direction": direction(known.trend_pct(known.matching("ml-*"), "cpu")),
            "trend/rise_pct": known.trend_pct(known.matching("ml-*"), "cpu"),
        },
    ),
    Question(
        "Is the CPU use of recommendations, which began this year, still growing?",
        lambda _: call("compare_periods", namespace="recommendations"),
        lambda known: trend_of(known, "recommendations"),
    ),
    Question(
        "Was legacy-crm using less and less CPU before it was removed?",
        lambda _: call("compare_periods", namespace="legacy-crm"),
        lambda known: trend_of(known, "legacy-crm"),
    ),
    Question(
        "How much more CPU did the cluster use in March than in February, in all and per hour?",
        lambda when: call(
            "compare_periods", scale="monthly_12m", date=when.march.date, baseline=when.february.date, limit=1
        ),
        lambda known: longer_month(known, lambda month: known.amount(known.namespaces, "cpu", month)),
    ),
    Question(
        "Compare the monthly CPU trajectory of openshift-monitoring against kube-system.",
        lambda _: call("compare_periods", metric="cpu", namespaces=["openshift-monitoring", "kube-system"]),
        lambda known: {
            **months_of(known, "openshift-monitoring", "comparisons/namespace=openshift-monitoring"),
            **months_of(known, "kube-system", "comparisons/namespace=kube-system"),
        },
    ),
    Question(
        "How did GPU usage develop over the year, month by month?",
        lambda _: call("get_usage", metric="gpu", scale="monthly_12m", limit=3),
        lambda known: {
            "totals": known.series(known.namespaces, "gpu", "monthly_12m"),
            "dates": known.dates("monthly_12m"),
        },
    ),
    Question(
        "How much CPU did shop-* use on each of the past 14 days, as one series?",
        lambda _: call("get_usage", namespaces=["shop-*"], aggregate=True),
        lambda known: {
            "series/0/values": known.series(known.matching("shop-*"), "cpu", "daily_14d"),
            "total": known.amount(known.matching("shop-*"), "cpu", known.when.fourteen_days),
        },
    ),
    Question(
        "Why is the cluster's CPU share of ml-training lower than a year ago: its use, or a larger cluster?",
        lambda _: call("compare_periods", namespace="ml-training"),
        lambda known: {
            "what_changed/capacity_per_hour/change_pct": percent(
                known.capacity("cpu", known.when.a_year_ago) / known.when.a_year_ago.hours,
                known.capacity("cpu", known.when.last_month) / known.when.last_month.hours,
            ),
            "what_changed/amount_per_hour/change_pct": percent(
                per_hour(known, "ml-training", known.when.a_year_ago),
                per_hour(known, "ml-training", known.when.last_month),
            ),
        },
    ),
    Question(
        "How much has the CPU use of the whole cluster changed from the quarter before last to last quarter?",
        lambda when: call(
            "compare_periods",
            scale="monthly_12m",
            date=when.last_quarter.date,
            baseline=when.quarter_before.date,
            limit=5,
        ),
        lambda known: {
            "comparison/change_pct": percent(
                known.amount(known.namespaces, "cpu", known.when.quarter_before),
                known.amount(known.namespaces, "cpu", known.when.last_quarter),
            ),
        },
    ),
)
