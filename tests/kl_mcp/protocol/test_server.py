"""The protocol server as a whole: what it advertises, and who hears of a new generation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.client.subscriptions import ResourceUpdated
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from kl_core.vocabulary import METRICS, SCALES
from kl_mcp import __version__
from kl_mcp.counts import Counts
from kl_mcp.protocol.instructions import INSTRUCTIONS
from kl_mcp.tools import TABLE
from kl_query.dates import scale_said
from tests.support.in_process import ask
from tests.support.patience import LIMIT_SECONDS
from tests.support.published import publish
from tests.support.shown import METADATA_KEYS
from tests.support.small_tools import SMALL_TABLE
from tests.support.wire import exchange


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_it_introduces_itself_with_name_version_and_instructions(tmp_path: Path, mode: str) -> None:
    async def question(client: Client) -> tuple[str, str, str | None]:
        info = client.server_info
        assert info is not None
        return info.name, info.version, client.instructions

    assert ask(tmp_path, question, mode) == ("kubeledger", __version__, INSTRUCTIONS)


@pytest.mark.requirement("KL-R-3")
def test_the_older_eras_are_offered_no_subscription(tmp_path: Path) -> None:
    async def question(client: Client) -> bool | None:
        resources = client.server_capabilities.resources
        assert resources is not None
        return resources.subscribe

    assert ask(tmp_path, question, "legacy") is False
    assert ask(tmp_path, question, "auto") is True


@pytest.mark.requirement("KL-R-3")
def test_a_listener_hears_of_a_new_generation(tmp_path: Path) -> None:
    publish(tmp_path, 1)

    async def question(client: Client) -> list[str]:
        heard: list[str] = []
        async with client.listen(resource_subscriptions=["kubeledger://dataset"]) as subscription:
            publish(tmp_path, 2)
            with anyio.fail_after(LIMIT_SECONDS):
                async for event in subscription:
                    assert isinstance(event, ResourceUpdated)
                    heard.append(event.uri)
                    break
        return heard

    assert ask(tmp_path, question, "2026-07-28") == ["kubeledger://dataset"]


def test_the_instructions_fit_where_clients_cut_and_begin_with_what_matters() -> None:
    assert len(INSTRUCTIONS) <= 2_000
    assert "describe_dataset" in INSTRUCTIONS[:1_000]


def test_the_instructions_name_only_what_there_is() -> None:
    words = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", INSTRUCTIONS))
    arguments = {name for tool in TABLE.values() for name in tool.input_schema["properties"]}
    values = {*SCALES, *METRICS, *METADATA_KEYS, "share_pct", "cluster_share_pct"}

    assert set(TABLE) & words
    unknown = words - {*TABLE, *arguments, *values}
    assert [word for word in unknown if scale_said(word) is None] == []
    assert set(re.findall(r"kubeledger://\w+", INSTRUCTIONS)) == {"kubeledger://accounting"}


def _failed_requests(counts: Counts) -> float | None:
    return counts.registry.get_sample_value("kubeledger_mcp_failed_requests_total")


@pytest.mark.requirement("KL-X-5")
@pytest.mark.parametrize("era", ["2026-07-28", "legacy"])
def test_a_request_that_breaks_is_an_internal_error_without_details_and_counted(
    tmp_path: Path, era: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {**SMALL_TABLE, "describe_dataset": SMALL_TABLE["break"]}
    counts = Counts()
    assert _failed_requests(counts) == 0

    answer = exchange(tmp_path, "resources/read", {"uri": "kubeledger://dataset"}, era, table=broken, counts=counts)

    assert answer["error"]["code"] == INTERNAL_ERROR
    assert "cellar" not in str(answer)
    assert "cellar" in caplog.text
    assert _failed_requests(counts) == 1


def test_a_request_that_is_refused_has_not_failed(tmp_path: Path) -> None:
    counts = Counts()
    exchange(tmp_path, "resources/read", {"uri": "kubeledger://nothing"}, "legacy", counts=counts)
    exchange(tmp_path, "resources/read", {}, "legacy", counts=counts)
    exchange(tmp_path, "tools/call", {"name": "break"}, "legacy", counts=counts)
    assert _failed_requests(counts) == 0


@pytest.mark.parametrize("era", ["2026-07-28", "legacy"])
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {}),
        ("tools/call", {"name": 7}),
        ("tools/call", {"name": "describe_dataset", "arguments": []}),
        ("prompts/get", {}),
        ("prompts/get", {"name": "capacity_review", "arguments": {"metric": 7}}),
        ("resources/read", {}),
        ("completion/complete", {"ref": {"type": "nothing"}, "argument": {}}),
    ],
)
def test_parameters_of_another_form_are_invalid_params(
    tmp_path: Path, method: str, params: dict[str, Any], era: str
) -> None:
    error = exchange(tmp_path, method, params, era)["error"]

    assert error["code"] == INVALID_PARAMS
    assert "pydantic" not in str(error)
