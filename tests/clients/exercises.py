"""What every client with a model is put through; what the model is sent is judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp_types import CallToolResult, TextContent

from kl_mcp.tools.answer_size import MAX_CHARS
from tests.clients.agents import Agent, Step, answer
from tests.clients.calls import CALLS
from tests.clients.model.turns import Json, Result
from tests.clients.sandbox import calls
from tests.support.mcp_clients import connect, error_of, stdio_parameters

TRANSPORTS = ("http", "stdio")


def check_each_tool(agent: Agent, transport: str) -> None:
    """The model calls the ten, and is sent their answers; the client adds nothing to the arguments."""
    if transport == "http":
        agent.add_remote()
    else:
        agent.add_local()

    sent = agent.converse([Step(each.tool, each.arguments) for each in CALLS])

    for each, result in zip(CALLS, sent.results, strict=True):
        assert not result.is_error
        assert each.part(answer(result)) == each.truth
    requests = agent.sandbox.requests if transport == "http" else agent.sandbox.stdio_requests
    assert calls(requests) == [(each.tool, each.arguments) for each in CALLS]


@dataclass(frozen=True)
class Odd:
    """A call as models write it, though its schema has another type, with what its answer holds."""

    tool: str
    arguments: Json
    typed: Json
    """The same arguments as the schema has them."""
    part: Callable[[Json], Any]
    truth: Any

    @property
    def step(self) -> Step:
        return Step(self.tool, self.arguments)


ODD = (
    # 2 h x (1 + 0.5) cores.
    Odd(
        "get_usage",
        {"namespaces": '["shop", "kube-system"]'},
        {"namespaces": ["shop", "kube-system"]},
        lambda a: a["total"],
        3.0,
    ),
    Odd(
        "get_top_consumers",
        {"limit": "1", "exclude_system": "false"},
        {"limit": 1, "exclude_system": False},
        lambda a: ([row["namespace"] for row in a["ranking"]], a["metadata"]["truncated"]["total"]),
        (["shop"], 2),
    ),
)


def check_odd_arguments(agent: Agent, arriving: Callable[[Odd], Json]) -> None:
    """What models write is answered; the client hands it on as `arriving`."""
    agent.add_remote()

    sent = agent.converse([each.step for each in ODD])

    for each, result in zip(ODD, sent.results, strict=True):
        assert each.part(answer(result)) == each.truth
    assert calls(agent.sandbox.requests) == [(each.tool, arriving(each)) for each in ODD]


# What a schema allows, so that no client refuses it by itself.
WRONG = (
    Step("get_usage", {"namespace": "shopp"}),
    Step("get_timeseries", {"namespaces": ["shop", "nothing-*"]}),
    Step("get_top_consumers", {"date": "2025-01-01"}),
)


def check_errors(agent: Agent) -> Sequence[Result]:
    """The model is sent the sentences of an error, and the call that they suggest is answered."""
    agent.add_remote()
    refused = anyio.run(_refused, agent.sandbox.data_dir)
    suggested = [error_of(each)["corrected"] for each in refused]
    corrected = [Step(each["tool"], each["arguments"]) for each in suggested]

    sent = agent.converse([*WRONG, *corrected])

    for each, result in zip(refused, sent.results, strict=False):
        (block,) = each.content
        assert isinstance(block, TextContent)
        text = block.text
        # Some clients write the text into JSON.
        assert text in result.text or json.dumps(text)[1:-1] in result.text
        assert result.is_error is not False
    for result in sent.results[len(WRONG) :]:
        assert not result.is_error
        assert "metadata" in answer(result)
    return sent.results[: len(WRONG)]


async def _refused(data_dir: Path) -> list[CallToolResult]:
    async with connect(stdio_parameters(data_dir)) as client:
        return [await client.call_tool(each.tool, dict(each.arguments)) for each in WRONG]


LONG = (
    (Step("list_namespaces", {}), "namespaces"),
    (Step("get_usage", {}), "series"),
    (Step("get_namespace_breakdown", {}), "breakdown"),
    (Step("get_efficiency", {}), "efficiency"),
    (Step("get_usage", {"limit": 1000}), "series"),
    (Step("get_usage", {"limit": 1000, "scale": "hourly_7d"}), "series"),
    (Step("get_top_consumers", {"limit": 1000}), "ranking"),
)
"""Calls whose answers, with many namespaces, are as long as any by default or at all; and the list that is cut."""


def check_long_answers(agent: Agent) -> None:
    """The model is sent the longest answers to their last character."""
    agent.add_remote()

    sent = agent.converse([step for step, _ in LONG])

    for (_, rows), result in zip(LONG, sent.results, strict=True):
        each = answer(result)
        cut = each["metadata"]["truncated"]
        assert len(each[rows]) == cut["returned"] < cut["total"]
        assert cut["cursor"]
    assert max(len(result.text) for result in sent.results) > MAX_CHARS * 0.9
