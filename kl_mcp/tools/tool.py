"""What a tool is: a name, a result model, and a function whose parameters are the arguments of the tool."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ValidationError

from kl_mcp.tools.arguments import Arguments, arguments_of
from kl_mcp.tools.schema import input_schema, output_schema
from kl_mcp.tools.sent_arguments import DATES, as_meant
from kl_mcp.tools.wrong_arguments import argument_error, check_bounds
from kl_query.dataset.model import Dataset
from kl_query.dates import scale_said
from kl_query.paging import request_page

Answer = dict[str, Any]


@dataclass(frozen=True)
class Tool:
    """One of the ten tools.

    `answer` takes the dataset, the time of the call (UNIX seconds) and, by keyword, the validated arguments and the
    page they ask for. It returns the structured content, metadata block included, as plain JSON values.
    """

    name: str
    title: str
    description: str
    result: type[BaseModel]
    answer: Callable[..., Answer]

    @cached_property
    def arguments(self) -> type[Arguments]:
        """Return the model of the arguments."""
        return arguments_of(self.answer, self.name)

    @property
    def input_schema(self) -> dict[str, Any]:
        """Return the advertised JSON Schema of the arguments."""
        return input_schema(self.arguments)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """Return the advertised JSON Schema of the answer, a projection of the full one."""
        return output_schema(self.result)

    @cached_property
    def full_input_schema(self) -> dict[str, Any]:
        """Return the described JSON Schema of the arguments, as Pydantic writes it."""
        return self.arguments.model_json_schema()

    @cached_property
    def full_output_schema(self) -> dict[str, Any]:
        """Return the described JSON Schema of the answer."""
        return self.result.model_json_schema(mode="serialization")

    def run(self, arguments: Mapping[str, Any], dataset: Dataset, now: float | None = None) -> Answer:
        """Answer a call. Raises ToolArgumentError when it was asked wrongly; `now` is for tests of staleness."""
        check_bounds(self.arguments, self.name, arguments)
        try:
            parsed = self.arguments.model_validate(as_meant(self.arguments, arguments))
        except ValidationError as error:
            raise argument_error(self.arguments, self.name, error) from None
        given = dict(parsed)
        if "scale" in given and "scale" not in parsed.model_fields_set:
            said = (scale_said(given[name]) for name in DATES if given.get(name))
            given["scale"] = next(filter(None, said), given["scale"])
        if "cursor" in given:
            # A cursor fits only a call that is otherwise the same.
            others = parsed.model_dump(mode="json", exclude={"limit", "cursor"})
            explicit = "limit" in parsed.model_fields_set
            limit, cursor = given.pop("limit"), given.pop("cursor")
            given["page"] = request_page(self.name, others, limit=limit, cursor=cursor, explicit_limit=explicit)
        return self.answer(dataset, time.time() if now is None else now, **given)


def tool(*, title: str, description: str, result: type[BaseModel]) -> Callable[[Callable[..., Answer]], Tool]:
    """Return a decorator that makes a function the tool of its name."""
    return lambda answer: Tool(answer.__name__, title, description, result, answer)
