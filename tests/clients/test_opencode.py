"""opencode: its model calls the tools."""

from __future__ import annotations

import pytest

from tests.clients import exercises
from tests.clients.agents.opencode import Opencode
from tests.clients.sandbox import Sandbox

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("transport", exercises.TRANSPORTS)
def test_its_model_calls_each_tool(transport: str, sandbox: Sandbox) -> None:
    exercises.check_each_tool(Opencode(sandbox), transport)


def test_it_hands_arguments_on_as_its_model_wrote_them(sandbox: Sandbox) -> None:
    exercises.check_odd_arguments(Opencode(sandbox), lambda odd: odd.arguments)


def test_its_model_reads_errors_and_follows_them(sandbox: Sandbox) -> None:
    exercises.check_errors(Opencode(sandbox))


def test_its_model_reads_the_longest_answers_to_their_end(large_sandbox: Sandbox) -> None:
    exercises.check_long_answers(Opencode(large_sandbox))
