"""Three small tools of the product's own type: one that answers, one that refuses, one that breaks."""

from __future__ import annotations

from dataclasses import dataclass

from kl_mcp.tools.tool import Tool
from kl_query.dataset import Dataset
from kl_query.errors import Correction, ToolArgumentError
from kl_query.metadata import Metadata, metadata


@dataclass(frozen=True, slots=True)
class Small:
    """Answer of every small tool."""

    namespace: str
    generation: int
    metadata: Metadata


def small(dataset: Dataset, namespace: str = "shop") -> Small:
    """The answer about a namespace."""
    return Small(namespace, dataset.generation, metadata(dataset))


def _answer(dataset: Dataset, *, namespace: str = "shop") -> Small:
    return small(dataset, namespace)


def _refuse(_dataset: Dataset, *, namespace: str = "shop") -> Small:
    answered_by_another = Correction({"namespace": "shop"}, tool="describe_dataset")
    raise ToolArgumentError(
        "unknown_namespace",
        "namespace",
        f"There is no {namespace}.",
        nearest=["shop"],
        corrections=[answered_by_another],
    )


def _break(_dataset: Dataset, *, namespace: str = "shop") -> Small:
    raise KeyError(f"the secret of the cellar of {namespace}")


SMALL_TABLE = {
    name: Tool(name, f"Title of {name}", f"Use it to test {name}.", answer, paged=False)
    for name, answer in (("describe_dataset", _answer), ("refuse", _refuse), ("break", _break))
}
