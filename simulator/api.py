"""The simulator's HTTP application: Kubernetes API, metrics.k8s.io, DCGM pages and its own switches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from simulator import discovery
from simulator.cluster import Collection, View
from simulator.dcgm import exposition
from simulator.faults import ClockOrder, Faults
from simulator.gate import Gate, json_response, status_response
from simulator.listing import ApiError, Json, Selector, Token, field_selector, label_selector, page_of
from simulator.objects import METRICS_WINDOW_SECONDS, resource_version, timestamp
from simulator.state import Simulator
from simulator.tables import table
from simulator.watch import Watch, since, stream

Handler = Callable[[Request], Awaitable[Response]]


def _simulator(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


def _document(body: Json) -> Handler:
    async def answer(_: Request) -> Response:
        return json_response(body)

    return answer


async def _groups(request: Request) -> Response:
    return json_response(discovery.groups(with_metrics=_simulator(request).faults.metrics != "absent"))


def _metrics_document(body: Json) -> Handler:
    async def answer(request: Request) -> Response:
        _check_metrics(_simulator(request))
        return json_response(body)

    return answer


def _check_metrics(simulator: Simulator) -> None:
    if simulator.faults.metrics == "absent":
        raise ApiError(404, "NotFound", "the server could not find the requested resource")
    if simulator.faults.metrics == "unavailable":
        raise ApiError(503, "ServiceUnavailable", "the server is currently unable to handle the request")


def _selector(request: Request) -> Selector:
    fields = field_selector(request.query_params.get("fieldSelector", ""))
    labels = label_selector(request.query_params.get("labelSelector", ""))
    return lambda item: fields(item) and labels(item)


def _resource(kind: str, collection: Callable[[View, str | None], Collection]) -> Handler:
    """Lists or gets a core/v1 resource, paged, and as a Table for a client that asks for one."""

    async def answer(request: Request) -> Response:
        simulator = _simulator(request)
        name = request.path_params.get("name")
        namespace = request.path_params.get("namespace")
        _check_scope(request, kind, namespace)
        if name is not None:
            return _one(request, kind, _get(collection(simulator.view(), namespace), namespace, name, kind))

        def shown(view: View) -> Collection:
            return collection(view, namespace)

        if request.query_params.get("watch") in ("1", "true"):
            return _watch(request, simulator, kind, shown)
        return _list(request, simulator, kind, shown)

    return answer


def _check_scope(request: Request, kind: str, namespace: str | None) -> None:
    restricted = _simulator(request).restricted_token
    if restricted is not None and request.headers.get("authorization") == f"Bearer {restricted}":
        resource = f"{kind.lower()}s"
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        user = "system:serviceaccount:default:restricted"
        message = f'{resource} is forbidden: User "{user}" cannot list resource "{resource}" in API group "" {where}'
        raise ApiError(403, "Forbidden", message)


def _get(collection: Collection, namespace: str | None, name: str, kind: str) -> Json:
    key = f"{namespace}/{name}" if namespace else name
    if key not in collection.keys:
        raise ApiError(404, "NotFound", f'{kind.lower()}s "{name}" not found')
    return collection.build(collection.keys.index(key))


def _as_table(request: Request) -> bool:
    return "as=Table" in request.headers.get("accept", "")


def _one(request: Request, kind: str, item: Json) -> Response:
    now = _simulator(request).clock.now()
    if _as_table(request):
        metadata = {"resourceVersion": item["metadata"]["resourceVersion"]}
        return json_response(table(kind, [item], metadata, now, with_objects=_with_objects(request)))
    return json_response({"kind": kind, "apiVersion": "v1", **item})


def _with_objects(request: Request) -> bool:
    return request.query_params.get("includeObject") == "Object"


def _list(request: Request, simulator: Simulator, kind: str, collection: Callable[[View], Collection]) -> Response:
    limit = _number(request, "limit")
    selected = _selector(request)
    token = _continue(request, simulator)
    listed = collection(simulator.view(token.end))
    page = page_of(listed.keys, listed.build, selected, token.after, limit)
    metadata: Json = {"resourceVersion": resource_version(token.end)}
    if page.last_key is not None:
        metadata["continue"] = Token(token.end, page.last_key, token.page + 1).encode()
        if not (request.query_params.get("fieldSelector") or request.query_params.get("labelSelector")):
            metadata["remainingItemCount"] = page.remaining
    if _as_table(request):
        now = simulator.clock.now()
        return json_response(table(kind, page.items, metadata, now, with_objects=_with_objects(request)))
    return json_response({"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": page.items})


def _watch(request: Request, simulator: Simulator, kind: str, collection: Callable[[View], Collection]) -> Response:
    """Streams changes, as Tables for a client that asks for them; ApiError 403 where watching is not allowed."""
    if simulator.faults.watch == "forbidden":
        resource = f"{kind.lower()}s"
        message = f'{resource} is forbidden: User "system:serviceaccount:default:kubeledger" cannot watch "{resource}"'
        raise ApiError(403, "Forbidden", message)
    end = simulator.clock.end
    known = since(request.query_params.get("resourceVersion"), end)

    def shown(item: Json) -> Json:
        if not _as_table(request):
            return {"kind": kind, "apiVersion": "v1", **item}
        metadata = {"resourceVersion": item["metadata"]["resourceVersion"]}
        return table(kind, [item], metadata, simulator.clock.now(), with_objects=_with_objects(request))

    watch = Watch(
        kind,
        collection,
        _selector(request),
        end if known is None else known,
        request.query_params.get("allowWatchBookmarks") in ("1", "true"),
        _number(request, "timeoutSeconds"),
        shown,
    )
    return StreamingResponse(stream(simulator, watch, begin=known is None), media_type="application/json")


def _number(request: Request, name: str) -> int:
    """A number of the query, 0 where it is not given."""
    text = request.query_params.get(name) or "0"
    if not text.isdigit():
        raise ApiError(400, "BadRequest", f"{name}: {text!r} is not a whole number")
    return int(text)


def _continue(request: Request, simulator: Simulator) -> Token:
    """Where the listing starts; ApiError 410 with a fresh token when the given one has expired."""
    text = request.query_params.get("continue")
    if not text:
        return Token(simulator.clock.end, "", 1)
    token = Token.decode(text)
    faults = simulator.faults
    if token.page == faults.expire_page and simulator.strikes("expire", faults.expire_times):
        fresh = Token(simulator.clock.end, token.after, token.page).encode()
        message = (
            "The provided continue parameter is too old to display a consistent list result. You can start a new "
            "list without the continue parameter, or use the continue token in this response to retrieve the "
            "remainder of the results."
        )
        raise ApiError(410, "Expired", message, fresh)
    return token


def _metrics_resource(kind: str, collection: Callable[[View, str | None, float, int], Collection]) -> Handler:
    """Lists or gets a metrics.k8s.io resource; as metrics-server, it does not page."""

    async def answer(request: Request) -> Response:
        simulator = _simulator(request)
        _check_metrics(simulator)
        name, namespace = request.path_params.get("name"), request.path_params.get("namespace")
        known = simulator.faults.metrics_known_share if simulator.faults.metrics == "partial" else 1.0
        scraped = simulator.clock.now() // METRICS_WINDOW_SECONDS * METRICS_WINDOW_SECONDS
        listed = collection(simulator.view(), namespace, known, scraped)
        typed: Json = {"kind": kind, "apiVersion": discovery.METRICS_GROUP_VERSION}
        if name is not None:
            return json_response(typed | _get(listed, namespace, name, kind))
        items = page_of(listed.keys, listed.build, _selector(request), "", 0).items
        return json_response(typed | {"kind": f"{kind}List", "metadata": {}, "items": items})

    return answer


async def _events(_: Request) -> Response:
    return json_response({"kind": "EventList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []})


async def _dcgm(request: Request) -> Response:
    simulator = _simulator(request)
    fault, clock = simulator.faults.dcgm, simulator.clock
    if fault == "down":
        return PlainTextResponse("exporter is down", 503)
    text = exposition(simulator.workload, clock.end, clock.interval, request.path_params.get("node"), fault)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def _switch_faults(request: Request) -> Response:
    simulator = _simulator(request)
    if request.method == "POST":
        simulator.set_faults(Faults.model_validate_json(await request.body()))
    return json_response(simulator.faults.model_dump())


async def _switch_clock(request: Request) -> Response:
    clock = _simulator(request).clock
    if request.method == "POST":
        clock.obey(ClockOrder.model_validate_json(await request.body()))
    shown = {"now": timestamp(clock.now()), "end": timestamp(clock.end), "interval": clock.interval}
    return json_response(shown | {"frozen": clock.frozen is not None})


async def _calls(request: Request) -> Response:
    simulator = _simulator(request)
    calls = list(simulator.calls)
    if request.method == "DELETE":
        simulator.calls.clear()
    return json_response(calls)


_PODS, _NODES = _resource("Pod", View.pods), _resource("Node", View.nodes)
_NAMESPACES = _resource("Namespace", View.namespaces)
_VOLUME_CLAIMS = _resource("PersistentVolumeClaim", View.volume_claims)
_POD_METRICS = _metrics_resource("PodMetrics", View.pod_metrics)
_NODE_METRICS = _metrics_resource("NodeMetrics", lambda view, _namespace, _known, scraped: view.node_metrics(scraped))
_METRICS = "/apis/metrics.k8s.io/v1beta1"

ROUTES = [
    Route("/version", _document(discovery.VERSION)),
    Route("/api", _document(discovery.API_VERSIONS)),
    Route("/apis", _groups),
    Route("/api/v1", _document(discovery.CORE_RESOURCES)),
    Route("/api/v1/nodes", _NODES),
    Route("/api/v1/nodes/{name}", _NODES),
    Route("/api/v1/namespaces", _NAMESPACES),
    Route("/api/v1/namespaces/{name}", _NAMESPACES),
    Route("/api/v1/pods", _PODS),
    Route("/api/v1/namespaces/{namespace}/pods", _PODS),
    Route("/api/v1/namespaces/{namespace}/pods/{name}", _PODS),
    Route("/api/v1/persistentvolumeclaims", _VOLUME_CLAIMS),
    Route("/api/v1/namespaces/{namespace}/persistentvolumeclaims", _VOLUME_CLAIMS),
    Route("/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}", _VOLUME_CLAIMS),
    Route("/api/v1/events", _events),
    Route("/api/v1/namespaces/{namespace}/events", _events),
    Route("/apis/metrics.k8s.io", _metrics_document(discovery.METRICS_GROUP)),
    Route(_METRICS, _metrics_document(discovery.METRICS_RESOURCES)),
    Route(f"{_METRICS}/nodes", _NODE_METRICS),
    Route(f"{_METRICS}/nodes/{{name}}", _NODE_METRICS),
    Route(f"{_METRICS}/pods", _POD_METRICS),
    Route(f"{_METRICS}/namespaces/{{namespace}}/pods", _POD_METRICS),
    Route(f"{_METRICS}/namespaces/{{namespace}}/pods/{{name}}", _POD_METRICS),
    Route("/metrics", _dcgm),
    Route("/dcgm/metrics", _dcgm),
    Route("/dcgm/{node}/metrics", _dcgm),
    Route("/simulator/faults", _switch_faults, methods=["GET", "POST"]),
    Route("/simulator/clock", _switch_clock, methods=["GET", "POST"]),
    Route("/simulator/calls", _calls, methods=["GET", "DELETE"]),
]


async def _on_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101  # registered for this class only
    return status_response(error)


async def _on_bad_switch(_: Request, error: Exception) -> Response:
    details: Any = error.errors(include_url=False, include_context=False) if isinstance(error, ValidationError) else ""
    return json_response({"error": str(error), "details": details}, 400)


async def _on_unknown_path(_: Request, __: Exception) -> Response:
    return status_response(ApiError(404, "NotFound", "the server could not find the requested resource"))


def application(simulator: Simulator) -> Starlette:
    """The ASGI application of one simulator."""
    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Gate, simulator=simulator)],
        exception_handlers={ApiError: _on_api_error, ValueError: _on_bad_switch, 404: _on_unknown_path},
    )
    app.state.simulator = simulator
    return app
