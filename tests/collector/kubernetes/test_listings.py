"""Listings page by page over real HTTP, whatever becomes of their tokens."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import count
from statistics import median
from typing import Any

import pytest
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.listings import Listing, OddObjects, Resource, list_all
from collector.kubernetes.objects import Decoder, Odd, PodObject
from collector.kubernetes.pods import Shared, parse_pod
from collector.kubernetes.session import Session
from collector.observations import Pod
from tests.support.decoded import at, read_pod
from tests.support.kubernetes_objects import container, listing, pod
from tests.support.patience import LIMIT_SECONDS
from tests.support.scripted_http import Answer, Request, json_answer, serving, status_answer

Script = Callable[[Request], Answer]


def listed(script: Script, held: dict[str, Pod] | None = None, **options: Any) -> Listing[Pod]:
    """The pods of a server with this script."""
    shared = Shared()
    resource: Resource[PodObject, Pod] = Resource(
        "pods", Decoder(PodObject), lambda item, now: parse_pod(item, now, shared)
    )
    deadline = options.pop("deadline", None)
    with serving(script) as server:
        session = Session(Configuration(host=server.url, retries=False), LIMIT_SECONDS, deadline=deadline)
        try:
            return list_all(session, resource, (held or {}).get, expected=options.pop("expected", False))
        finally:
            session.close()


def pods_named(numbers: range) -> list[dict[str, Any]]:
    return [pod(container(cpu="1"), name=f"web-{number}") for number in numbers]


def page(numbers: range, **metadata: str) -> Answer:
    return json_answer(listing("PodList", pods_named(numbers), **metadata))


def names(found: Listing[Pod]) -> list[str]:
    return [pod.name for pod in found.items.values()]


def test_all_pages_are_listed_finished_pods_included_and_the_first_ones_version_counts() -> None:
    asked: list[dict[str, str]] = []
    pages = {None: (range(3), "one", "7"), "one": (range(3, 6), "two", "8"), "two": (range(6, 7), "", "9")}

    def script(request: Request) -> Answer:
        asked.append(request.query)
        numbers, token, version = pages[request.query.get("continue")]
        return page(numbers, resourceVersion=version, **{"continue": token})

    found = listed(script)
    assert names(found) == [f"web-{number}" for number in range(7)]
    assert found.version == "7"
    assert [query.get("continue") for query in asked] == [None, "one", "two"]
    assert all(set(query) <= {"limit", "continue"} and query["limit"] == "500" for query in asked)


def test_an_expired_token_goes_on_with_the_one_the_server_offers() -> None:
    def script(request: Request) -> Answer:
        token = request.query.get("continue")
        if token is None:
            return page(range(3), resourceVersion="7", **{"continue": "old"})
        if token == "old":
            return status_answer(410, "expired", **{"continue": "new"})
        return page(range(2, 5), resourceVersion="9")

    found = listed(script)
    assert names(found) == [f"web-{number}" for number in range(5)]
    assert found.version == "7"


def test_an_expired_token_without_another_begins_again_with_nothing() -> None:
    rounds = iter([range(3), range(1, 4)])
    served: list[str | None] = []

    def script(request: Request) -> Answer:
        token = request.query.get("continue")
        served.append(token)
        if token is None:
            return page(next(rounds), resourceVersion=str(len(served)), **{"continue": "rest"})
        return status_answer(410, "expired") if len(served) == 2 else page(range(4, 5))

    found = listed(script)
    assert served == [None, "rest", None, "rest"]
    # What was on the first page of the listing that expired, and is no more, is not there.
    assert names(found) == [f"web-{number}" for number in range(1, 5)]
    assert found.version == "3"


def test_a_token_that_always_expires_is_given_up() -> None:
    with pytest.raises(SourceError) as caught:
        listed(lambda request: status_answer(410, "expired"))
    assert caught.value.status == 410


def test_a_listing_that_never_ends_ends_at_the_deadline() -> None:
    tokens = map(str, count(1))
    with pytest.raises(
        SourceError, match=r"was not read within \d s: \d+ pages of up to 500 objects came, and that was not all"
    ):
        listed(lambda _: page(range(2), **{"continue": next(tokens)}), deadline=Deadline(1.0))


def test_a_listing_whose_page_names_itself_as_the_next_is_given_up_at_once() -> None:
    with pytest.raises(SourceError, match="the listing of /api/v1/pods does not end"):
        listed(lambda _: page(range(2), **{"continue": "more"}))


def test_a_page_that_fails_ends_the_listing_with_the_reason() -> None:
    def script(request: Request) -> Answer:
        if "continue" in request.query:
            return status_answer(403, "no")
        return page(range(3), **{"continue": "more"})

    with pytest.raises(SourceError, match="does not allow to list pods in the whole cluster"):
        listed(script)


def test_null_is_a_listing_only_where_no_objects_are_expected() -> None:
    null = json_answer({"kind": "PodList", "metadata": {}, "items": None})
    assert not listed(lambda _: null).items
    with pytest.raises(SourceError, match="its items are null"):
        listed(lambda _: null, expected=True)
    # Nor is it the rest of a listing that began.
    with pytest.raises(SourceError, match="its items are null"):
        listed(lambda request: null if "continue" in request.query else page(range(2), **{"continue": "more"}))


@pytest.mark.parametrize("document", [{}, [], {"kind": "Status", "code": 500}, {"kind": "PodList", "items": ["a"]}])
def test_what_is_no_list_is_a_failure(document: Any) -> None:
    with pytest.raises(SourceError, match="did not answer with a list"):
        listed(lambda _: json_answer(document))


def test_an_odd_object_is_left_out_and_told() -> None:
    items = [*pods_named(range(2)), pod(container(cpu="one"), name="odd"), {"metadata": {"name": "b", "uid": 5}}]
    found = listed(lambda _: json_answer(listing("PodList", items)))
    assert names(found) == ["web-0", "web-1"]
    assert sorted(each.name for each in found.odd.values()) == ["b", "shop/odd"]
    assert "'one' is not a Kubernetes quantity" in found.odd["shop-odd"].reason


def test_what_is_known_already_is_kept_as_it_is() -> None:
    known = read_pod(pod(container(cpu="1"), name="web-0"))
    changed = read_pod(pod(container(cpu="2"), name="web-1"))
    found = listed(lambda _: page(range(2)), {known.uid: known, changed.uid: changed})
    assert found.items[known.uid] is known
    assert found.items[changed.uid].requests == {"cpu": 1.0}


def test_odd_objects_are_counted_and_each_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    odd = OddObjects("pods")
    assert odd.blind_spots() == ()
    for _ in range(2):
        odd.replace({"u": Odd("u", "shop/a", "it is round")})
        odd.add(Odd("v", "shop/b", "it is green"))
    assert len(caplog.records) == 3
    (spot,) = odd.blind_spots()
    assert spot.text.startswith("2 of the pods cannot be read and are left out of all sums, shop/a for example (it is")
    odd.drop("u")
    odd.drop("v")
    assert odd.blind_spots() == ()


@pytest.mark.parametrize("known", [0, 90_000])
def test_what_is_kept_of_a_pod_is_under_600_bytes(known: int) -> None:
    """Of each of the first 10,000 pods, and of each of those that make 100,000."""
    shared, decoder = Shared(), Decoder(PodObject)
    kept: dict[str, Pod] = {}

    def take(numbers: range) -> None:
        for first in numbers[::500]:
            body = b'{"kind":"PodList","items":[%b]}' % b",".join(map(_real_pod, range(first, first + 500)))
            for item in decoder.page(body).items:
                found = parse_pod(item, 4e9, shared)
                assert found is not None
                kept[found.identity] = found

    take(range(known))
    grown = []
    for first in range(known, known + 10_000, 2000):
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            take(range(first, first + 2000))
            grown.append((tracemalloc.get_traced_memory()[0] - before) / 2000)
        finally:
            tracemalloc.stop()
    assert len(kept) == known + 10_000
    # Not the mean: the interpreter's table of interned strings grows at times, for whatever is in this process.
    assert 300 < median(grown) < 600


def _real_pod(number: int) -> bytes:
    """No two alike, but for what a template gives them."""
    second = 1_790_000_000 + number * 7
    started = at(second).encode()
    return _TEMPLATE % (
        *(number % 300, number % 900, number, number, number % 250),
        *(100 + number % 40, 100 + number % 40, started, started),
        *(at(second + 3).encode(), at(second + 4).encode()),
    )


_TEMPLATE = b"""{"metadata":{"namespace":"team-%d","name":"checkout-%d-7f9c5d8b6c-%05x",
"uid":"%08x-4f6b-4d6e-9e0c-3f1d2c9a5b7e"},"spec":{"nodeName":"ip-10-0-%d-17.eu-west-1.compute.internal","containers":[
{"name":"app","resources":{"requests":{"cpu":"%dm","memory":"256Mi"}}},
{"name":"istio-proxy","resources":{"requests":{"cpu":"%dm","memory":"256Mi"}}}]},
"status":{"phase":"Running","startTime":"%b","conditions":[
{"type":"PodScheduled","status":"True","lastTransitionTime":"%b"}],"containerStatuses":[
{"name":"app","state":{"running":{"startedAt":"%b"}}},{"name":"istio-proxy","state":{"running":{"startedAt":"%b"}}}]}}"""
