"""Codex: its model calls the tools, itself or from programs that it writes."""

from __future__ import annotations

import pytest

from tests.clients import exercises
from tests.clients.agents import Step, answer
from tests.clients.agents.codex import Codex, CodexOfPrograms
from tests.clients.calls import CALLS
from tests.clients.sandbox import Sandbox, calls

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("transport", exercises.TRANSPORTS)
def test_its_model_calls_each_tool(transport: str, sandbox: Sandbox) -> None:
    exercises.each_tool(Codex(sandbox), transport)


def test_it_hands_arguments_on_as_its_model_wrote_them(sandbox: Sandbox) -> None:
    exercises.odd_arguments(Codex(sandbox), lambda odd: odd.arguments)


def test_its_model_reads_the_longest_answers_to_their_end(large_sandbox: Sandbox) -> None:
    exercises.long_answers(Codex(large_sandbox))


def test_its_programs_call_each_tool(sandbox: Sandbox) -> None:
    agent = CodexOfPrograms(sandbox)
    agent.add_remote()

    results = agent.converse([Step(call.tool, call.arguments) for call in CALLS]).results

    for call, result in zip(CALLS, results, strict=True):
        assert call.part(answer(result)["structuredContent"]) == call.truth
    assert calls(sandbox.requests) == [(call.tool, call.arguments) for call in CALLS]
