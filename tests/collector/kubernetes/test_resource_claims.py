"""GPUs by resource claims, from a server that speaks the API."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.resource_claims import RULE, VERSIONS, ClaimObject, ClaimReader, claimed_gpus, parse_claim
from collector.kubernetes.session import Session
from collector.observations import Pod
from tests.support.gpus import pod
from tests.support.unhurried import Unhurried

Object = dict[str, Any]
CLAIMING = pod("ml/a", {}, uid="uid-a", claims=("one",))


def claim(
    *devices: str,
    pods: tuple[str, ...] = ("a",),
    driver: str = "gpu.nvidia.com",
    node: str = "g1",
    annotations: Mapping[str, str] | None = None,
    name: str = "one",
    **result: object,
) -> Object:
    """A claim of namespace ml, allocated these devices of a node for these pods, whose UIDs are `uid-NAME`."""
    results = [{"request": "gpu", "driver": driver, "pool": node, "device": device, **result} for device in devices]
    users = [{"resource": "pods", "name": name, "uid": f"uid-{name}"} for name in pods]
    return {
        "metadata": {
            "name": name,
            "namespace": "ml",
            "uid": f"{node}-{devices}-{pods}",
            "annotations": annotations,
        },
        "status": {"allocation": {"devices": {"results": results}}, "reservedFor": users},
    }


def gpus_by_pod(claims: list[Object]) -> dict[str, float]:
    """What pods hold by these claims, as the API server lists them."""
    return claimed_gpus(parse_claim(msgspec.convert(each, ClaimObject)) for each in claims)


@pytest.mark.parametrize(
    ("claims", "gpus"),
    [
        ([claim("gpu-0")], {"a": 1.0}),
        ([claim("gpu-0", "gpu-1"), claim("gpu-2")], {"a": 3.0}),
        ([claim("gpu-0-mig-1g5gb-19-4")], {"a": 1 / 7}),
        ([claim("gpu-0-128", driver="gpu.amd.com")], {"a": 1.0}),
        # Two pods of a claim, and two claims that share a device.
        ([claim("gpu-0", "gpu-1", pods=("a", "b"))], {"a": 1.0, "b": 1.0}),
        ([claim("gpu-0"), claim("gpu-0", pods=("b",))], {"a": 0.5, "b": 0.5}),
        ([claim("gpu-0"), claim("gpu-0", pods=("b",), node="g2")], {"a": 1.0, "b": 1.0}),
        # An administrator looks at a device that others hold.
        ([claim("gpu-0", adminAccess=True)], {}),
        ([claim("channel-0", driver="compute-domain.nvidia.com")], {}),
        ([claim("gpu-0", pods=())], {}),
        ([claim("gpu-0", annotations={"resource.kubernetes.io/extended-resource-claim": "true"})], {}),
        # Not allocated.
        ([{"metadata": {"name": "x", "namespace": "ml"}}], {}),
        ([{"metadata": {"name": "x", "namespace": "ml"}, "status": None}], {}),
        (
            [{"metadata": {"name": "x", "namespace": "ml"}, "status": {"allocation": {"devices": {"results": None}}}}],
            {},
        ),
    ],
)
def test_pods_hold_what_their_claims_were_allocated(claims: list[Object], gpus: dict[str, float]) -> None:
    found = gpus_by_pod(claims)
    assert {name: value for name, value in found.items() if name.startswith("uid-")} == pytest.approx(
        {f"uid-{name}": value for name, value in gpus.items()}
    )
    assert {name: value for name, value in found.items() if name.startswith("ml/")} == pytest.approx(
        {f"ml/{name}": value for name, value in gpus.items()}
    )


class Api:
    """Serves claims in some versions, in pages of two; or answers with a status."""

    def __init__(self) -> None:
        self.claims: list[Any] = [claim("gpu-0")]
        self.served: tuple[str, ...] = ("v1",)
        self.status = 200
        self.asked: list[str] = []
        self.expires: list[str | None] = []
        """For each continue token that is to expire, the one that is offered instead."""
        self.document: Object | None = None
        """What is answered instead of a listing."""

    def answer(self, path: str) -> tuple[int, Object]:
        url = urlsplit(path)
        version = url.path.split("/")[3]
        self.asked.append(version)
        if self.status != 200:
            return self.status, {"kind": "Status", "code": self.status}
        if version not in self.served:
            return 404, {"kind": "Status", "code": 404}
        if self.document is not None:
            return 200, self.document
        token = parse_qs(url.query).get("continue")
        if token and self.expires:
            resume = self.expires.pop()
            return 410, {"kind": "Status", "code": 410, "metadata": {"continue": resume} if resume else {}}
        start = int(token[0]) if token else 0
        more = start + 2 < len(self.claims)
        metadata = {"continue": str(start + 2)} if more else {}
        return 200, {"kind": "ResourceClaimList", "metadata": metadata, "items": self.claims[start : start + 2]}


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def session(api: Api) -> Iterator[Session]:
    with _served(api) as url:
        opened = Session(Configuration(host=url), 5.0, deadline=Unhurried())
        yield opened
        opened.close()


@contextmanager
def _served(api: Api) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = api.answer(self.path)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


ODD: Any = {**claim("gpu-1", 5), "metadata": {"name": "two", "namespace": "ml", "uid": "uid-two"}}  # type: ignore[arg-type]
UNKNOWN = {**claim("gpu-1-mig-1g23gb-65-0", pods=("b",)), "metadata": {"name": "two", "namespace": "ml"}}


@pytest.mark.parametrize("odd", [ODD, UNKNOWN], ids=["no text", "unknown profile"])
def test_what_a_claim_holds_that_cannot_be_read_is_unknown_and_nobody_elses_is(
    api: Api, session: Session, odd: Object, caplog: pytest.LogCaptureFixture
) -> None:
    api.claims = [claim("gpu-0"), odd]
    reader = ClaimReader()
    for _ in range(2):
        assert reader.read(session, [CLAIMING, other()]) == {"uid-a": 1.0, "uid-b": None}
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "ml/two among the resource claims cannot be read and is left out"
    ]
    (spot,) = reader.blind_spots()
    assert spot.code == "odd_objects"
    assert spot.text.startswith("1 of the resource claims cannot be read and are left out of all sums, ml/two for")
    api.claims = [claim("gpu-0"), claim("gpu-1", pods=("b",), name="two")]
    assert reader.read(session, [CLAIMING, other()]) == {"uid-a": 1.0, "uid-b": 1.0}
    assert reader.blind_spots() == ()
    # What was known of it is: an allocation does not change while a pod has it.
    api.claims = [claim("gpu-0"), odd]
    assert reader.read(session, [CLAIMING, other()]) == {"uid-a": 1.0, "uid-b": 1.0}


@pytest.mark.parametrize("odd", [ODD, UNKNOWN], ids=["no text", "unknown profile"])
def test_what_was_unknown_of_a_claim_stays_so_when_the_claim_has_gone(api: Api, session: Session, odd: Object) -> None:
    api.claims = [claim("gpu-0"), odd]
    reader = ClaimReader()
    reader.read(session, [CLAIMING, other()])
    api.claims = [claim("gpu-0")]
    for _ in range(2):
        assert reader.read(session, [CLAIMING, replace(other(), ended=9.0)]) == {"uid-a": 1.0, "uid-b": None}
    assert [spot.code for spot in reader.blind_spots()] == ["resource_claims_unread"]


def test_what_a_pod_held_by_a_claim_that_was_gone_before_it_was_read_is_unknown(api: Api, session: Session) -> None:
    reader = ClaimReader()
    assert reader.read(session, [CLAIMING, other()]) == {"uid-a": 1.0, "uid-b": None}
    (spot,) = reader.blind_spots()
    assert spot.code == "resource_claims_unread"
    assert spot.text.startswith("The resource claims of 1 pod had gone before they could be read, so the GPUs held by")
    assert reader.read(session, [CLAIMING]) == {"uid-a": 1.0}
    assert reader.blind_spots() == ()
    # Of two claims one has gone.
    both = replace(CLAIMING, claims=("one", "two"))
    assert ClaimReader().read(session, [both]) == {"uid-a": None}


def test_a_claim_that_is_there_and_holds_no_gpu_is_known_to_hold_none(api: Api, session: Session) -> None:
    nic = claim("eth-1", pods=("b",), driver="dra.net", name="two")
    for each in (nic, {"metadata": {"name": "two", "namespace": "ml"}}):
        api.claims = [claim("gpu-0"), each]
        reader = ClaimReader()
        assert reader.read(session, [CLAIMING, other()]) == {"uid-a": 1.0, "uid-b": 0.0}
        assert reader.blind_spots() == ()


def test_a_claim_that_outlives_a_pod_tells_nothing_of_it_any_more(api: Api, session: Session) -> None:
    reader = ClaimReader()
    reader.read(session, [CLAIMING])
    api.claims = [claim("gpu-0", pods=("b",))]
    ended, late = replace(CLAIMING, ended=9.0), replace(CLAIMING, uid="uid-c", name="c", ended=9.0)
    assert reader.read(session, [ended, late]) == {"uid-a": 1.0, "uid-c": None}


def test_claims_are_not_asked_for_while_no_pod_names_any(api: Api, session: Session) -> None:
    assert ClaimReader().read(session, [pod("ml/a")]) == {}
    assert api.asked == []


@pytest.mark.parametrize("served", [*VERSIONS, "all"])
def test_the_first_version_that_is_served_is_read_and_asked_for_from_then_on(
    api: Api, session: Session, served: str
) -> None:
    api.served = VERSIONS if served == "all" else (served,)
    reader = ClaimReader()
    for _ in range(2):
        assert reader.read(session, [CLAIMING]) == {"uid-a": 1.0}
    first = VERSIONS[0] if served == "all" else served
    assert api.asked == [*VERSIONS[: VERSIONS.index(first)], first, first]


def test_a_version_that_goes_away_gives_way_to_the_next_one(api: Api, session: Session) -> None:
    api.served = ("v1beta1",)
    reader = ClaimReader()
    reader.read(session, [CLAIMING])
    api.served = ("v1",)
    with pytest.raises(SourceError):
        reader.read(session, [CLAIMING])
    assert reader.read(session, [CLAIMING]) == {"uid-a": 1.0}


def test_all_pages_are_read(api: Api, session: Session) -> None:
    api.claims = [claim("gpu-0"), claim("gpu-1", pods=("b",)), claim("gpu-2"), claim("gpu-3"), claim("gpu-4")]
    assert ClaimReader().read(session, [CLAIMING]) == {"uid-a": 4.0}


def test_a_pod_without_a_uid_is_known_by_its_name(session: Session) -> None:
    assert ClaimReader().read(session, [pod("ml/a", {}, claims=("one",))]) == {"ml/a": 1.0}


def test_a_pod_whose_claim_has_gone_held_it_to_its_end(api: Api, session: Session) -> None:
    reader = ClaimReader()
    reader.read(session, [CLAIMING])
    api.claims = []
    assert reader.read(session, [CLAIMING]) == {"uid-a": 1.0}
    assert reader.read(session, [other()]) == {"uid-b": None}
    assert reader.read(session, [CLAIMING]) == {"uid-a": None}


def other() -> Pod:
    return pod("ml/b", {}, uid="uid-b", claims=("two",))


@pytest.mark.parametrize(
    ("status", "served", "words"),
    [
        (403, ("v1",), ["(403), so the GPUs that 2 pods hold by them", f"Add this rule to its ClusterRole: {RULE}."]),
        (200, (), ["in none of v1, v1beta2, v1beta1 of resource.k8s.io, so the GPUs that 2 pods hold"]),
        (500, ("v1",), ["Resource claims cannot be listed, so the GPUs", "answered 500"]),
    ],
)
def test_claims_that_are_not_read_are_a_blind_spot_that_says_what_to_do(
    api: Api, session: Session, status: int, served: tuple[str, ...], words: list[str]
) -> None:
    api.status, api.served = status, served
    reader = ClaimReader()
    with pytest.raises(SourceError) as caught:
        reader.read(session, [CLAIMING, other()])
    spot = reader.unread(caught.value, 2)
    assert spot.code == "resource_claims_unread"
    assert all(part in spot.text for part in words)
    assert "1 pod holds by them" in reader.unread(caught.value, 1).text


def test_it_is_logged_once_that_claims_are_not_read_and_that_they_are_again(
    api: Api, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    reader = ClaimReader()

    def read(pods: int) -> None:
        try:
            reader.read(session, [CLAIMING])
        except SourceError as error:
            reader.unread(error, pods)

    with caplog.at_level(logging.WARNING):
        for number, status in enumerate([200, 403, 403, 501, 501, 200, 200], 1):
            api.status = status
            read(number)
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
        "resource claims are not read, so GPUs that pods hold by them are unknown",
        "resource claims are not read, so GPUs that pods hold by them are unknown",
        "resource claims are read again",
    ]
    assert "does not allow to list resourceclaims" in caplog.records[0].getMessage()
    assert "answered 501" in caplog.records[1].getMessage()


@pytest.mark.parametrize("resume", [None, "2"], ids=["begins again", "goes on"])
def test_a_listing_that_expires_on_the_api_server_is_read_all_the_same(
    api: Api, session: Session, resume: str | None
) -> None:
    api.claims = [claim("gpu-0"), claim("gpu-1", pods=("b",)), claim("gpu-2")]
    for number, each in enumerate(api.claims):
        each["metadata"]["uid"] = f"uid-claim-{number}"
    api.expires = [resume]
    assert ClaimReader().read(session, [CLAIMING]) == {"uid-a": 2.0}
    assert api.expires == []


@pytest.mark.parametrize("document", [{"kind": "ResourceClaimList", "items": None}, {}, {"items": ["claim"]}])
def test_an_answer_without_claims_is_no_answer(api: Api, session: Session, document: Object) -> None:
    api.claims = []
    assert ClaimReader().read(session, [CLAIMING]) == {"uid-a": None}
    api.document = document
    with pytest.raises(SourceError, match="did not answer with a list"):
        ClaimReader().read(session, [CLAIMING])
