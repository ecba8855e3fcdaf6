"""`docs/answer.svg`, the picture in the README: a question, the call that answers it, and what the answer says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from benchmarks.document import in_process
from benchmarks.questions import call
from benchmarks.year import Year

QUESTION = "What did our cluster cost over the past 14 days, and who used it?"
CALL = call("get_namespace_breakdown", metric="total", cost_model="costs", date="2026-11-07..2026-11-20", limit=6)
WIDTH, ROW_HEIGHT, TABLE_TOP = 860, 28, 150
NAME_X, BAR_X, VALUE_X, SHARE_X = 48, 290, 706, 812
BAR_WIDTH = 320
FONT = 'font-family="Helvetica, Arial, sans-serif" font-size="15"'
NAMESPACE, OTHER = "#2563eb", "#94a3b8"

Row = tuple[str, float, str]
"""What is named, its cost, and the colour of its bar."""


def rows(answer: Mapping[str, Any]) -> list[Row]:
    """Return everything that the bill went to: namespaces, and what is none."""
    rest, system, overhead = answer["rest"], answer["excluded_system"], answer["cluster_overhead"]
    return [
        *((row["namespace"], row["value"], NAMESPACE) for row in answer["breakdown"]),
        (f"{rest['count']} more namespaces", rest["value"], NAMESPACE),
        (f"{system['count']} system namespaces", system["value"], NAMESPACE),
        ("idle", overhead["idle_value"], OTHER),
        ("not allocatable", overhead["non_allocatable_value"], OTHER),
    ]


def picture(year: Year) -> str:
    """Return the picture as SVG."""
    answer = in_process(year)(CALL.tool, CALL.arguments)
    return _drawn(answer, rows(answer))


def _drawn(answer: Mapping[str, Any], table: Sequence[Row]) -> str:
    bill, largest = answer["capacity_value"], max(value for _, value, _ in table)
    bottom = TABLE_TOP + ROW_HEIGHT * len(table)
    height = bottom + 88
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" {FONT} fill="#0f172a">',
        f"<title>{escape(QUESTION)} What each namespace cost, what was idle, and the sum.</title>",
        f'<rect x="1" y="1" width="{WIDTH - 2}" height="{height - 2}" rx="12" fill="#ffffff" stroke="#cbd5e1"/>',
        '<rect x="276" y="22" width="560" height="42" rx="12" fill="#dbeafe"/>',
        _text(556, 48, QUESTION, more='text-anchor="middle"'),
        _text(32, 100, f"✓ kubeledger · {CALL}", "#64748b", 'font-family="monospace" font-size="12"'),
        _text(NAME_X, 134, "namespace", "#64748b", 'font-size="12"'),
        _text(VALUE_X, 134, "cost", "#64748b", 'font-size="12" text-anchor="end"'),
        _text(SHARE_X, 134, "of the bill", "#64748b", 'font-size="12" text-anchor="end"'),
    ]
    for position, row in enumerate(table):
        lines += _row(TABLE_TOP + ROW_HEIGHT * position, row, bill, largest)
    lines += [
        f'<path d="M{NAME_X} {bottom + 4}H{SHARE_X}" stroke="#cbd5e1"/>',
        _text(NAME_X, bottom + 26, "the bill", "#0f172a", 'font-weight="bold"'),
        *_amounts(bottom + 26, bill, bill, 'font-weight="bold"'),
        _text(NAME_X, bottom + 62, _foot(answer["metadata"]), "#64748b", 'font-size="12"'),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _row(top: int, row: Row, bill: float, largest: float) -> list[str]:
    name, value, colour = row
    width = max(2.0, BAR_WIDTH * value / largest)
    return [
        _text(NAME_X, top + 19, name),
        f'<rect x="{BAR_X}" y="{top + 7}" width="{width:.1f}" height="14" rx="3" fill="{colour}"/>',
        *_amounts(top + 19, value, bill),
    ]


def _amounts(y: int, value: float, bill: float, more: str = "") -> list[str]:
    right = f'text-anchor="end" {more}'.rstrip()
    return [
        _text(VALUE_X, y, f"${value:,.2f}", "#0f172a", right),
        _text(SHARE_X, y, f"{100 * value / bill:.1f} %", "#475569", right),
    ]


def _foot(metadata: Mapping[str, Any]) -> str:
    days, coverage = CALL.arguments["date"].replace("..", " to "), metadata["coverage"]
    day, minute = metadata["last_sample_utc"][:10], metadata["last_sample_utc"][11:16]
    return (
        f"{metadata['data_window']['points']} days, {days} · {coverage['observed_hours']:.0f} of "
        f"{coverage['elapsed_hours']:.0f} hours observed · last sample {day} {minute} · all times UTC"
    )


def _text(x: int, y: int, text: str, colour: str = "#0f172a", more: str = "") -> str:
    return f'<text x="{x}" y="{y}" fill="{colour}"{" " if more else ""}{more}>{escape(text)}</text>'
