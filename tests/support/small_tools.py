"""Three small tools of the product's own type: one that answers, one that refuses, one that breaks."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from kl_mcp.tools.tool import Tool
from kl_query.dataset import Dataset
from kl_query.errors import Correction, ToolArgumentError
from tests.support.warned import told


class Result(BaseModel):
    """Answer of every small tool."""

    model_config = ConfigDict(frozen=True)

    namespace: str
    generation: int
    metadata: dict[str, Any]


def _answer(dataset: Dataset, _now: float, *, namespace: str = "shop") -> dict[str, Any]:
    return {
        "namespace": namespace,
        "generation": dataset.generation,
        "metadata": {"warnings": told(dataset), "prefixes": list(dataset.system_prefixes)},
    }


def _refuse(_dataset: Dataset, _now: float, *, namespace: str = "shop") -> dict[str, Any]:
    answered_by_another = Correction({"namespace": "shop"}, tool="describe_dataset")
    raise ToolArgumentError(
        "unknown_namespace",
        "namespace",
        f"There is no {namespace}.",
        nearest=["shop"],
        corrections=[answered_by_another],
    )


def _break(_dataset: Dataset, _now: float, *, namespace: str = "shop") -> dict[str, Any]:
    raise KeyError(f"the secret of the cellar of {namespace}")


SMALL_TABLE = {
    name: Tool(name, f"Title of {name}", f"Use it to test {name}.", Result, answer)
    for name, answer in (("describe_dataset", _answer), ("refuse", _refuse), ("break", _break))
}
