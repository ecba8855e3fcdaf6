"""Whole listings of one kind of objects from the Kubernetes API, page by page.

A listing whose continue token expired (410) goes on with the token that the API server offers for the rest as it is
now, or begins again where it offers none. An object that is on two pages counts once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.empty_answers import is_empty
from collector.kubernetes.objects import Decoder, K, ObjectPage, Odd, key_of
from collector.kubernetes.session import ExpiredListingError, Session
from collector.model import UnobservedCause
from collector.observations import BlindSpot

log = logging.getLogger(__name__)

MAX_PAGE_OBJECTS = 500
MAX_LISTING_RESTARTS = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Resource(Generic[K, T]):
    """A kind of objects, and what is made of one."""

    name: str
    """As in its path."""
    decoder: Decoder[K]
    parse: Callable[[K, float], T | None]
    """What is kept of an object, at a time of the API server, UNIX seconds; None where it holds nothing.
    `ValueError` for an odd one."""
    group: str = "/api/v1"
    """Path of its group and version."""

    @property
    def path(self) -> str:
        """Where it is listed and watched."""
        return f"{self.group}/{self.name}"

    def understood(self, item: K, now: float) -> T | Odd | None:
        """Return what is kept of an object."""
        try:
            return self.parse(item, now)
        except (ValueError, OverflowError) as error:
            metadata = item.metadata
            name = "/".join(part for part in (metadata.namespace, metadata.name) if part)
            return Odd(key_of(metadata), name, str(error))


@dataclass(slots=True)
class Listing(Generic[T]):
    """All objects of a kind, by key."""

    items: dict[str, T] = field(default_factory=dict)
    odd: dict[str, Odd] = field(default_factory=dict)
    version: str | None = None
    """From which a watch goes on: that of the first page, for all the others are not older."""


class OddObjects:
    """Objects of a kind that cannot be understood, each logged once."""

    def __init__(self, resource: str) -> None:
        self._resource = resource
        self._odd: dict[str, Odd] = {}

    def replace(self, odd: dict[str, Odd]) -> None:
        """Take those of a whole listing."""
        for each in odd.values():
            self._log(each)
        self._odd = odd

    def add(self, odd: Odd) -> None:
        """Take one more."""
        self._log(odd)
        self._odd[odd.key] = odd

    def drop(self, key: str) -> None:
        """Forget one that is gone, or is understood now."""
        self._odd.pop(key, None)

    def blind_spots(self) -> tuple[BlindSpot, ...]:
        """Say how many there are, and which is one of them."""
        for odd in list(self._odd.values())[:1]:
            text = (
                f"{len(self._odd)} of the {self._resource} cannot be read and are left out of all sums, {odd.name} for "
                f"example ({odd.reason}). Correct or delete them."
            )
            return (BlindSpot("odd_objects", text),)
        return ()

    def _log(self, odd: Odd) -> None:
        known = self._odd.get(odd.key)
        if known is None or known.reason != odd.reason:
            log.warning("%s among the %s cannot be read and is left out: %s", odd.name, self._resource, odd.reason)


def list_all(
    session: Session, resource: Resource[K, T], held: Callable[[str], T | None], *, expected: bool
) -> Listing[T]:
    """Return all objects of a resource; `SourceError` where a page cannot be had or is none.

    What is `held` already and has not changed is kept as it is, for the memory's sake. Where objects are `expected`,
    null is no listing.
    """
    listing: Listing[T] = Listing()
    token: str | None = None
    restarts = pages = 0
    first = True
    while first or token:
        try:
            page = _page(session, resource, token)
        except ExpiredListingError as error:
            restarts += 1
            if restarts > MAX_LISTING_RESTARTS:
                raise
            log.info("the listing of %s expired on the API server; going on with a newer one", resource.name)
            token, first = error.resume, error.resume is None
            listing = Listing() if first else listing
            continue
        except SourceError:
            if pages and not session.deadline.left():
                raise _unended(resource.path, pages, session.deadline) from None
            raise
        pages += 1
        if page.is_null and (expected or not first):
            raise _no_listing(resource.path, "its items are null", "empty")
        listing.version = page.version if first else listing.version
        _take(listing, page, resource, session.server.now(), held)
        token, first = next_token(resource.path, token, page.token), False
    return listing


def next_token(path: str, requested: str | None, following: str | None) -> str | None:
    """Return the token of the page that follows; `SourceError` where it would be the same page again, without end."""
    if following and following == requested:
        raise SourceError(
            "kubernetes",
            f"the listing of {path} does not end: a page names itself as the next one. Check the API server, and what "
            "stands between it and the collector.",
        )
    return following or None


def _unended(path: str, pages: int, deadline: Deadline) -> SourceError:
    return SourceError(
        "kubernetes",
        f"{path} was not read {deadline.wording()}: {pages} pages of up to {MAX_PAGE_OBJECTS} objects came, and that "
        "was not all. If there are so many, raise KL_REQUEST_TIMEOUT_SEC: a reading may take four times that. If not, "
        "check what answers for the API server.",
        cause="timeout",
    )


def _take(
    listing: Listing[T], page: ObjectPage[K], resource: Resource[K, T], now: float, held: Callable[[str], T | None]
) -> None:
    listing.odd.update({each.key: each for each in page.odd})
    for item in page.items:
        key = key_of(item.metadata)
        understood = resource.understood(item, now)
        if isinstance(understood, Odd):
            listing.odd[key] = understood
        elif understood is not None:
            known = held(key)
            listing.items[key] = known if known == understood and known is not None else understood


def _page(session: Session, resource: Resource[K, T], token: str | None) -> ObjectPage[K]:
    query = {"limit": str(MAX_PAGE_OBJECTS), **({"continue": token} if token else {})}
    body = session.get("kubernetes", resource.path, query, f"list {resource.name} in the whole cluster")
    try:
        return resource.decoder.page(body)
    except ValueError as error:
        raise _no_listing(resource.path, str(error), "empty" if is_empty(body) else "error") from error


def _no_listing(path: str, reason: str, cause: UnobservedCause) -> SourceError:
    text = f"{path} did not answer with a list ({reason}). Check that this is a Kubernetes API."
    return SourceError("kubernetes", text, cause=cause)
