"""Authenticated, bounded requests to the Kubernetes API.

Every request has a timeout for connecting, one for silence, and one for the whole answer. A request is repeated once,
when the connection broke before or in the answer, and when the API server asks to come back shortly (429).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson
import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException

from collector.clock import Clock, Reading, boot_time
from collector.errors import SourceError
from collector.source_requests import CONNECT_TIMEOUT_SEC, MAX_ANSWER_TIMEOUTS, failed, refused
from kl_core.vocabulary import Source

MAX_RETRY_AFTER_SEC = 3.0
_CHUNK = 1 << 16
_ERROR_BODY = 1 << 14
_ATTEMPTS = 2

_TRANSPORT_ERRORS = (urllib3.exceptions.HTTPError, ApiException, OSError)


class ExpiredListingError(SourceError):
    """The API server dropped the state a paged listing was continued from (410); `resume` is where it lets go on."""

    def __init__(self, source: Source, message: str, resume: str | None) -> None:
        super().__init__(source, message, HTTPStatus.GONE)
        self.resume = resume
        """A token for the rest of the listing as it is now, None where the server offers none."""


class Readable(Protocol):
    """Something a streaming parser can read."""

    def read(self, size: int = -1) -> bytes: ...


class Session:
    """Requests of one tick to one cluster; to be closed."""

    def __init__(
        self,
        configuration: Configuration,
        timeout_sec: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        boot: Clock = boot_time,
    ) -> None:
        self._client = ApiClient(configuration)
        self._client.user_agent = "kubeledger-collector"
        self._timeout_sec = timeout_sec
        self._sleep = sleep
        self._monotonic = monotonic
        self._boot = boot
        self.date: Reading | None = None
        """The time that the API server's newest answer told, whatever its status; None before there was one."""

    def close(self) -> None:
        """Close all connections."""
        self._client.rest_client.close()

    def get_json(self, source: Source, path: str, query: Mapping[str, str], permission: str) -> dict[str, Any]:
        """Return the JSON object at `path`; `SourceError` with the HTTP status when it is refused or broken."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self.stream(source, path, query, permission) as body:
                    return _decoded(source, self._url(path), body.read())
            except SourceError as error:
                if attempt == _ATTEMPTS or error.status is not None or not _broke_off(error):
                    raise
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def stream(self, source: Source, path: str, query: Mapping[str, str], permission: str) -> Iterator[Readable]:
        """Return the body at `path`, to be read as it arrives; reading raises `SourceError` too."""
        deadline = self._monotonic() + MAX_ANSWER_TIMEOUTS * self._timeout_sec
        response = self._answer(source, path, query)
        try:
            if response.status != HTTPStatus.OK:
                raise _refused(source, self._url(path), response, permission)
            yield _Body(response, source, self._url(path), deadline, self._monotonic)
        finally:
            response.close()

    def _answer(self, source: Source, path: str, query: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        for _ in range(1, _ATTEMPTS):
            response = self._request(source, path, query)
            wait = _retry_after(response)
            if wait is None:
                return response
            response.close()
            self._sleep(wait)
        return self._request(source, path, query)

    def _request(self, source: Source, path: str, query: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            method, url, headers, _, _ = self._client.param_serialize(
                "GET", target, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
            )
            timeouts = (min(CONNECT_TIMEOUT_SEC, self._timeout_sec), self._timeout_sec)
            answer = self._client.call_api(method, url, headers, _request_timeout=timeouts)
        except _TRANSPORT_ERRORS as error:
            raise failed(source, self._url(path), error) from error
        response: urllib3.BaseHTTPResponse = answer.response
        server_time = _server_time(response.headers)
        # What answers for other API groups may do so by another clock.
        if server_time is not None and source == "kubernetes":
            self.date = Reading(server_time, self._boot())
        return response

    def _url(self, path: str) -> str:
        return f"{self._client.configuration.host}{path}"


class _Body:
    """A response's body that keeps the deadline and turns transport errors into `SourceError`."""

    def __init__(
        self,
        response: urllib3.BaseHTTPResponse,
        source: Source,
        url: str,
        deadline: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._response = response
        self._source = source
        self._url = url
        self._deadline = deadline
        self._monotonic = monotonic

    def read(self, size: int = -1) -> bytes:
        if size >= 0:
            return self._read(size) if size else b""
        return b"".join(iter(lambda: self._read(_CHUNK), b""))

    def _read(self, size: int) -> bytes:
        try:
            if self._monotonic() > self._deadline:
                raise TimeoutError("the whole answer took too long")
            # What has arrived, not all of `size`: a server that drips would not come back to the deadline.
            return self._response.read1(size)
        except _TRANSPORT_ERRORS as error:
            raise failed(self._source, self._url, error) from error


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


def _broke_off(error: SourceError) -> bool:
    """Whether asking again may help: the connection was cut, as a keep-alive that a load balancer ended."""
    causes = (urllib3.exceptions.ProtocolError, ConnectionResetError, BrokenPipeError)
    return isinstance(error.__cause__, causes)


def _server_time(headers: Mapping[str, str]) -> float | None:
    """UNIX seconds of a Date header, with the time that a cache has kept the answer; None without a usable one."""
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp() + int(headers.get("Age", "0"))
    except (ValueError, TypeError, OverflowError):
        return None


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    if response.status != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    text = response.headers.get("Retry-After", "1")
    return min(float(text) if text.isdecimal() else 1.0, MAX_RETRY_AFTER_SEC)


def _refused(source: Source, url: str, response: urllib3.BaseHTTPResponse, permission: str) -> SourceError:
    """Return the error for a status other than 200; of the body, only a Kubernetes `Status` object is repeated."""
    try:
        document = orjson.loads(response.read(_ERROR_BODY))
    except (*_TRANSPORT_ERRORS, orjson.JSONDecodeError):
        document = None
    status = document if isinstance(document, dict) and document.get("kind") == "Status" else {}
    error = refused(source, url, response.status, str(status.get("message") or ""), permission)
    if response.status == HTTPStatus.GONE:
        return ExpiredListingError(source, error.message, (status.get("metadata") or {}).get("continue") or None)
    return error
