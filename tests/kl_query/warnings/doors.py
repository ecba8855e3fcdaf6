"""Every door at which warnings are shown: all tools, resources, and the readiness probe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
from mcp.shared.exceptions import MCPError

from kl_mcp.access.audit_log import Audit
from kl_mcp.access.callers import ANYBODY, Caller, Views
from kl_mcp.counts import Counts
from kl_mcp.protocol.datasets import Datasets
from kl_mcp.protocol.resources import Resources
from kl_mcp.tools import TABLE, refusals
from kl_mcp.transport.probes import readiness
from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.watcher import HeldDataset, Holder
from kl_query.errors import ToolArgumentError

OWN = "web"
"""The tenant's namespace."""
TENANT = Caller("tenant", (f"{OWN}*",))
EVERYBODY = ANYBODY
Call = tuple[str, dict[str, Any]]
FEW: tuple[Call, ...] = (("describe_dataset", {}), ("get_usage", {"metric": "cpu"}))
URIS = ("kubeledger://dataset", f"kubeledger://namespaces/{OWN}", "kubeledger://namespaces/nowhere")


def _many() -> Iterator[Call]:
    yield from FEW
    yield from (("list_namespaces", given) for given in ({}, {"namespaces": ["w*", "zz*"]}, {"active": False}))
    for metric in ("cpu", "gpu", "total"):
        for scale in ("hourly_7d", "daily_14d", "monthly_12m"):
            wide = {"metric": metric, "scale": scale, "date": "all"}
            yield from ((tool, wide) for tool in ("get_usage", "get_top_consumers", "get_namespace_breakdown"))
            yield from (("group_namespaces", {**wide, "pattern": [pattern]}) for pattern in ("*", "webb"))
            yield "get_usage", {**wide, "namespaces": OWN, "cost_model": "costs"}
            yield "get_efficiency", {"scale": scale, "date": "all", **({"metric": metric} if metric != "total" else {})}
        for given in ({}, {"namespace": OWN}, {"namespaces": "*", "aggregate": True}, {"cost_model": "costs"}):
            yield "get_timeseries", {"metric": metric, **given}
            yield "compare_periods", {"metric": metric, **given}
    yield "get_namespace_breakdown", {"metric": "cpu", "date": "2026-11-20"}
    yield "compare_periods", {"metric": "cpu", "date": "2026-11-20", "baseline": "2026-11-19"}
    yield "compare_periods", {"metric": "cpu", "scale": "hourly_7d", "date": "latest"}
    yield from (("get_efficiency_timeseries", {"metric": metric}) for metric in ("cpu", "gpu"))


MANY = tuple(_many())


@dataclass(frozen=True)
class Scene:
    """What a server holds at a time, and what it is asked then."""

    held: HeldDataset
    now: float
    calls: tuple[Call, ...] = FEW


def of(dataset: Dataset, now: float, calls: tuple[Call, ...] = MANY) -> Scene:
    """Return the scene of a dataset that was loaded without fault."""
    return Scene(HeldDataset(dataset, dataset), now, calls)


def looked(
    directory: Path, now: float, before: HeldDataset | None = None, load: Callable[[Path], Dataset] = load_dataset
) -> Scene:
    """Return what a server holds that looked at a directory; `before` is what it held."""

    async def look() -> HeldDataset:
        holder = Holder(directory, Counts(), load=load)
        holder.held = before or holder.held
        await holder._look()
        return holder.held

    return Scene(anyio.run(look), now)


def answers(scene: Scene, caller: Caller) -> list[tuple[str, Any]]:
    """Return everything that a caller is answered, by what was asked."""

    async def ask() -> list[tuple[str, Any]]:
        counts = Counts()
        holder = Holder(Path("/data"), counts)
        # Of another object than before, no answer is kept that was worded otherwise.
        holder.held = replace(scene.held, dataset=replace(scene.held.dataset))
        holder._looked.set()
        view = Views().of(holder.held.dataset, caller)
        found = [(f"{tool} {json.dumps(given)}", _called(tool, given, view, scene.now)) for tool, given in scene.calls]
        resources = Resources(TABLE, Datasets(holder), Audit(), {}, clock=lambda: scene.now)
        found += [(uri, await _read(resources, uri, caller)) for uri in URIS]
        ready = readiness(holder, counts, scene.now, discreetly=caller is not EVERYBODY)
        return [*found, ("readyz", ready[1])]

    return anyio.run(ask)


def shown_in(answer: Any) -> list[str]:
    """Return the warnings in an answer."""
    if not isinstance(answer, Mapping):
        return []
    return [*answer.get("warnings", ()), *answer.get("metadata", {}).get("warnings", ())]


def _called(tool: str, given: dict[str, Any], view: Dataset, now: float) -> Any:
    try:
        return TABLE[tool].run(given, view, now)
    except ToolArgumentError as error:
        return refusals.refuse(TABLE, refusals.Call(tool, given), error, view, now).data


async def _read(resources: Resources, uri: str, caller: Caller) -> Any:
    try:
        (content,) = (await resources.read(uri, caller)).contents
    except MCPError as error:
        return error.error.message
    return json.loads(content.text)  # type: ignore[union-attr]
