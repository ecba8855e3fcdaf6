"""OpenTelemetry: a call belongs to the trace that its caller names in `_meta`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.support.in_process import MODES, ask
from tests.support.published import publish
from tests.support.wire import exchange

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.fixture(scope="module")
def exporter() -> Iterator[InMemorySpanExporter]:
    """Spans of this process. A process has one provider for good; after the module it records no more."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)
    yield kept
    provider.shutdown()


def _server_span(exporter: InMemorySpanExporter, name: str) -> ReadableSpan:
    (span,) = [span for span in exporter.get_finished_spans() if (span.kind, span.name) == (SpanKind.SERVER, name)]
    return span


@pytest.mark.requirement("KL-X-6")
@pytest.mark.parametrize("mode", MODES)
def test_the_span_of_a_call_is_a_child_of_the_traceparent_in_its_meta(
    tmp_path: Path, exporter: InMemorySpanExporter, mode: str
) -> None:
    publish(tmp_path, 1)
    exporter.clear()
    meta = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=value"}

    answer = exchange(tmp_path, "tools/call", {"name": "describe_dataset", "arguments": {}, "_meta": meta}, mode)

    assert "result" in answer
    span = _server_span(exporter, "tools/call describe_dataset")
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert span.parent.is_remote
    assert span.parent.trace_state.get("vendor") == "value"
    assert span.attributes is not None
    assert span.attributes["gen_ai.tool.name"] == "describe_dataset"


@pytest.mark.parametrize("traceparent", ["", "nonsense", 7])
def test_a_call_with_an_unreadable_traceparent_is_answered_in_a_trace_of_its_own(
    tmp_path: Path, exporter: InMemorySpanExporter, traceparent: object
) -> None:
    exporter.clear()
    meta = {"traceparent": traceparent}

    answer = exchange(tmp_path, "tools/call", {"name": "describe_dataset", "_meta": meta}, "2026-07-28")

    assert "result" in answer
    assert _server_span(exporter, "tools/call describe_dataset").parent is None


def test_a_refused_call_marks_its_span_as_an_error(tmp_path: Path, exporter: InMemorySpanExporter) -> None:
    exporter.clear()

    async def question(client: Client) -> None:
        await client.call_tool("refuse", {})
        with pytest.raises(MCPError):
            await client.call_tool("no_such_tool", {})

    ask(tmp_path, question)

    refused, unknown = (_server_span(exporter, f"tools/call {tool}") for tool in ("refuse", "no_such_tool"))
    assert refused.status.status_code is unknown.status.status_code is StatusCode.ERROR
    assert unknown.attributes is not None
    assert unknown.attributes["error.type"] == "-32602"
