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
    exercises.check_each_tool(Codex(sandbox), transport)


def test_it_hands_arguments_on_as_its_model_wrote_them(sandbox: Sandbox) -> None:
    exercises.check_odd_arguments(Codex(sandbox), lambda odd: odd.arguments)


def test_its_model_reads_errors_and_follows_them(sandbox: Sandbox) -> None:
    exercises.check_errors(Codex(sandbox))


def test_its_model_reads_the_longest_answers_to_their_end(large_sandbox: Sandbox) -> None:
    exercises.check_long_answers(Codex(large_sandbox))


def test_its_programs_call_each_tool_and_see_errors(sandbox: Sandbox) -> None:
    agent = CodexOfPrograms(sandbox)
    agent.add_remote()

    *answered, refused = agent.converse(
        [*(Step(call.tool, call.arguments) for call in CALLS), Step("get_usage", {"namespace": "shopp"})]
    ).results

    for call, result in zip(CALLS, answered, strict=True):
        assert call.part(answer(result)["structuredContent"]) == call.truth
    assert answer(refused)["isError"]
    assert 'Corrected call: get_usage {"namespace":"shop"}' in answer(refused)["content"][0]["text"]
    assert calls(sandbox.requests)[:-1] == [(call.tool, call.arguments) for call in CALLS]
