"""The protocol server as a whole: what it advertises, and who hears of a new generation."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from mcp.client import Client
from mcp.client.subscriptions import ResourceUpdated

from kl_mcp import __version__
from kl_mcp.instructions import INSTRUCTIONS
from tests.support.in_process import ask
from tests.support.published import publish


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_it_introduces_itself_with_name_version_and_instructions(tmp_path: Path, mode: str) -> None:
    async def question(client: Client) -> tuple[str, str, str | None]:
        info = client.server_info
        assert info is not None
        return info.name, info.version, client.instructions

    assert ask(tmp_path, question, mode) == ("kubeledger", __version__, INSTRUCTIONS)


def test_the_older_eras_are_offered_no_subscription(tmp_path: Path) -> None:
    async def question(client: Client) -> bool | None:
        resources = client.server_capabilities.resources
        assert resources is not None
        return resources.subscribe

    assert ask(tmp_path, question, "legacy") is False
    assert ask(tmp_path, question, "auto") is True


def test_a_listener_hears_of_a_new_generation(tmp_path: Path) -> None:
    publish(tmp_path, 1)

    async def question(client: Client) -> list[str]:
        heard: list[str] = []
        async with client.listen(resource_subscriptions=["kubeledger://dataset"]) as subscription:
            publish(tmp_path, 2)
            with anyio.fail_after(10):
                async for event in subscription:
                    assert isinstance(event, ResourceUpdated)
                    heard.append(event.uri)
                    break
        return heard

    assert ask(tmp_path, question, "2026-07-28") == ["kubeledger://dataset"]


def test_the_instructions_fit_where_clients_cut_and_begin_with_what_matters() -> None:
    assert len(INSTRUCTIONS) <= 2_000
    assert "describe_dataset" in INSTRUCTIONS[:1_000]
