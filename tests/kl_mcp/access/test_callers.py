"""What each caller sees: another tenant's namespaces are in no byte of any answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kl_mcp.access.callers import MAX_VIEWS, Caller, Views
from kl_mcp.protocol.prompts import PROMPTS
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from tests.kl_mcp.access.asking import ERAS, FINANCE, SECRET, TEAM, ask, bearer, send, tokens_file, two_tenants
from tests.support.issuer import jwt_flags, key_set_file
from tests.support.issuer import token as jwt_of
from tests.support.mcp_clients import HttpServer, http_server

SHARING = ("--share-namespaces", f"{SECRET}-registry,kube-{SECRET}*", "--share-idle")
IN_CAPITALS = f"{SECRET}-registry".upper()
ARGUMENTS: dict[str, list[Any]] = {
    "metric": ["cpu", "memory", "gpu", "gpu_memory", "total"],
    "scale": ["hourly_7d", "daily_14d", "monthly_12m"],
    "date": ["latest", "all", "2026-11-20", "tomorrow"],
    "baseline": ["2026-11-19"],
    "dimension": ["requests"],
    "cost_model": ["normalized", "costs"],
    "exclude_system": [False],
    "exclude_special": [False],
    "limit": [1, 1000],
    "namespace": ["zz", "zzsecre", "kube-zz", "*", IN_CAPITALS],
    "namespaces": ["*", "zz*", ["web", "kube-*"], "openshift-z", ["web", IN_CAPITALS]],
    "aggregate": [True],
    "sort": ["unused", "ratio", "namespace", "usage"],
    "classification": ["unknown", "no_requests", "over_provisioned"],
    "type": ["system"],
    "active": [False],
    "pattern": [["*"], ["zz*", "web"], "zzsecre", "kube-*", IN_CAPITALS],
}
URIS = (
    "kubeledger://dataset",
    "kubeledger://spec",
    "kubeledger://accounting",
    "kubeledger://namespaces/web",
    "kubeledger://namespaces/zzsecre",
    "kubeledger://namespaces/%7a%7asecret-registr",
    *(f"kubeledger://schemas/{tool}" for tool in TABLE),
)

TENANTS: dict[str, Callable[[], str]] = {
    "tokens file": lambda: TEAM,
    "JWT with a list": lambda: jwt_of(namespaces=["web*"]),
    "JWT with text": lambda: jwt_of(namespaces="web web-*"),
}
"""Tokens whose bearers may see `web` and no other namespace, by where that is written."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    directory = tmp_path_factory.mktemp("tenants")
    tokens = tokens_file(directory / "tokens.json")
    jwts = jwt_flags(key_set_file(directory / "keys.json"), jwt_namespaces_claim="namespaces")
    with http_server(two_tenants(directory / "data"), "--tokens-file", str(tokens), *jwts, *SHARING) as running:
        yield running


def _calls(tool: str) -> Iterator[dict[str, Any]]:
    """Every value of every argument by itself, and each scale with whole windows, money and all rows."""
    known = TABLE[tool].input_schema.get("properties", {})
    needed = {"pattern": ["*"]} if tool == "group_namespaces" else {}
    yield needed
    for name, values in ARGUMENTS.items():
        yield from ({**needed, name: value} for value in values if name in known)
    wide = {"date": "all", "cost_model": "costs", "exclude_system": False, "namespaces": "*", "metric": "total"}
    usable = {name: value for name, value in wide.items() if name in known}
    yield from ({**needed, **usable, "scale": scale} for scale in ARGUMENTS["scale"] if "scale" in known)


def _requests() -> Iterator[tuple[str, dict[str, Any]]]:
    for tool in TABLE:
        yield from (("tools/call", {"name": tool, "arguments": arguments}) for arguments in _calls(tool))
    yield from ((f"{what}/list", {}) for what in ("tools", "resources", "resources/templates", "prompts"))
    yield from (("resources/read", {"uri": uri}) for uri in URIS)
    for prompt in PROMPTS.values():
        given = {argument.name: "zz" for argument in prompt.arguments}
        yield "prompts/get", {"name": prompt.name, "arguments": given}
        yield "prompts/get", {"name": prompt.name, "arguments": {"zzsecre": "1"}}
        for argument in prompt.arguments:
            for typed in ("", "z", "kube", "zzsecre"):
                reference = {"type": "ref/prompt", "name": prompt.name}
                yield "completion/complete", {"ref": reference, "argument": {"name": argument.name, "value": typed}}
    template = {"type": "ref/resource", "uri": "kubeledger://namespaces/{namespace}"}
    for typed in ("", "z", "kube", "zzsecre"):
        yield "completion/complete", {"ref": template, "argument": {"name": "namespace", "value": typed}}


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("era", ERAS)
def test_another_tenants_namespace_is_in_no_byte_of_any_answer(server: HttpServer, era: str, tenant: str) -> None:
    token = TENANTS[tenant]()
    told: list[tuple[str, dict[str, Any]]] = []
    statuses = set()
    for method, params in _requests():
        answer = ask(server.port, method, params, era, token)
        statuses.add(answer.status)
        if SECRET.encode() in answer.body or any(SECRET in value for value in answer.headers.values()):
            told.append((method, params))

    assert told == []
    assert 401 not in statuses


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("era", ERAS)
def test_the_same_questions_name_it_to_a_caller_who_sees_everything(server: HttpServer, era: str) -> None:
    """Without this the test above could pass because nothing is ever named."""
    named = {
        params.get("name", method)
        for method, params in _requests()
        if SECRET.encode() in ask(server.port, method, params, era, FINANCE).body
    }

    assert set(TABLE) | {"resources/read", "completion/complete"} <= named


NAMING = (
    "only a part of the running pods",
    "were not measured at the newest sample",
    "unknown in whole or in part",
    "Efficiency is unknown for",
    "nothing is left of them here",
)
"""Of every warning that names namespaces and that a published dataset can provoke."""


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("words", NAMING)
def test_the_questions_meet_every_warning_that_names_namespaces(server: HttpServer, words: str) -> None:
    """Without this the tests above could pass because a warning is never given."""
    answers = (ask(server.port, method, params, token=FINANCE) for method, params in _requests())
    told = [
        warning
        for answer in answers
        for warning in answer.json.get("result", {})
        .get("structuredContent", {})
        .get("metadata", {})
        .get("warnings", ())
        if words in warning
    ]

    assert any(SECRET in warning for warning in told)


@pytest.mark.requirement("KL-S-6")
def test_a_warning_counts_the_namespaces_it_may_not_name(server: HttpServer) -> None:
    """The hourly scale holds web, registry, train and kube-system; of each, 60 % of the pods were measured."""
    arguments = {"name": "get_efficiency_timeseries", "arguments": {"date": "all"}}
    warnings = ask(server.port, "tools/call", arguments, token=TEAM).json["result"]["structuredContent"]["metadata"][
        "warnings"
    ]

    (told,) = [each for each in warnings if "only a part of the running" in each]
    assert "running pods of 4 namespace(s)" in told
    assert told.endswith("measured part: web (60 %) and 3 that cannot be named to you.")


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("era", ERAS)
def test_naming_anothers_namespace_is_answered_like_a_name_that_does_not_exist(
    server: HttpServer, era: str, tenant: str
) -> None:
    token = TENANTS[tenant]()
    real, invented = f"{SECRET}-registry", f"{SECRET}-nowhere8"
    template = {"type": "ref/resource", "uri": "kubeledger://namespaces/{namespace}"}

    def questions(name: str) -> list[tuple[str, dict[str, Any]]]:
        return [
            ("tools/call", {"name": "get_usage", "arguments": {"namespace": name}}),
            ("tools/call", {"name": "get_timeseries", "arguments": {"namespaces": [name, "web"]}}),
            ("tools/call", {"name": "group_namespaces", "arguments": {"pattern": [name]}}),
            ("tools/call", {"name": "group_namespaces", "arguments": {"pattern": [f"{name}*"]}}),
            ("tools/call", {"name": "group_namespaces", "arguments": {"pattern": [f"^{name}"]}}),
            ("tools/call", {"name": "list_namespaces", "arguments": {"namespaces": f"web,{name}*"}}),
            ("resources/read", {"uri": f"kubeledger://namespaces/{name}"}),
            ("completion/complete", {"ref": template, "argument": {"name": "namespace", "value": name}}),
        ]

    for (method, about_real), (_, about_invented) in zip(questions(real), questions(invented), strict=True):
        first, second = (ask(server.port, method, params, era, token) for params in (about_real, about_invented))
        assert first.status == second.status
        assert first.body.replace(real.encode(), invented.encode()) == second.body


@pytest.mark.requirement("KL-S-6")
def test_cluster_totals_stay_available_as_numbers(server: HttpServer) -> None:
    """Core-hours: registry 91.5, ml-train 111 known, web 33.75, kube-system 33.75, openshift-monitoring 67.5."""
    arguments = {"name": "get_usage", "arguments": {"date": "all"}}
    team, finance = (ask(server.port, "tools/call", arguments, token=token).json for token in (TEAM, FINANCE))

    assert [entry["namespace"] for entry in team["result"]["structuredContent"]["series"]] == ["web"]
    assert team["result"]["structuredContent"]["total"] == finance["result"]["structuredContent"]["total"]
    assert team["result"]["structuredContent"]["total"] == 91.5 + 111 + 33.75 + 33.75 + 67.5


@pytest.mark.requirement("KL-S-6")
def test_the_open_probe_names_no_namespace_when_a_load_failed_on_one(tmp_path: Path) -> None:
    data = two_tenants(tmp_path / "data")
    manifest = (data / "dataset.json").read_text()
    broken = manifest.replace(f'"{SECRET}-registry","labels":{{', f'"{SECRET}-registry","labels":5,"x":{{')
    assert broken != manifest
    (data / "dataset.json").write_text(broken)
    with http_server(data, "--tokens-file", str(tokens_file(tmp_path / "tokens.json"))) as server:
        ready = send(server.port, "/readyz", {}, method="GET")
        described = ask(server.port, "tools/call", {"name": "describe_dataset", "arguments": {}}, token=TEAM)
        metrics = send(server.port, "/metrics", bearer(TEAM), method="GET")

    assert any(SECRET in line for line in server.log)  # the reason is there for the operator
    told = f"{data}/dataset.json is not a usable dataset manifest: an entry is not an object."
    assert ready.json["reason"] == told
    assert SECRET.encode() not in ready.body + described.body + metrics.body
    assert told.encode() in described.body


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load_dataset(two_tenants(tmp_path_factory.mktemp("loaded")))


def test_a_view_is_made_once_per_generation_and_list_of_globs(tenants: Dataset) -> None:
    views = Views()
    first = views.of(tenants, Caller("a", ("web*",)))
    newer = replace(tenants, generation=8)

    assert views.of(tenants, Caller("b", ("web*",))) is first
    assert views.of(tenants, Caller("c")) is tenants
    assert views.of(newer, Caller("a", ("web*",))).generation == 8
    assert [*first.namespaces] == ["web"]
    assert len(first.withheld) == len(tenants.namespaces) - 1


def test_an_empty_list_of_globs_hides_every_namespace(tenants: Dataset) -> None:
    assert Views().of(tenants, Caller("a", ())).namespaces == {}


def test_no_more_views_are_kept_than_the_limit(tenants: Dataset) -> None:
    views = Views()
    for number in range(MAX_VIEWS + 5):
        views.of(tenants, Caller("a", (f"web-{number}",)))

    assert len(views._views) == MAX_VIEWS


@pytest.mark.parametrize("era", ERAS)
def test_a_caller_over_http_that_did_not_pass_the_gate_is_not_answered(era: str, tenants: Dataset) -> None:
    from starlette.requests import Request

    from kl_mcp.access.callers import caller_of

    class Context:
        request = Request({"type": "http", "headers": []})

    with pytest.raises(KeyError):
        caller_of(Context())  # type: ignore[arg-type]
