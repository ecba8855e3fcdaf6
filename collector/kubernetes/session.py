"""Authenticated, bounded requests to the Kubernetes API.

Every request has a timeout for connecting, one for silence, and one for the whole answer. A request that failed for a
reason that may pass (5xx, 429, timeouts, connections that broke) is repeated with growing pauses, or when the server
asks for it, within the deadline of the whole reading.
"""

from __future__ import annotations

import logging
import math
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from random import SystemRandom
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException

from collector.clock import ClockReading
from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline
from collector.kubernetes.outages import Outages
from collector.kubernetes.server_time import ServerTime
from collector.source_requests import CONNECT_TIMEOUT_SEC, MAX_ANSWER_TIMEOUTS, causes, failed, refused
from kl_core.vocabulary import Source

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_ATTEMPTS = 5
READ_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 24
_FIRST_PAUSE_SEC = 1.0
_CHANCE = SystemRandom()
_MAX_ERROR_BODY_BYTES = 1 << 14

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_TRANSPORT_ERRORS = (urllib3.exceptions.HTTPError, ApiException, OSError)


class ExpiredListingError(SourceError):
    """The API server dropped the state a paged listing was continued from (410); `resume` is where it lets go on."""

    def __init__(self, source: Source, message: str, resume: str | None) -> None:
        super().__init__(source, message, HTTPStatus.GONE)
        self.resume = resume
        """A token for the rest of the listing as it is now, None where the server offers none."""


class PassingError(SourceError):
    """A failure that may pass by itself."""

    def __init__(self, error: SourceError, retry_after: float | None = None) -> None:
        super().__init__(error.source, error.message, error.status, error.cause)
        self.retry_after = retry_after
        """Seconds after which the server wants to be asked again, None where it does not tell."""


class Session:
    """Requests to one cluster with the credentials of a moment; to be closed."""

    def __init__(
        self,
        configuration: Configuration,
        timeout_sec: float,
        *,
        deadline: Deadline | None = None,
        server: ServerTime | None = None,
        outages: Outages | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _CHANCE.random,
    ) -> None:
        """`deadline` is that of all requests together, repetitions included; `jitter` gives numbers from 0 to 1."""
        self._client = ApiClient(configuration)
        self._client.user_agent = "kubeledger-collector"
        self._timeout_sec = timeout_sec
        self.deadline = deadline or Deadline(math.inf, monotonic=monotonic)
        """That of all requests together."""
        self._monotonic = monotonic
        self._jitter = jitter
        self.server = server or ServerTime()
        self._outages = outages or Outages()

    @property
    def date(self) -> ClockReading | None:
        """The time that the API server's newest answer told, whatever its status; None before there was one."""
        return self.server.date

    def close(self) -> None:
        """Close all connections."""
        self._client.rest_client.close()

    def get(self, source: Source, path: str, query: Mapping[str, str], permission: str) -> bytes:
        """Return the body at `path`; `SourceError` with the HTTP status when it is refused or broken."""

        def ask() -> bytes:
            with self._open(source, path, query, permission) as body:
                return body.read()

        answer = self._repeated(ask, path)
        self._note_answer(path)
        return answer

    def get_json(self, source: Source, path: str, query: Mapping[str, str], permission: str) -> dict[str, Any]:
        """Return the JSON object at `path`; `SourceError` with the HTTP status when it is refused or broken."""
        return _decoded(source, self._url(path), self.get(source, path, query, permission))

    @contextmanager
    def watch(self, path: str, query: Mapping[str, str], permission: str, silence_sec: float) -> Iterator[Lines]:
        """Return the lines at `path` as they come, until nothing came for `silence_sec`; nothing is repeated."""
        response = self._request("kubernetes", path, query, silence_sec)
        try:
            if response.status != HTTPStatus.OK:
                raise self._refused("kubernetes", path, response, permission)
            self._note_answer(path)
            yield Lines(response, self._url(path))
        finally:
            response.close()

    def _note_answer(self, path: str) -> None:
        if self._outages.passed(path):
            log.info("%s answers again", self._url(path))

    def _repeated(self, ask: Callable[[], T], path: str) -> T:
        for attempt in range(1, MAX_ATTEMPTS):
            try:
                return ask()
            except PassingError as error:
                pause = self._pause(error, attempt)
                if pause >= self.deadline.left():
                    raise
                log.log(self._outages.failed(path), "%s The collector asks again in %.1f s.", error, pause)
                if not self.deadline.pause(pause):
                    raise
        return ask()

    def _pause(self, error: PassingError, attempt: int) -> float:
        """Seconds: half of it by chance, so that not all clients come back at once."""
        pause = _FIRST_PAUSE_SEC * 2.0 ** (attempt - 1) * (0.5 + 0.5 * self._jitter())
        return max(pause, error.retry_after or 0.0)

    @contextmanager
    def _open(self, source: Source, path: str, query: Mapping[str, str], permission: str) -> Iterator[_Body]:
        seconds = min(MAX_ANSWER_TIMEOUTS * self._timeout_sec, self.deadline.left())
        if not seconds:
            raise SourceError(
                source,
                f"{self._url(path)} was not read {self.deadline.wording()}. Check the API server and the network.",
                cause="timeout",
            )
        deadline = Deadline(seconds, monotonic=self._monotonic)
        response = self._request(source, path, query, min(self._timeout_sec, seconds))
        try:
            if response.status != HTTPStatus.OK:
                raise self._refused(source, path, response, permission)
            yield _Body(response, source, self._url(path), deadline)
        finally:
            response.close()

    def _request(
        self, source: Source, path: str, query: Mapping[str, str], silence_sec: float
    ) -> urllib3.BaseHTTPResponse:
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            method, url, headers, _, _ = self._client.param_serialize(
                "GET", target, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
            )
            timeouts = (min(CONNECT_TIMEOUT_SEC, self._timeout_sec, silence_sec), silence_sec)
            answer = self._client.call_api(method, url, headers, _request_timeout=timeouts)
        except _TRANSPORT_ERRORS as error:
            raise _broken(source, self._url(path), error) from error
        response: urllib3.BaseHTTPResponse = answer.response
        # What answers for other API groups may do so by another clock.
        if source == "kubernetes":
            self.server.hear(response.headers)
        return response

    def _refused(self, source: Source, path: str, response: urllib3.BaseHTTPResponse, permission: str) -> SourceError:
        """Return the error for a status other than 200; of the body, only a Kubernetes `Status` object is repeated."""
        deadline = Deadline(self._timeout_sec, monotonic=self._monotonic)
        body = _Body(response, source, self._url(path), deadline)
        document = None
        with suppress(SourceError, orjson.JSONDecodeError):
            document = orjson.loads(body.read_up_to(_MAX_ERROR_BODY_BYTES))
        status = document if isinstance(document, dict) and document.get("kind") == "Status" else {}
        error = refused(source, self._url(path), response.status, str(status.get("message") or ""), permission)
        if response.status == HTTPStatus.GONE:
            return ExpiredListingError(source, error.message, (status.get("metadata") or {}).get("continue") or None)
        if response.status in _PASSING:
            return PassingError(error, _retry_after(response))
        return error

    def _url(self, path: str) -> str:
        return f"{self._client.configuration.host}{path}"


class _Body:
    """A response's body that keeps the deadline and turns transport errors into `SourceError`."""

    def __init__(self, response: urllib3.BaseHTTPResponse, source: Source, url: str, deadline: Deadline) -> None:
        self._response = response
        self._source = source
        self._url = url
        self._deadline = deadline

    def read(self) -> bytes:
        return b"".join(iter(lambda: self._read(READ_BYTES), b""))

    def read_up_to(self, size: int) -> bytes:
        """Return what comes before the end, of a longer body only about the first `size` bytes."""
        read = b""
        while len(read) < size and (part := self._read(size)):
            read += part
        return read

    def _read(self, size: int) -> bytes:
        try:
            if not self._deadline.left():
                raise TimeoutError("the whole answer took too long")
            # What has arrived, not all of `size`: a server that drips would not come back to the deadline.
            return self._response.read1(size)
        except _TRANSPORT_ERRORS as error:
            raise _broken(self._source, self._url, error) from error


class Lines:
    """The lines of an answer that goes on; another thread may end it."""

    def __init__(self, response: urllib3.BaseHTTPResponse, url: str) -> None:
        self._response = response
        self._url = url
        self.interrupted = False

    def __iter__(self) -> Iterator[bytes]:
        """Return each line when it has come; ends with the answer or when interrupted, else raises `SourceError`."""
        rest = b""
        while chunk := self._read():
            *lines, rest = (rest + chunk).split(b"\n")
            yield from filter(None, lines)
            if len(rest) > MAX_LINE_BYTES:
                raise SourceError("kubernetes", f"{self._url} sends a line of more than {MAX_LINE_BYTES >> 20} MiB")

    def interrupt(self) -> None:
        """End the answer, whatever its reader waits for."""
        self.interrupted = True
        # It may have ended by itself.
        with suppress(OSError, ValueError, RuntimeError):
            self._response.shutdown()

    def _read(self) -> bytes:
        try:
            return b"" if self.interrupted else self._response.read1(READ_BYTES)
        except _TRANSPORT_ERRORS as error:
            if self.interrupted:
                return b""
            raise _broken("kubernetes", self._url, error) from error


def _decoded(source: Source, url: str, body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SourceError(
            source, f"{url} did not answer with JSON ({error}). Check that it is a Kubernetes API."
        ) from error
    if not isinstance(document, dict):
        raise SourceError(source, f"{url} answered with JSON that is not an object. Check that it is a Kubernetes API.")
    return document


def _broken(source: Source, url: str, error: BaseException) -> SourceError:
    failure = failed(source, url, error)
    unverified = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes(error))
    return failure if unverified else PassingError(failure)


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None
