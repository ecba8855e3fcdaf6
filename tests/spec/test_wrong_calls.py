"""Calls that models make, at a real server over HTTP in both eras and over stdio.

Each is answered with what it means, or refused with a corrected call that is answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp_types import CallToolResult

from tests.spec.conftest import ERAS, asked
from tests.spec.document import ROOT
from tests.support.large_dataset import publish_named
from tests.support.mcp_clients import HttpServer, Target, error_of, http_server, stdio_parameters

PAGE = ROOT / "tests" / "cases" / "wrong_calls.md"
ROW = re.compile(r"^\| `(\w+)` \| `(.*)` \|$", re.MULTILINE)
TODAY_OF_THE_PAGE, TODAY = date(2026, 11, 30), date(2026, 11, 21)
NAMES = (
    *("cert-manager", "ci", "ingress-nginx", "kube-public", "kube-system", "ml-serving", "ml-training", "monitoring"),
    *("openshift-monitoring", "payments", "registry", "search", "shop-checkout", "shop-frontend"),
)
Call = tuple[str, dict[str, Any]]
MEANINGS: dict[str, tuple[str | None, str, dict[str, Any]]] = {
    'get_top_consumers {"date": "last week"}': (
        None,
        "get_top_consumers",
        {"date": "2026-11-09..2026-11-15", "scale": "daily_14d"},
    ),
    'get_top_consumers {"date": "2026-11"}': (None, "get_top_consumers", {"date": "2026-11", "scale": "monthly_12m"}),
    'get_top_consumers {"date": "yesterday"}': (
        None,
        "get_top_consumers",
        {"date": "2026-11-20", "scale": "daily_14d"},
    ),
    'get_top_consumers {"date": "30d"}': ("unknown_date", "get_top_consumers", {"date": "2026-11-07..2026-11-20"}),
    'get_top_consumers {"date": "last 7 days"}': (
        None,
        "get_top_consumers",
        {"date": "2026-11-14..2026-11-20", "scale": "daily_14d"},
    ),
    'get_top_consumers {"date": "today"}': (None, "get_top_consumers", {"date": "2026-11-21", "scale": "daily_14d"}),
    'get_top_consumers {"date": "2026-11-24T09:00:00+01:00", "scale": "hourly_7d"}': (
        None,
        "get_top_consumers",
        {"date": "2026-11-15T08:00:00Z", "scale": "hourly_7d"},
    ),
    'get_top_consumers {"date": "2026-11-24T09:30:00Z", "scale": "hourly_7d"}': (
        "invalid_date",
        "get_top_consumers",
        {"scale": "hourly_7d", "date": "2026-11-15T09:00:00Z"},
    ),
    'get_top_consumers {"date": "2026-11-24T09", "scale": "hourly_7d"}': (
        None,
        "get_top_consumers",
        {"date": "2026-11-15T09:00:00Z", "scale": "hourly_7d"},
    ),
    'get_top_consumers {"date": "2026-11-24/2026-11-26"}': (
        None,
        "get_top_consumers",
        {"date": "2026-11-15..2026-11-17", "scale": "daily_14d"},
    ),
    'get_top_consumers {"date": "2026-11-24,2026-11-26"}': (
        "invalid_date",
        "get_top_consumers",
        {"date": "2026-11-15..2026-11-17"},
    ),
    'get_top_consumers {"date": ["2026-11-24", "2026-11-26"]}': (
        "invalid_type",
        "get_top_consumers",
        {"date": "2026-11-15..2026-11-17"},
    ),
    'get_top_consumers {"date": "November 2026", "scale": "monthly_12m"}': (
        None,
        "get_top_consumers",
        {"date": "2026-11", "scale": "monthly_12m"},
    ),
    'get_top_consumers {"date": "2026-Q3", "scale": "monthly_12m"}': (
        None,
        "get_top_consumers",
        {"date": "2026-07..2026-09", "scale": "monthly_12m"},
    ),
    'get_top_consumers {"date": "2026", "scale": "monthly_12m"}': (
        None,
        "get_top_consumers",
        {"date": "2026-01..2026-11", "scale": "monthly_12m"},
    ),
    'get_top_consumers {"date": "2026-11-26..2026-11-24"}': (
        "invalid_date",
        "get_top_consumers",
        {"date": "2026-11-15..2026-11-17"},
    ),
    'get_top_consumers {"date": "2026-10-03..2026-10-17"}': (
        "unknown_date",
        "get_top_consumers",
        {"date": "2026-09..2026-10"},
    ),
    'get_top_consumers {"start": "2026-11-24", "end": "2026-11-26"}': (
        "unknown_argument",
        "get_top_consumers",
        {"date": "2026-11-15..2026-11-17"},
    ),
    'get_top_consumers {"window": "7d"}': ("unknown_argument", "get_top_consumers", {"date": "7d"}),
    'get_top_consumers {"metric": "ram"}': (None, "get_top_consumers", {"metric": "memory"}),
    'get_top_consumers {"metric": "CPU"}': (None, "get_top_consumers", {"metric": "cpu"}),
    'get_top_consumers {"metric": "storage"}': ("invalid_value", "get_top_consumers", {}),
    'get_top_consumers {"metric": "network"}': ("invalid_value", "get_top_consumers", {}),
    'get_top_consumers {"metric": "cost"}': (None, "get_top_consumers", {"metric": "total", "cost_model": "costs"}),
    'get_top_consumers {"metric": "total"}': (None, "get_top_consumers", {"metric": "total", "cost_model": "costs"}),
    'get_top_consumers {"scale": "weekly"}': ("invalid_value", "get_top_consumers", {"scale": "daily_14d"}),
    'get_top_consumers {"scale": "daily"}': (None, "get_top_consumers", {"scale": "daily_14d"}),
    'get_top_consumers {"scale": "monthly"}': (None, "get_top_consumers", {"scale": "monthly_12m"}),
    'get_top_consumers {"limit": 5000}': ("out_of_range", "get_top_consumers", {"limit": 1000}),
    'get_top_consumers {"limit": "10"}': (None, "get_top_consumers", {"limit": 10}),
    'get_top_consumers {"limit": 1000}': (None, "get_top_consumers", {"limit": 1000}),
    'get_top_consumers {"cost_model": "EUR"}': ("invalid_value", "get_top_consumers", {"cost_model": "costs"}),
    'get_top_consumers {"cost_model": "CHARGE_BACK"}': (None, "get_top_consumers", {"cost_model": "costs"}),
    'get_top_consumers {"currency": "EUR"}': ("unknown_argument", "get_top_consumers", {"cost_model": "costs"}),
    'get_top_consumers {"namespace": "payments"}': (
        "unknown_argument",
        "get_usage",
        {"date": "latest", "namespace": "payments"},
    ),
    'get_top_consumers {"label": "team"}': ("unknown_argument", "get_top_consumers", {}),
    'get_top_consumers {"group_by": "label:team"}': ("unknown_argument", "get_top_consumers", {}),
    'get_timeseries {"namespace": "payment"}': ("unknown_namespace", "get_timeseries", {"namespace": "payments"}),
    'get_timeseries {"namespace": "frontend"}': ("unknown_namespace", "get_timeseries", {"namespace": "shop-frontend"}),
    'get_timeseries {"namespace": "shop-*"}': ("invalid_namespace", "get_timeseries", {"namespaces": ["shop-*"]}),
    'get_timeseries {"namespaces": "payments,search", "date": "2026-11-30T10:00:00Z..latest"}': (
        None,
        "get_timeseries",
        {"namespaces": ["payments", "search"], "date": "2026-11-21T10:00:00Z..2026-11-21T19:00:00Z"},
    ),
    'get_timeseries {"namespaces": "payments", "date": "latest"}': (
        None,
        "get_timeseries",
        {"namespaces": ["payments"], "date": "latest"},
    ),
    'get_timeseries {"namespaces": "[\\"payments\\",\\"search\\"]", "date": "latest"}': (
        None,
        "get_timeseries",
        {"namespaces": ["payments", "search"], "date": "latest"},
    ),
    'get_timeseries {"namespace": "Payments", "date": "latest"}': (
        None,
        "get_timeseries",
        {"namespace": "payments", "date": "latest"},
    ),
    'get_timeseries {"namespace": "idle", "date": "latest"}': (
        "unknown_namespace",
        "get_usage",
        {"date": "latest", "scale": "hourly_7d", "exclude_special": False},
    ),
    'get_usage {"namespace": "idle", "exclude_special": false, "date": "latest"}': (
        "unknown_namespace",
        "get_usage",
        {"date": "latest", "exclude_special": False},
    ),
    'group_namespaces {"pattern": "team-.*"}': ("unknown_namespace", "list_namespaces", {}),
    'group_namespaces {"pattern": "^shop-"}': ("unknown_namespace", "group_namespaces", {"pattern": ["shop-*"]}),
    'group_namespaces {"pattern": "shop-.*"}': ("unknown_namespace", "group_namespaces", {"pattern": ["shop-*"]}),
    'group_namespaces {"pattern": "shop-(frontend|checkout)"}': (
        "unknown_namespace",
        "group_namespaces",
        {"pattern": ["shop-frontend", "shop-checkout"]},
    ),
    'group_namespaces {"patterns": ["shop-*"]}': ("unknown_argument", "group_namespaces", {"pattern": ["shop-*"]}),
    "group_namespaces {}": ("missing_argument", "group_namespaces", {"pattern": ["*"]}),
    'group_namespaces {"pattern": "shop-*,ml-*"}': (None, "group_namespaces", {"pattern": ["shop-*", "ml-*"]}),
    'group_namespaces {"pattern": "shop-*|ml-*"}': (
        "unknown_namespace",
        "group_namespaces",
        {"pattern": ["shop-*", "ml-*"]},
    ),
    'compare_periods {"date": "2026-11", "baseline": "2026-10"}': (
        None,
        "compare_periods",
        {"date": "2026-11", "baseline": "2026-10", "scale": "monthly_12m"},
    ),
    'compare_periods {"period1": "2026-10", "period2": "2026-09"}': (
        "unknown_argument",
        "compare_periods",
        {"date": "2026-10", "baseline": "2026-09"},
    ),
    'get_efficiency {"metric": "total"}': ("invalid_value", "get_efficiency", {}),
    'get_efficiency {"threshold": 0.3}': ("unknown_argument", "get_efficiency", {}),
    'get_efficiency {"sort": "efficiency"}': (None, "get_efficiency", {"sort": "ratio"}),
    'get_efficiency {"cost_model": "costs"}': ("unknown_argument", "get_efficiency", {}),
    'get_usage {"namespaces": "[\\"payments\\", \\"search\\"]"}': (
        None,
        "get_usage",
        {"namespaces": ["payments", "search"]},
    ),
    'get_usage {"namespaces": "[\\"shop-*\\"]"}': (None, "get_usage", {"namespaces": ["shop-*"]}),
    'list_namespaces {"namespaces": "[\\"shop-*\\"]"}': (None, "list_namespaces", {"namespaces": ["shop-*"]}),
    'get_efficiency {"namespaces": "[\\"shop-*\\",\\"ci\\"]"}': (
        None,
        "get_efficiency",
        {"namespaces": ["shop-*", "ci"]},
    ),
    'group_namespaces {"pattern": "[\\"shop-*\\"]"}': (None, "group_namespaces", {"pattern": ["shop-*"]}),
    'get_usage {"namespaces": ["payments"], "aggregate": "true"}': (
        None,
        "get_usage",
        {"namespaces": ["payments"], "aggregate": True},
    ),
    'get_namespace_breakdown {"exclude_system": "false"}': (None, "get_namespace_breakdown", {"exclude_system": False}),
    'list_namespaces {"active": "true"}': (None, "list_namespaces", {"active": True}),
    'get_top_consumers {"limit": "5"}': (None, "get_top_consumers", {"limit": 5}),
    'get_top_consumers {"limit": 5.0}': (None, "get_top_consumers", {"limit": 5}),
    'get_usage {"namespace": null, "namespaces": ["payments"]}': (None, "get_usage", {"namespaces": ["payments"]}),
    'get_usage {"namespace": "", "namespaces": ["payments"]}': (None, "get_usage", {"namespaces": ["payments"]}),
    'get_usage {"namespace": "payments", "namespaces": ["search"]}': (
        "conflicting_arguments",
        "get_usage",
        {"namespaces": ["payments", "search"]},
    ),
    'get_usage {"namespaces": []}': (None, "get_usage", {}),
    'get_usage {"namespaces": ["payments", "nope"]}': ("unknown_namespace", "get_usage", {"namespaces": ["payments"]}),
    'get_usage {"namespaces": ["PAYMENTS"]}': (None, "get_usage", {"namespaces": ["payments"]}),
    'group_namespaces {"pattern": ["shop-*", "nope-*"]}': (
        "unknown_namespace",
        "group_namespaces",
        {"pattern": ["shop-*"]},
    ),
}
"""Of each row of the page: the code of its error, and the corrected call; or None, and the plain call that it means."""


def rows() -> list[str]:
    """Each call of the page, as `tool arguments`."""
    return [f"{tool} {arguments}".replace("\\|", "|") for tool, arguments in ROW.findall(PAGE.read_text("utf-8"))]


def call_of(row: str) -> Call:
    """A row as a call, its days moved so that the page's today is that of the dataset."""
    moved = re.sub(r"\d{4}-\d\d-\d\d", lambda day: str(date.fromisoformat(day[0]) + (TODAY - TODAY_OF_THE_PAGE)), row)
    tool, arguments = moved.split(" ", 1)
    return tool, json.loads(arguments)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster with the namespaces of the demo, a rate and GPUs."""
    return publish_named(tmp_path_factory.mktemp("books"), NAMES)


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[HttpServer]:
    """`kl-mcp` over HTTP."""
    with http_server(directory) as running:
        yield running


def called(target: Target, era: str, calls: list[Call]) -> list[CallToolResult]:
    """The answers to calls, in turn."""

    async def in_turn(client: Client) -> list[CallToolResult]:
        return [await client.call_tool(tool, arguments) for tool, arguments in calls]

    return asked(target, era, in_turn)


def test_no_row_of_the_page_is_without_its_meaning() -> None:
    assert rows() == list(MEANINGS)
    assert len(rows()) == 77


@pytest.mark.requirement("KL-E-1", "KL-E-2")
@pytest.mark.parametrize("era", ERAS)
def test_each_is_answered_with_what_it_means_or_refused_with_a_corrected_call_that_is_answered(
    server: HttpServer, era: str
) -> None:
    check(server.url, era)


@pytest.mark.requirement("KL-E-1", "KL-X-2")
def test_so_it_is_over_stdio(directory: Path) -> None:
    check(stdio_parameters(directory), ERAS[0])


def check(target: Target, era: str) -> None:
    """Call every row, and then what each means."""
    sent = called(target, era, [call_of(row) for row in MEANINGS])
    meant = called(target, era, [(tool, arguments) for _, tool, arguments in MEANINGS.values()])
    for row, result, plain, (code, tool, arguments) in zip(MEANINGS, sent, meant, MEANINGS.values(), strict=True):
        assert plain.is_error is False, row
        assert result.is_error is (code is not None), row
        if code is None:
            assert alike(result) == alike(plain), row
        else:
            error = error_of(result)
            assert (error["code"], error["corrected"]) == (code, {"tool": tool, "arguments": arguments}), row


def alike(result: CallToolResult) -> dict[str, Any]:
    """An answer without what depends on when it was given, and without the cursor, which is of one call alone."""
    answer: dict[str, Any] = result.structured_content
    metadata = {name: value for name, value in answer["metadata"].items() if name not in ("warnings", "truncated")}
    return {**answer, "metadata": metadata}


NOT_RECORDED: list[tuple[str, dict[str, Any], str]] = [
    ("get_top_consumers", {"metric": "network"}, "Network traffic is not recorded"),
    ("get_usage", {"metric": "load_balancer"}, "Load balancers and their cost are not recorded"),
    ("get_timeseries", {"forecast": True}, "The books hold what was, and no forecasts"),
    ("get_usage", {"date": "next_month"}, "the books hold what was, and no forecasts"),
    ("get_usage", {"pod": "web-7f"}, "The books are kept per namespace, not per pod"),
]


@pytest.mark.requirement("KL-E-1")
def test_what_the_books_do_not_hold_is_said_as_such(server: HttpServer) -> None:
    results = called(server.url, ERAS[0], [(tool, arguments) for tool, arguments, _ in NOT_RECORDED])
    for result, (_, _, said) in zip(results, NOT_RECORDED, strict=True):
        assert said in error_of(result)["message"]
