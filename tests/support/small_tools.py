"""Three small tools of the product's own type: one that answers, one that refuses, one that breaks."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from kl_mcp.tools.tool import Tool
from kl_query.dataset import Dataset
from kl_query.errors import ToolArgumentError
from tests.support.warned import told


class Arguments(BaseModel):
    """Arguments of every small tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str = "shop"


class Result(BaseModel):
    """Answer of every small tool."""

    model_config = ConfigDict(frozen=True)

    namespace: str
    generation: int
    metadata: dict[str, Any]


def _answer(arguments: Arguments, dataset: Dataset, _now: float) -> dict[str, Any]:
    return {
        "namespace": arguments.namespace,
        "generation": dataset.generation,
        "metadata": {"warnings": told(dataset), "prefixes": list(dataset.system_prefixes)},
    }


def _refuse(arguments: Arguments, _dataset: Dataset, _now: float) -> dict[str, Any]:
    raise ToolArgumentError("unknown_namespace", "namespace", f"There is no {arguments.namespace}.", nearest=["shop"])


def _break(_arguments: Arguments, _dataset: Dataset, _now: float) -> dict[str, Any]:
    raise KeyError("the secret of the cellar")


SMALL_TABLE = {
    name: Tool(name, f"Title of {name}", f"Use it to test {name}.", Arguments, Result, answer)
    for name, answer in (("describe_dataset", _answer), ("refuse", _refuse), ("break", _break))
}
