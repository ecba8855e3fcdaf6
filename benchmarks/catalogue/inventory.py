"""What there is: namespaces, nodes, metrics, and how far the books can be trusted."""

from __future__ import annotations

from benchmarks.known import Known
from benchmarks.questions import Question, call
from simulator.objects import timestamp
from simulator.shapes import HOUR, STEP
from simulator.workload import step_ends


def cores_now(known: Known) -> float:
    """Of all nodes in the last step."""
    last = known.truth.last_tick
    return float(known.truth.workload.capacity("cpu", step_ends(last - STEP, last))[0])


def bytes_now(known: Known) -> float:
    """Of memory of all nodes in the last step."""
    last = known.truth.last_tick
    return float(known.truth.workload.capacity("memory", step_ends(last - STEP, last))[0])


def gone(known: Known) -> list[str]:
    """Namespaces that no longer exist."""
    there = {spec.name for spec in known.truth.workload.living(known.truth.last_tick)}
    return [name for name in known.namespaces if name not in there]


def newest(known: Known) -> str:
    """The namespace that was created last."""
    return max(known.namespaces, key=lambda name: known.truth.workload.life(name)[0])


QUESTIONS = (
    Question(
        "Which namespace is the newest, and since when do we have it?",
        lambda _: call("list_namespaces", sort="first_seen", limit=3),
        lambda known: {
            "namespaces/0/name": newest(known),
            # So long ago the history was sampled once an hour: it was first seen at the end of its first hour.
            "namespaces/0/first_seen": timestamp(known.truth.workload.life(newest(known))[0] + HOUR),
        },
    ),
    Question(
        "Which namespaces are gone, and when were they last seen?",
        lambda _: call("list_namespaces", active=False),
        lambda known: {
            "namespaces/*/name": gone(known),
            "namespaces/*/last_seen": [timestamp(known.truth.workload.life(name)[1] or 0) for name in gone(known)],
        },
    ),
    Question(
        "How many application namespaces are there, and how many belong to the system?",
        lambda _: call("list_namespaces", active=True, limit=1),
        lambda known: {
            "counts/application": len([name for name in known.applications() if name not in gone(known)]),
            "counts/system": len(known.system()),
        },
    ),
    Question(
        "How large is the cluster now?",
        lambda _: call("describe_dataset"),
        lambda known: {
            "nodes/capacity/cpu_cores": cores_now(known),
            "nodes/capacity/mem_bytes": bytes_now(known),
            "nodes/total": len(known.truth.workload.nodes_at(known.truth.last_tick)),
        },
    ),
    Question(
        "How fresh are the data, and did we miss any samples?",
        lambda _: call("describe_dataset"),
        lambda known: {
            "data_freshness_utc": timestamp(known.truth.last_tick),
            "scales/monthly_12m/coverage/metrics": 1.0,
            "scales/monthly_12m/observed_hours": known.elapsed_hours(known.when.thirteen_months),
        },
    ),
    Question(
        "Which metrics can I ask about, and how far back?",
        lambda _: call("describe_dataset"),
        lambda known: {
            "metrics_available": [*known.truth.metrics, "total"],
            "scales/monthly_12m/first": known.when.a_year_ago.date,
            "gpu_available": True,
        },
    ),
    Question(
        "How much memory did legacy-crm use before it was switched off?",
        lambda _: call("get_usage", namespace="legacy-crm", metric="memory", scale="monthly_12m"),
        lambda known: {
            "total": known.amount("legacy-crm", "memory", known.when.thirteen_months),
            "series/0/values": known.series("legacy-crm", "memory", "monthly_12m"),
        },
    ),
    Question(
        "How many GiB-hours did the cluster have, and how many were used, this year?",
        lambda when: call("get_top_consumers", metric="memory", scale="monthly_12m", date=when.this_year.date, limit=1),
        lambda known: {
            "capacity_value": known.capacity("memory", known.when.this_year),
            "total_value": known.amount(known.namespaces, "memory", known.when.this_year),
        },
    ),
)
