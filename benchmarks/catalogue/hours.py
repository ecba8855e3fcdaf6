"""The last seven days hour by hour."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.known import Known, peak
from benchmarks.questions import Question, call
from simulator.objects import timestamp
from simulator.workload import Metric


def extremes(series: dict[str, float]) -> dict[str, Any]:
    """Statistics of a series over its whole hours."""
    return {"stats/min": min(series.values()), "stats/max": max(series.values()), "stats/mean": mean(series)}


def mean(series: dict[str, float]) -> float:
    """Of a series."""
    return float(np.mean(list(series.values())))


def hourly_ratios(known: Known) -> dict[str, float]:
    """CPU usage over requests, in each whole hour, of the namespaces together that request any in it."""
    usage = {name: known.full_hours([name], "cpu") for name in known.namespaces}
    requests = {name: known.full_hours([name], "cpu", "requests") for name in known.namespaces}

    def ratio(hour: str) -> float:
        asking = [name for name in known.namespaces if requests[name].get(hour)]
        return sum(usage[name][hour] for name in asking) / sum(requests[name][hour] for name in asking)

    return {hour: ratio(hour) for hour in known.full_hours(known.namespaces, "cpu")}


def mean_now(known: Known, name: str, metric: Metric) -> float:
    """What a namespace uses on average in the open hour, up to the last tick."""
    open_hour = known.when.open_hour
    return known.amount(name, metric, open_hour) / known.elapsed_hours(open_hour)


QUESTIONS = (
    Question(
        "How many cores does search use right now?",
        lambda _: call("get_timeseries", namespace="search", date="latest"),
        lambda known: {
            "latest/mean": mean_now(known, "search", "cpu"),
            "latest/unit": "cores",
            "latest/date": timestamp(known.when.open_hour.start),
        },
    ),
    Question(
        "When was the cluster's busiest hour of the last seven days, and how many cores did it use?",
        lambda _: call("get_timeseries", metric="cpu"),
        lambda known: {
            "stats/peak_hour": peak(known.full_hours(known.namespaces, "cpu")),
            "stats/max": max(known.full_hours(known.namespaces, "cpu").values()),
        },
    ),
    Question(
        "Show the hourly memory series of registry over the last seven days, with minimum, maximum and mean.",
        lambda _: call("get_timeseries", metric="memory", namespace="registry"),
        lambda known: {
            **extremes(known.full_hours("registry", "memory")),
            "series/0/values": known.series("registry", "memory", "hourly_7d"),
            "hours": known.dates("hourly_7d"),
        },
    ),
    Question(
        "How many cores does search need nineteen hours out of twenty?",
        lambda _: call("get_timeseries", namespace="search"),
        lambda known: {
            "stats/p95": float(np.percentile(list(known.full_hours("search", "cpu").values()), 95)),
        },
    ),
    Question(
        "How many cores do the ml-* namespaces use on average, all together?",
        lambda _: call("get_timeseries", namespaces=["ml-*"], aggregate=True),
        lambda known: {"stats/mean": mean(known.full_hours(known.matching("ml-*"), "cpu"))},
    ),
    Question(
        "Which of ci and batch-nightly peaks in the night, and when?",
        lambda _: call("get_timeseries", namespaces=["ci", "batch-nightly"]),
        lambda known: {
            f"series/namespace={name}/stats/peak_hour": peak(known.full_hours(name, "cpu"))
            for name in ("batch-nightly", "ci")
        },
    ),
    Question(
        "How many cores did ci hold in reserve in each hour of yesterday?",
        lambda when: call("get_timeseries", namespace="ci", dimension="requests", date=when.hours_of_yesterday.date),
        lambda known: {
            "series/0/values": [
                value
                for hour, value in known.full_hours("ci", "cpu", "requests").items()
                if hour.startswith(known.when.yesterday.date)
            ],
        },
    ),
    Question(
        "How far do the cluster's requests and its usage drift apart during the week: best and worst hour?",
        lambda _: call("get_efficiency_timeseries", metric="cpu"),
        lambda known: {
            "stats/min": min(hourly_ratios(known).values()),
            "stats/max": max(hourly_ratios(known).values()),
            "stats/peak_hour": peak(hourly_ratios(known)),
        },
    ),
    Question(
        "Does batch-nightly make use of what it requests when it runs?",
        lambda _: call("get_efficiency_timeseries", namespace="batch-nightly"),
        lambda known: {"overall_ratio": known.ratio("batch-nightly", "cpu", known.when.all_hours)},
    ),
)
