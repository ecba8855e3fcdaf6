"""Shares of namespaces and of the cluster, what is idle, and what no pod can use."""

from __future__ import annotations

from benchmarks.questions import Question, call

TEAMS = ["shop-*", "payments", "search"]

QUESTIONS = (
    Question(
        "What proportion of cluster CPU do openshift-* namespaces take today?",
        lambda _: call("group_namespaces", metric="cpu", pattern=["openshift-*"]),
        lambda known: {
            "cluster_share_pct": 100
            * known.amount(known.matching("openshift-*"), "cpu", known.when.today)
            / known.capacity("cpu", known.when.today),
            "matched_count": len(known.matching("openshift-*")),
        },
    ),
    Question(
        "How much memory did shop-*, payments and search use together last month, and what share is that?",
        lambda when: call(
            "group_namespaces", metric="memory", pattern=TEAMS, scale="monthly_12m", date=when.last_month.date
        ),
        lambda known: {
            "group_total": known.amount(known.matching(*TEAMS), "memory", known.when.last_month),
            "share_pct": 100
            * known.amount(known.matching(*TEAMS), "memory", known.when.last_month)
            / known.amount(known.namespaces, "memory", known.when.last_month),
        },
    ),
    Question(
        "How much of the CPU that pods can have is requested this week?",
        lambda when: call("get_namespace_breakdown", dimension="requests", date=when.seven_days.date, limit=5),
        lambda known: {
            "cluster_overhead/namespaces_share_of_allocatable_pct": 100
            * known.amount(known.namespaces, "cpu", known.when.seven_days, "requests")
            / known.allocatable("cpu", known.when.seven_days),
        },
    ),
    Question(
        "And how much of it is really used?",
        lambda when: call("get_namespace_breakdown", date=when.seven_days.date, limit=5),
        lambda known: {
            "cluster_overhead/namespaces_share_of_allocatable_pct": 100
            * known.amount(known.namespaces, "cpu", known.when.seven_days)
            / known.allocatable("cpu", known.when.seven_days),
        },
    ),
    Question(
        "How many cores are in use at the moment, and how many are idle?",
        lambda _: call("get_namespace_breakdown", scale="hourly_7d", limit=1),
        lambda known: {
            "means/total": known.amount(known.namespaces, "cpu", known.when.open_hour)
            / known.elapsed_hours(known.when.open_hour),
            "means/idle": (
                known.allocatable("cpu", known.when.open_hour)
                - known.amount(known.namespaces, "cpu", known.when.open_hour)
            )
            / known.elapsed_hours(known.when.open_hour),
        },
    ),
    Question(
        "How many GiB of memory has nobody reserved today?",
        lambda _: call("get_namespace_breakdown", metric="memory", dimension="requests", limit=1),
        lambda known: {
            "means/idle": (
                known.allocatable("memory", known.when.today)
                - known.amount(known.namespaces, "memory", known.when.today, "requests")
            )
            / known.elapsed_hours(known.when.today),
            "means/unit": "GiB",
        },
    ),
    Question(
        "How much memory was idle last month?",
        lambda when: call(
            "get_namespace_breakdown", metric="memory", scale="monthly_12m", date=when.last_month.date, limit=5
        ),
        lambda known: {
            "cluster_overhead/idle_value": known.allocatable("memory", known.when.last_month)
            - known.amount(known.namespaces, "memory", known.when.last_month),
            "cluster_overhead/idle_share_pct": 100
            - 100
            * known.amount(known.namespaces, "memory", known.when.last_month)
            / known.capacity("memory", known.when.last_month)
            - 100
            * (known.capacity("memory", known.when.last_month) - known.allocatable("memory", known.when.last_month))
            / known.capacity("memory", known.when.last_month),
        },
    ),
    Question(
        "What share of the cluster's memory can no pod ever use?",
        lambda _: call("get_namespace_breakdown", metric="memory", limit=1),
        lambda known: {
            "cluster_overhead/non_allocatable_share_pct": 100
            - 100 * known.allocatable("memory", known.when.today) / known.capacity("memory", known.when.today),
        },
    ),
    Question(
        "How many namespaces make up 80 % of our CPU usage over the past 14 days?",
        lambda _: call("get_namespace_breakdown", date="all", limit=10, exclude_system=False),
        lambda known: {
            "concentration/namespaces_for_80_pct": known.needed_for(0.8, "cpu", known.when.fourteen_days),
            "concentration/top_3_share_pct": 100
            * sum(value for _, value in known.ranked("cpu", known.when.fourteen_days, 3, names=known.namespaces))
            / known.amount(known.namespaces, "cpu", known.when.fourteen_days),
        },
    ),
    Question(
        "What part of all CPU usage is the cluster's own, in kube-* and openshift-* namespaces, over 14 days?",
        lambda _: call("get_namespace_breakdown", date="all", limit=1),
        lambda known: {
            "excluded_system/share_pct": 100
            * known.amount(known.system(), "cpu", known.when.fourteen_days)
            / known.amount(known.namespaces, "cpu", known.when.fourteen_days),
            "excluded_system/count": len(known.system()),
        },
    ),
    Question(
        "Which percentage of the cluster's CPU did data-warehouse use last week?",
        lambda when: call("get_usage", namespace="data-warehouse", date=when.last_week.date, cost_model="normalized"),
        lambda known: {
            "total": 100
            * known.amount("data-warehouse", "cpu", known.when.last_week)
            / known.capacity("cpu", known.when.last_week),
        },
    ),
    Question(
        "How much of our GPUs sat idle over the past 14 days?",
        lambda _: call("get_namespace_breakdown", metric="gpu", date="all"),
        lambda known: {
            "cluster_overhead/idle_share_pct": 100
            - 100
            * known.amount(known.namespaces, "gpu", known.when.fourteen_days)
            / known.capacity("gpu", known.when.fourteen_days),
        },
    ),
    Question(
        "Are our GPUs all spoken for, and by whom?",
        lambda when: call("get_namespace_breakdown", metric="gpu", dimension="requests", date=when.yesterday.date),
        lambda known: {
            "cluster_overhead/namespaces_share_of_allocatable_pct": 100
            * known.amount(known.namespaces, "gpu", known.when.yesterday, "requests")
            / known.allocatable("gpu", known.when.yesterday),
            "breakdown/0/namespace": known.ranked("gpu", known.when.yesterday, 1, dimension="requests")[0][0],
        },
    ),
)
