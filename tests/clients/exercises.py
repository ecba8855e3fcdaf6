"""What every client with a model is put through; what the model is sent is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kl_query.answer_size import MAX_CHARS
from tests.clients.agents import Agent, Step, answer
from tests.clients.calls import CALLS
from tests.clients.model.turns import Json
from tests.clients.sandbox import calls

TRANSPORTS = ("http", "stdio")


def each_tool(agent: Agent, transport: str) -> None:
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
)


def odd_arguments(agent: Agent, arriving: Callable[[Odd], Json]) -> None:
    """What models write is answered; the client hands it on as `arriving`."""
    agent.add_remote()

    sent = agent.converse([each.step for each in ODD])

    for each, result in zip(ODD, sent.results, strict=True):
        assert each.part(answer(result)) == each.truth
    assert calls(agent.sandbox.requests) == [(each.tool, arriving(each)) for each in ODD]


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


def long_answers(agent: Agent) -> None:
    """The model is sent the longest answers to their last character."""
    agent.add_remote()

    sent = agent.converse([step for step, _ in LONG])

    for (_, rows), result in zip(LONG, sent.results, strict=True):
        each = answer(result)
        cut = each["metadata"]["truncated"]
        assert len(each[rows]) == cut["returned"] < cut["total"]
        assert cut["cursor"]
    assert max(len(result.text) for result in sent.results) > MAX_CHARS * 0.9
