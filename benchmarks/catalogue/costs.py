"""Money: the bill, who it is for, and what it buys that nobody uses."""

from __future__ import annotations

from benchmarks.catalogue.changes import longer_month
from benchmarks.catalogue.rankings import rows
from benchmarks.known import Known
from benchmarks.questions import Question, call
from simulator.truth import PRICES

COSTS = {"metric": "total", "cost_model": "costs"}


def scaled_month(known: Known) -> float:
    """What all namespaces would cost over this month at the pace so far."""
    month = known.when.this_month
    return known.cost(known.namespaces, "total", month) * month.hours / known.elapsed_hours(month)


QUESTIONS = (
    Question(
        "What was the whole bill last month?",
        lambda when: call("get_namespace_breakdown", **COSTS, scale="monthly_12m", date=when.last_month.date, limit=5),
        lambda known: {
            "capacity_value": known.bill(known.when.last_month),
            "total_value": known.cost(known.namespaces, "total", known.when.last_month),
        },
    ),
    Question(
        "Which five namespaces cost the most last month?",
        lambda when: call("get_top_consumers", **COSTS, scale="monthly_12m", date=when.last_month.date, limit=5),
        lambda known: rows(known.ranked_by_cost("total", known.when.last_month, 5)),
    ),
    Question(
        "What did analytics cost in total last quarter?",
        lambda when: call(
            "get_usage", **COSTS, namespace="analytics", scale="monthly_12m", date=when.last_quarter.date
        ),
        lambda known: {"total": known.cost("analytics", "total", known.when.last_quarter)},
    ),
    Question(
        "How much of analytics' bill last quarter was for CPU, how much for memory?",
        lambda when: (
            call(
                "get_usage",
                metric="cpu",
                cost_model="costs",
                namespace="analytics",
                scale="monthly_12m",
                date=when.last_quarter.date,
            ),
            call(
                "get_usage",
                metric="memory",
                cost_model="costs",
                namespace="analytics",
                scale="monthly_12m",
                date=when.last_quarter.date,
            ),
        ),
        lambda known: {
            "total": known.cost("analytics", "cpu", known.when.last_quarter),
            "then/total": known.cost("analytics", "memory", known.when.last_quarter),
        },
    ),
    Question(
        "What did idle capacity cost us last month?",
        lambda when: call("get_namespace_breakdown", **COSTS, scale="monthly_12m", date=when.last_month.date, limit=5),
        lambda known: {
            "cluster_overhead/idle_value": known.cost_of_idle("total", known.when.last_month),
            "cluster_overhead/idle_share_pct": 100
            * known.cost_of_idle("total", known.when.last_month)
            / known.bill(known.when.last_month),
        },
    ),
    Question(
        "What have all namespaces cost so far this month?",
        lambda when: call("get_top_consumers", **COSTS, scale="monthly_12m", date=when.this_month.date, limit=5),
        lambda known: {
            "total_value": known.cost(known.namespaces, "total", known.when.this_month),
            "metadata/data_window/partial": True,
        },
    ),
    Question(
        "What will they have cost by the end of the month if it goes on like this?",
        lambda _: call("compare_periods", **COSTS, limit=1),
        lambda known: {"monthly_12m/open_month/value_scaled_to_month": scaled_month(known)},
    ),
    Question(
        "How many dollars did the shop-* team spend each month?",
        lambda _: call("get_usage", **COSTS, namespaces=["shop-*"], aggregate=True, scale="monthly_12m"),
        lambda known: {
            "series/0/values": [
                sum(
                    known.truth.cost(known.matching("shop-*"), metric, each.start, each.end, known.year.hourly_rate)
                    for metric in PRICES
                )
                for each in known.truth.buckets("monthly_12m")
            ],
            "dates": known.dates("monthly_12m"),
        },
    ),
    Question(
        "Whose costs rose most last month against the month before?",
        lambda when: call(
            "compare_periods",
            **COSTS,
            scale="monthly_12m",
            date=when.last_month.date,
            baseline=when.month_before.date,
            sort="increase",
            limit=1,
        ),
        lambda known: {
            "movers/0/namespace": max(
                known.namespaces,
                key=lambda name: (
                    known.cost(name, "total", known.when.last_month)
                    - known.cost(name, "total", known.when.month_before)
                ),
            ),
        },
    ),
    Question(
        "What did the namespaces cost more in March than in February, and how much of it is the longer month?",
        lambda when: call(
            "compare_periods",
            **COSTS,
            scale="monthly_12m",
            date=when.march.date,
            baseline=when.february.date,
            limit=1,
        ),
        lambda known: longer_month(known, lambda month: known.cost(known.namespaces, "total", month)),
    ),
    Question(
        "Which part of last month's bill is for GPUs?",
        lambda when: (
            call(
                "get_namespace_breakdown",
                metric="gpu",
                cost_model="costs",
                scale="monthly_12m",
                date=when.last_month.date,
                limit=3,
            ),
            call("get_namespace_breakdown", **COSTS, scale="monthly_12m", date=when.last_month.date, limit=3),
        ),
        lambda known: {
            "capacity_value": known.bill_of("gpu", known.when.last_month),
            "then/capacity_value": known.bill(known.when.last_month),
        },
    ),
    Question(
        "What did yesterday cost, and what was it spent on?",
        lambda when: call("get_namespace_breakdown", **COSTS, date=when.yesterday.date, limit=5),
        lambda known: {
            "capacity_value": known.bill(known.when.yesterday),
            **rows(known.ranked_by_cost("total", known.when.yesterday, 5), "breakdown"),
        },
    ),
    Question(
        "What do we pay for the cluster per hour, and since when?",
        lambda _: call("describe_dataset"),
        lambda known: {
            "billing_hourly_rate": known.year.hourly_rate,
            "rate_history/0/effective": f"{known.when.a_year_ago.date}-01T00:00:00Z",
            "currency": "$",
        },
    ),
)
