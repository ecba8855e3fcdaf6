"""The suite's fixture prompts and resources."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import mcp_types as types

from tests.conformance import content
from tests.conformance.input_required import CONTEXT, PREFIX, answered, required

Arguments = Mapping[str, str]
Blocks = tuple[types.ContentBlock, ...]

TEMPLATE = "test://template/{id}/data"
_TEMPLATED = re.compile(r"test://template/(?P<id>[^/]+)/data")
MIRRORED_PROMPT = PREFIX + "prompt"


@dataclass(frozen=True)
class FixturePrompt:
    """A prompt of the suite; `blocks` become messages of the user."""

    name: str
    arguments: tuple[str, ...]
    blocks: Callable[[Arguments], Blocks]

    @property
    def listed(self) -> types.Prompt:
        """Its entry of `prompts/list`."""
        arguments = [types.PromptArgument(name=name, description=name, required=True) for name in self.arguments]
        return types.Prompt(name=self.name, description=f"Fixture {self.name}.", arguments=arguments)


def _with_arguments(given: Arguments) -> Blocks:
    return (content.text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"),)


def _with_resource(given: Arguments) -> Blocks:
    resource = content.embedded(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
    return (resource, content.text("Please process the embedded resource above."))


PROMPTS = {
    prompt.name: prompt
    for prompt in (
        FixturePrompt("test_simple_prompt", (), lambda _: (content.text("This is a simple prompt for testing."),)),
        FixturePrompt("test_prompt_with_arguments", ("arg1", "arg2"), _with_arguments),
        FixturePrompt("test_prompt_with_embedded_resource", ("resourceUri",), _with_resource),
        FixturePrompt(
            "test_prompt_with_image", (), lambda _: (content.image(), content.text("Please analyze the image above."))
        ),
        FixturePrompt(MIRRORED_PROMPT, (), lambda _: (content.text("The context has been given."),)),
    )
}


def prompt(params: types.GetPromptRequestParams) -> types.GetPromptResult | types.InputRequiredResult:
    """Answer `prompts/get` for one of PROMPTS."""
    if params.name == MIRRORED_PROMPT and not answered(params, CONTEXT):
        return required(CONTEXT)
    blocks = PROMPTS[params.name].blocks(params.arguments or {})
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=block) for block in blocks])


RESOURCES = (
    types.Resource(uri="test://static-text", name="text", description="Static text.", mime_type="text/plain"),
    types.Resource(uri="test://static-binary", name="binary", description="A red pixel.", mime_type="image/png"),
)
TEMPLATES = (
    types.ResourceTemplate(
        uri_template=TEMPLATE, name="template", description="Data of an id.", mime_type="application/json"
    ),
)


def resource(uri: str) -> types.ReadResourceResult | None:
    """The contents of a fixture resource, None when it is not one."""
    templated = _TEMPLATED.fullmatch(uri)
    if templated:
        words = f'{{"id":"{templated["id"]}","templateTest":true,"data":"Data for ID: {templated["id"]}"}}'
        return _read(types.TextResourceContents(uri=uri, mime_type="application/json", text=words))
    if uri == "test://static-text":
        words = "This is the content of the static text resource."
        return _read(types.TextResourceContents(uri=uri, mime_type="text/plain", text=words))
    if uri == "test://static-binary":
        return _read(types.BlobResourceContents(uri=uri, mime_type="image/png", blob=content.PNG))
    return None


def _read(contents: types.TextResourceContents | types.BlobResourceContents) -> types.ReadResourceResult:
    return types.ReadResourceResult(contents=[contents])
