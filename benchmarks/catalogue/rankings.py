"""Who uses, requests or holds the most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.questions import Question, call


def rows(ranked: Sequence[tuple[str, float]], where: str = "ranking") -> dict[str, Any]:
    """Names and values of a list that has to be in this order."""
    return {
        f"{where}/*/namespace": [name for name, _ in ranked],
        f"{where}/*/value": [value for _, value in ranked],
    }


QUESTIONS = (
    Question(
        "Which ten namespaces used the most CPU over the past 14 days, leaving out system namespaces?",
        lambda _: call("get_top_consumers", metric="cpu", scale="daily_14d", date="all", limit=10),
        lambda known: rows(known.ranked("cpu", known.when.fourteen_days, 10)),
    ),
    Question(
        "Who were the five largest CPU consumers last week?",
        lambda when: call("get_top_consumers", metric="cpu", date=when.last_week.date, limit=5),
        lambda known: rows(known.ranked("cpu", known.when.last_week, 5)),
    ),
    Question(
        "Who were the five largest memory consumers last quarter?",
        lambda when: call(
            "get_top_consumers", metric="memory", scale="monthly_12m", date=when.last_quarter.date, limit=5
        ),
        lambda known: rows(known.ranked("memory", known.when.last_quarter, 5)),
    ),
    Question(
        "With system namespaces included, which three used the most CPU in the last seven days?",
        lambda when: call("get_top_consumers", date=when.seven_days.date, limit=3, exclude_system=False),
        lambda known: rows(known.ranked("cpu", known.when.seven_days, 3, names=known.namespaces)),
    ),
    Question(
        "Which namespace used the most CPU in the hour that has just ended?",
        lambda when: call("get_top_consumers", scale="hourly_7d", date=when.last_hour.date, limit=1),
        lambda known: rows(known.ranked("cpu", known.when.last_hour, 1)),
    ),
    Question(
        "Who has reserved the most memory yesterday?",
        lambda when: call(
            "get_top_consumers", metric="memory", dimension="requests", date=when.yesterday.date, limit=3
        ),
        lambda known: rows(known.ranked("memory", known.when.yesterday, 3, dimension="requests")),
    ),
    Question(
        "Which system namespace uses the most memory today?",
        lambda _: call("group_namespaces", metric="memory", pattern=["kube-*", "openshift-*"], limit=3),
        lambda known: rows(known.ranked("memory", known.when.today, 3, names=known.system()), "members"),
    ),
    Question(
        "Who uses our GPUs, and how many GPU-hours did each take over the past 14 days?",
        lambda _: call("get_top_consumers", metric="gpu", date="all", limit=3),
        lambda known: rows(known.ranked("gpu", known.when.fourteen_days, 3)),
    ),
    Question(
        "Which applications use GPUs today, and how many use none?",
        lambda _: call("get_top_consumers", metric="gpu"),
        lambda known: {
            "ranking/*/namespace": [name for name, amount in known.ranked("gpu", known.when.today) if amount],
            "zero_count": len(
                [
                    name
                    for name in known.living(known.when.fourteen_days)
                    if name in known.applications() and not known.amount(name, "gpu", known.when.today)
                ]
            ),
        },
    ),
    Question(
        "Which namespace holds the most GPU memory today?",
        lambda _: call("get_top_consumers", metric="gpu_memory", limit=1),
        lambda known: rows(known.ranked("gpu_memory", known.when.today, 1)),
    ),
)
