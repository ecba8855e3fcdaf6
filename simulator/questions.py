"""Five questions in plain language, the call that answers each, and its answer as a short table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Answer = Mapping[str, Any]


def window(answer: Answer) -> str:
    """What the metadata block says about the answer: window and unit."""
    span = answer["metadata"]["data_window"]
    partial = ", the last bucket still open" if span["partial"] else ""
    return f"{span['start']} to {span['end']}{partial}; in {answer['metadata']['unit']}"


def months(answer: Answer) -> str:
    """The same of an answer by the month: of the months that are shown, not of the periods beside them."""
    trajectory = answer["comparisons"][0]["monthly_12m"]["series"]
    partial = "" if trajectory[-1]["complete"] else ", the last month still open"
    return f"{trajectory[0]['date']} to {trajectory[-1]['date']}{partial}; in {answer['metadata']['unit']}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the tool and arguments that answer it in one call, how to show the answer, and what time it is of."""

    text: str
    tool: str
    arguments: Mapping[str, Any]
    show: Callable[[Answer], str]
    window: Callable[[Answer], str] = window


def text_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned columns, numbers to the right; None is shown as `unknown`."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    numeric = [all(_is_number(row[column]) for row in cells[1:]) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return text == "unknown" or text.replace(",", "").replace(".", "").replace("-", "").isdigit()


def _ranking(answer: Answer) -> str:
    rows = (
        (row["rank"], row["namespace"], row["value"], row["share_pct"], row["cluster_share_pct"])
        for row in answer["ranking"]
    )
    return text_table(("rank", "namespace", "core-hours", "% of all namespaces", "% of cluster"), rows)


def _trajectories(answer: Answer) -> str:
    by_name = {each["namespace"]: each for each in answer["comparisons"]}
    names = ("openshift-monitoring", "kube-system")
    months = [by_name[name]["monthly_12m"]["series"] for name in names]
    rows = [
        (points[0]["date"] + ("" if points[0]["complete"] else " (open)"), *(point["value"] for point in points))
        for points in zip(*months, strict=True)
    ]
    trend = "; ".join(f"{name}: {by_name[name]['monthly_12m']['trend_direction']}" for name in names)
    return text_table(("month", *names), rows) + f"\nTrend: {trend}"


def _efficiency(answer: Answer) -> str:
    rows = ((row["namespace"], row["usage"], row["requests"], row["efficiency_ratio"]) for row in answer["efficiency"])
    return text_table(("namespace", "used", "requested", "ratio"), rows)


def _series(answer: Answer) -> str:
    stats, values = answer["stats"], answer["series"][0]["values"]
    days = [
        (hour[:10], *("n/a" if value is None else f"{value:.1f}" for value in values[index : index + 24 : 4]))
        for index, hour in enumerate(answer["hours"])
        if hour[11:13] == "00" and index + 24 <= len(values)
    ]
    table = text_table(("day", *(f"{hour:02d}:00" for hour in range(0, 24, 4))), days)
    mean, low, high = (float(stats[key]) for key in ("mean", "min", "max"))
    return (
        f"{table}\n(every fourth hour of the {len(values)} in the answer) "
        f"min {low:.2f}, max {high:.2f}, mean {mean:.2f} GiB-hours an hour"
    )


def _group(answer: Answer) -> str:
    rows = ((row["namespace"], row["value"], row["share_pct"], row["cluster_share_pct"]) for row in answer["members"])
    total = ("all of openshift-*", answer["group_total"], answer["share_pct"], answer["cluster_share_pct"])
    return text_table(("namespace", "core-hours", "% of all namespaces", "% of cluster"), [*rows, total])


QUESTIONS: tuple[Question, ...] = (
    Question(
        "Which ten namespaces consume the most CPU over the past 14 days, excluding system namespaces?",
        "get_top_consumers",
        {"metric": "cpu", "scale": "daily_14d", "date": "all", "limit": 10, "exclude_system": True},
        _ranking,
    ),
    Question(
        "Compare the monthly CPU trajectory of openshift-monitoring against kube-system.",
        "compare_periods",
        {"metric": "cpu", "namespaces": "openshift-monitoring,kube-system"},
        _trajectories,
        months,
    ),
    Question(
        "Identify CPU over-provisioned namespaces, those with a usage / requests ratio below 0.5.",
        "get_efficiency",
        {"metric": "cpu", "classification": "over_provisioned"},
        _efficiency,
    ),
    Question(
        "Show the hourly memory series for the registry namespace over the last 7 days, with min/max/mean.",
        "get_timeseries",
        {"metric": "memory", "namespace": "registry"},
        _series,
    ),
    Question(
        "What proportion of cluster CPU is consumed by openshift-* namespaces today?",
        "group_namespaces",
        {"metric": "cpu", "scale": "daily_14d", "pattern": "openshift-*", "date": "latest"},
        _group,
    ),
)
