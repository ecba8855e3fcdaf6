"""Watches of the Kubernetes API: what changes from step to step, as one JSON object a line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from random import uniform

import orjson

from simulator.cluster import Collection, View
from simulator.listing import ApiError, Json, Selector
from simulator.objects import resource_version, timestamp
from simulator.shapes import HOUR, STEP
from simulator.state import Simulator

WATCHABLE_SECONDS = HOUR
"""How old a resource version may be; an older one has expired."""

BOOKMARK_SECONDS = 10.0
LAST_BOOKMARK_SECONDS = 2.0
"""Before the end of a watch there is one more, as the API server's cache sends it."""

_POLL_SECONDS = 0.1
_MIN_TIMEOUT_SECONDS = 1800

Event = tuple[str, Json]
"""Type and object."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One request to watch."""

    kind: str
    collection: Callable[[View], Collection]
    selected: Selector
    since: int
    """End of the step that the client knows."""
    bookmarks: bool
    timeout_seconds: int
    """0: the server decides."""
    shown: Callable[[Json], Json]
    """The form that the client asked for."""

    def changes(self, before: View, after: View) -> Iterator[Event]:
        """Yield what became of the objects between two steps."""
        old, new = self.collection(before), self.collection(after)
        known = {key: index for index, key in enumerate(old.keys)}
        for index, key in enumerate(new.keys):
            place = known.pop(key, None)
            if place is None:
                yield "ADDED", _at(new.build(index), after.end)
            elif not new.constant:
                item = new.build(index)
                if old.build(place) != item:
                    yield "MODIFIED", _at(item, after.end)
        for index in known.values():
            yield "DELETED", _ended(_at(old.build(index), after.end), before.end)

    def all(self, view: View) -> Iterator[Event]:
        """Yield everything that is there, for a client that knows nothing."""
        listed = self.collection(view)
        for index in range(len(listed.keys)):
            yield "ADDED", listed.build(index)


def since(text: str | None, end: int) -> int | None:
    """Return the end of the step that a resource version names; None where a client begins with what is there.

    Raises `ApiError`: 410 for a version that is too old, 400 for what is none.
    """
    if not text or text == "0":
        return None
    if not text.isdigit():
        raise ApiError(400, "BadRequest", f"resourceVersion: {text!r} is not a whole number")
    step = int(text) * STEP
    if step < end - WATCHABLE_SECONDS:
        raise ApiError(410, "Expired", f"too old resource version: {text} ({resource_version(end)})")
    return min(step, end)


async def stream(simulator: Simulator, watch: Watch, *, begin: bool) -> AsyncIterator[bytes]:
    """Yield the lines of a watch until it times out; with `begin` all that is there comes first."""
    seconds = watch.timeout_seconds or uniform(_MIN_TIMEOUT_SECONDS, 2 * _MIN_TIMEOUT_SECONDS)
    until = time.monotonic() + seconds
    step, bookmark = watch.since, time.monotonic() + BOOKMARK_SECONDS
    last = until - LAST_BOOKMARK_SECONDS
    if begin:
        for event in watch.all(simulator.view(step)):
            yield _line(watch, event)
    while time.monotonic() < until:
        fault = simulator.faults.watch
        if fault == "expired" and simulator.strikes("watch", simulator.faults.watch_times):
            gone = ApiError(410, "Expired", "too old resource version: it was compacted")
            yield orjson.dumps({"type": "ERROR", "object": gone.status()}) + b"\n"
            return
        if fault == "cut" and simulator.strikes("watch", simulator.faults.watch_times):
            return
        if fault != "silent":
            while step < simulator.clock.end:
                before, after = simulator.view(step), simulator.view(step + STEP)
                for event in watch.changes(before, after):
                    if watch.selected(event[1]):
                        yield _line(watch, event)
                step += STEP
            if watch.bookmarks and time.monotonic() >= min(bookmark, last):
                bookmark = time.monotonic() + BOOKMARK_SECONDS
                last = until
                yield _bookmark(watch.kind, step)
        await asyncio.sleep(_POLL_SECONDS)


def _line(watch: Watch, event: Event) -> bytes:
    kind, item = event
    return orjson.dumps({"type": kind, "object": watch.shown(item)}) + b"\n"


def _bookmark(kind: str, step: int) -> bytes:
    metadata = {"resourceVersion": resource_version(step), "creationTimestamp": None}
    item = {"kind": kind, "apiVersion": "v1", "metadata": metadata}
    return orjson.dumps({"type": "BOOKMARK", "object": item}) + b"\n"


def _at(item: Json, end: int) -> Json:
    return {**item, "metadata": {**item["metadata"], "resourceVersion": resource_version(end)}}


def _ended(item: Json, moment: int) -> Json:
    """Return an object as it was when it was removed: the containers of a pod have ended before."""
    metadata = {**item["metadata"], "deletionTimestamp": timestamp(moment)}
    status = dict(item.get("status") or {})
    if "containerStatuses" in status:
        status["containerStatuses"] = [_terminated(each, moment) for each in status["containerStatuses"]]
    return {**item, "metadata": metadata, "status": status}


def _terminated(status: Json, moment: int) -> Json:
    state = status["state"]
    if "terminated" in state:
        return status
    started = state.get("running", {}).get("startedAt") or timestamp(moment)
    ended = {"exitCode": 143, "reason": "Error", "startedAt": started, "finishedAt": timestamp(moment)}
    return {**status, "ready": False, "started": False, "state": {"terminated": ended}}
