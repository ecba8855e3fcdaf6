"""What a tool is: a name, and a function from arguments to a typed answer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from pydantic import ValidationError

from kl_mcp.tools.answer_size import Json, shown
from kl_mcp.tools.arguments import Arguments, arguments_of
from kl_mcp.tools.paging import request_page
from kl_mcp.tools.schema import full_output_schema, input_schema, output_schema
from kl_mcp.tools.sent_arguments import DATES, as_meant
from kl_mcp.tools.wrong_arguments import argument_error, check_bounds
from kl_query.dataset.model import Dataset
from kl_query.dates import scale_said
from kl_query.metadata import Answer
from kl_query.staleness import warnings_at
from kl_query.warnings.warning import texts


@dataclass(frozen=True)
class Tool:
    """One of the ten tools.

    `answer` takes the dataset and, by keyword, the validated arguments, without those of a page.
    """

    name: str
    title: str
    description: str
    answer: Callable[..., Answer]
    paged: bool
    """Whether the answer has rows that may be more than fit."""

    @cached_property
    def arguments(self) -> type[Arguments]:
        """Return the model of the arguments."""
        return arguments_of(self.answer, self.name, paged=self.paged)

    @property
    def input_schema(self) -> dict[str, Any]:
        """Return the advertised JSON Schema of the arguments."""
        return input_schema(self.arguments)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """Return the advertised JSON Schema of the answer, a projection of the full one."""
        return output_schema(self.answer)

    @cached_property
    def full_input_schema(self) -> dict[str, Any]:
        """Return the described JSON Schema of the arguments, as Pydantic writes it."""
        return self.arguments.model_json_schema()

    @cached_property
    def full_output_schema(self) -> dict[str, Any]:
        """Return the described JSON Schema of the answer."""
        return full_output_schema(self.answer)

    def run(self, arguments: Mapping[str, Any], dataset: Dataset, now: float | None = None) -> Json:
        """Return the structured content of an answer, metadata block included, as plain JSON values.

        Raises ToolArgumentError when it was asked wrongly; `now` is for tests of staleness.
        """
        check_bounds(self.arguments, self.name, arguments)
        try:
            parsed = self.arguments.model_validate(as_meant(self.arguments, arguments))
        except ValidationError as error:
            raise argument_error(self.arguments, self.name, error) from None
        given = dict(parsed)
        if "scale" in given and "scale" not in parsed.model_fields_set:
            said = (scale_said(given[name]) for name in DATES if given.get(name))
            given["scale"] = next(filter(None, said), given["scale"])
        page = None
        if self.paged:
            page = request_page(
                self.name,
                # A cursor fits only a call that is otherwise the same.
                parsed.model_dump(mode="json", exclude={"limit", "cursor"}),
                limit=given.pop("limit"),
                cursor=given.pop("cursor"),
                explicit_limit="limit" in parsed.model_fields_set,
            )
        warnings = warnings_at(dataset, time.time() if now is None else now)

        def written() -> bytes:
            return orjson.dumps(shown(self.answer(dataset, **given), warnings, page, dataset.generation))

        # What is kept are bytes: nobody can change what the next one is given.
        content: Json = orjson.loads(dataset.kept.of((self.name, *given.items(), page, *texts(warnings)), written))
        return content


def tool(*, title: str, description: str, paged: bool = True) -> Callable[[Callable[..., Answer]], Tool]:
    """Return a decorator that makes a function the tool of its name."""
    return lambda answer: Tool(answer.__name__, title, description, answer, paged)
