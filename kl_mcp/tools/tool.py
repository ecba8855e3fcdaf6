"""What a tool is: a name, an argument model, a result model, and a function from arguments and dataset to answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ValidationError

from kl_mcp.tools.arguments import argument_error
from kl_mcp.tools.bounds import check_bounds
from kl_mcp.tools.schema import full_output_schema, input_schema, output_schema
from kl_query.dataset.model import Dataset

Answer = dict[str, Any]
DESCRIPTION_CHARACTERS = 450


@dataclass(frozen=True)
class Tool:
    """One of the ten tools.

    `answer` takes the validated arguments, the dataset and the time of the call (UNIX seconds), and returns the
    structured content, metadata block included, as plain JSON values.
    """

    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    result: type[BaseModel]
    answer: Callable[[Any, Dataset, float], Answer]

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """Return the advertised JSON Schema of the arguments."""
        return input_schema(self.arguments)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """Return the advertised JSON Schema of the answer, a projection of the full one."""
        return output_schema(self.result)

    @cached_property
    def full_output_schema(self) -> dict[str, Any]:
        """Return the described JSON Schema of the answer."""
        return full_output_schema(self.result)

    def run(self, arguments: Mapping[str, Any], dataset: Dataset, now: float | None = None) -> Answer:
        """Answer a call. Raises ToolArgumentError when it was asked wrongly; `now` is for tests of staleness."""
        check_bounds(self.arguments, self.name, arguments)
        try:
            parsed = self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            raise argument_error(self.arguments, self.name, error) from None
        return self.answer(parsed, dataset, time.time() if now is None else now)
