"""Pages and watch events are decoded whole, and what is odd among them costs itself alone."""

import json
from typing import Any

import msgspec
import pytest

from collector.kubernetes.objects import Decoder, Event, NamespaceObject, NodeObject, PodObject, StatusError, key_of
from tests.support.decoded import page
from tests.support.kubernetes_objects import container, node, pod

PODS = Decoder(PodObject)


def line(kind: str, item: Any) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode()


def test_a_page_has_its_objects_its_version_and_the_next_ones_token() -> None:
    body = page("PodList", pod(container(cpu="1")), resourceVersion="7", **{"continue": "more"})
    found = PODS.page(body)
    assert [each.metadata.name for each in found.items] == ["web-0"]
    assert (found.version, found.token, found.odd, found.is_null) == ("7", "more", (), False)


def test_the_last_page_has_an_empty_token_or_none() -> None:
    assert PODS.page(page("PodList", **{"continue": ""})).token is None
    assert PODS.page(page("PodList")).token is None


def test_a_bookmark_is_no_object_though_it_may_look_like_one() -> None:
    named = {"kind": "Pod", "metadata": {"name": "a", "resourceVersion": "9"}}
    assert PODS.event(line("BOOKMARK", named)) == Event("BOOKMARK", "9")


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"metadata": {"namespace": "shop", "name": "odd", "uid": "u"}, "spec": {"nodeName": 1}}, "spec.nodeName"),
        ({"metadata": {"namespace": "shop", "name": "odd", "uid": "u"}, "spec": []}, "spec"),
        ({"metadata": {"namespace": "shop", "name": "odd", "uid": "u"}, "status": {"startTime": "soon"}}, "startTime"),
        ({"metadata": {"namespace": "shop", "name": "odd", "uid": "u"}, "spec": {"containers": ["app"]}}, "containers"),
    ],
)
def test_an_odd_object_leaves_the_others_as_they_are(odd: dict[str, Any], reason: str) -> None:
    found = PODS.page(page("PodList", pod(name="a"), odd, pod(name="b"), resourceVersion="7"))
    assert [each.metadata.name for each in found.items] == ["a", "b"]
    assert [(each.key, each.name) for each in found.odd] == [("u", "shop/odd")]
    assert reason in found.odd[0].reason
    assert found.version == "7"


def test_an_object_without_a_name_is_odd() -> None:
    found = PODS.page(page("PodList", {"metadata": {}}, {}, {"metadata": None}))
    assert [each.name for each in found.odd] == ["one without a name"] * 3


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"kind":"Status","status":"Failure","code":500}',
        b'{"kind":"PodList"}',
        b'{"kind":"PodList","items":{}}',
        b'{"kind":"PodList","items":["web-0"]}',
        b'{"kind":"PodList","items":[null]}',
        b'{"kind":"Table","items":[]}',
        b'{"kind":"PodList","items":[',
        b'{"kind":"PodList","x":' + b"[" * 100_000,
        b"<html>",
        b"",
    ],
)
def test_what_is_no_listing_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        PODS.page(body)


def test_null_for_items_is_told_apart_from_an_empty_listing() -> None:
    assert PODS.page(b'{"kind":"PodList","items":null}').is_null
    assert not PODS.page(b'{"kind":"PodList","items":[]}').is_null


def test_null_is_as_good_as_left_out() -> None:
    nothing = dict.fromkeys(("containers", "initContainers", "overhead", "nodeName", "resources"))
    item = {"metadata": {"name": "a", "creationTimestamp": None}, "spec": nothing, "status": {"conditions": None}}
    assert not PODS.page(page("PodList", item)).odd
    assert not Decoder(NodeObject).page(page("NodeList", {"metadata": {"name": "n"}, "status": None})).odd
    assert not Decoder(NamespaceObject).page(page("NamespaceList", {"metadata": {"name": "a", "labels": None}})).odd


def test_an_event_says_what_was_done_to_which_object() -> None:
    item = pod(name="a")
    item["metadata"]["resourceVersion"] = "8"
    event = PODS.event(line("MODIFIED", item))
    assert (event.type, event.version) == ("MODIFIED", "8")
    assert event.object is not None
    assert event.object.metadata.name == "a"


def test_a_bookmark_says_how_far_the_watch_has_come() -> None:
    mark = {
        "kind": "Pod",
        "metadata": {"resourceVersion": "9", "creationTimestamp": None},
        "spec": {"containers": None},
    }
    event = PODS.event(line("BOOKMARK", mark))
    assert (event.type, event.version, event.object, event.odd) == ("BOOKMARK", "9", None, None)


def test_an_odd_object_in_an_event_is_said_to_be_odd() -> None:
    item = {"metadata": {"namespace": "shop", "name": "odd", "uid": "u", "resourceVersion": "9"}, "spec": 1}
    event = PODS.event(line("ADDED", item))
    assert event.odd is not None
    assert (event.version, event.object, event.odd.key) == ("9", None, "u")


def test_the_servers_error_ends_the_watch_with_its_code() -> None:
    with pytest.raises(StatusError, match="too old") as raised:
        PODS.event(line("ERROR", {"kind": "Status", "metadata": {}, "code": 410, "message": "too old"}))
    assert raised.value.code == 410


@pytest.mark.parametrize(
    "text", [b"{}", b'{"kind":"PodList","items":[]}', b'{"type":"ADDED"}', b'{"type":"ADDED","obj', b"no"]
)
def test_a_line_that_is_no_event_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        PODS.event(text)


def test_a_recreated_object_is_another_and_one_without_a_uid_is_known_by_its_name() -> None:
    def key(**metadata: str) -> str:
        (found,) = Decoder(NodeObject).page(page("NodeList", {"metadata": metadata})).items
        return key_of(found.metadata)

    assert key(name="n1", uid="a") != key(name="n1", uid="b")
    assert key(name="n1") == key(name="n1") != key(name="n2")


def test_the_decoder_reads_nothing_of_what_it_does_not_know() -> None:
    item = node(capacity={"example.com/x": "1"})
    item["status"]["images"] = [{"names": ["a"], "sizeBytes": 1}] * 50
    (found,) = Decoder(NodeObject).page(page("NodeList", item)).items
    assert b"sizeBytes" not in msgspec.json.encode(found)


@pytest.mark.parametrize("kind", ["BOOKMARK", "ERROR"])
def test_what_a_bookmark_or_an_error_has_for_an_object_is_none_whatever_it_looks_like(kind: str) -> None:
    told = line(kind, {"code": 410, "metadata": {"name": "", "resourceVersion": "12"}})
    if kind == "ERROR":
        with pytest.raises(StatusError):
            PODS.event(told)
    else:
        assert PODS.event(told) == Event("BOOKMARK", "12")
