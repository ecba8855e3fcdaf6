"""Fetches the pages of all DCGM exporters: every address behind the name of every endpoint."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from random import SystemRandom
from urllib.parse import urlsplit

import urllib3

from collector.dcgm import exposition
from collector.errors import SourceError
from collector.model import UnobservedCause
from collector.observations import GpuDevice
from collector.source_requests import CONNECT_TIMEOUT_SEC, MAX_ANSWER_TIMEOUTS, failed, without_thread

log = logging.getLogger(__name__)

Resolver = Callable[[str, int], Sequence[str]]
"""IP addresses of a host name; raises `OSError` when there are none."""

Sleep = Callable[[float], object]
"""Waits for so many seconds."""

MAX_CONCURRENT_REQUESTS = 16
MAX_ATTEMPTS = 3
MAX_PAGE_BYTES = 1 << 25
_CHUNK = 1 << 16
_FIRST_PAUSE_SEC = 1.0
_CHANCE = SystemRandom()
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class _PassingError(SourceError):
    """A failure that may pass by itself."""

    def __init__(
        self,
        message: str,
        status: int | None = None,
        retry_after: float = 0.0,
        cause: UnobservedCause | None = None,
    ) -> None:
        super().__init__("dcgm", message, status, cause)
        self.retry_after = retry_after
        """Seconds after which the exporter wants to be asked again."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """What all exporters together reported; `errors` of those that did not."""

    devices: tuple[GpuDevice, ...]
    errors: tuple[SourceError, ...]


@dataclass(frozen=True, slots=True)
class _Target:
    """One exporter: the endpoint's URL, and the address to reach it at."""

    url: str
    address: str


def resolve(host: str, port: int) -> tuple[str, ...]:
    """All addresses of a host, each once, through the system's resolver."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in addresses))


def scrape(
    endpoints: Sequence[str], timeout_sec: float, resolver: Resolver = resolve, sleep: Sleep = time.sleep
) -> Scrape:
    """Devices of all exporters, each once a host that reports it.

    An exporter that fails is reported in `errors`, never raised, and so is a system without a thread left.
    """
    targets: list[_Target] = []
    errors: list[SourceError] = []
    for url in endpoints:
        try:
            targets += [_Target(url, address) for address in resolver(*_host_and_port(url))]
        except OSError as error:
            errors.append(failed("dcgm", url, error))
    devices: list[GpuDevice] = []
    with ThreadPoolExecutor(max_workers=MAX_CONCURRENT_REQUESTS, thread_name_prefix="dcgm") as pool:
        requests: list[Future[tuple[GpuDevice, ...] | SourceError]] = []
        try:
            for target in targets:
                requests.append(pool.submit(_scrape_one, target, timeout_sec, sleep))  # noqa: PERF401 -- some may be begun
        except RuntimeError as error:
            errors.append(without_thread("dcgm", "DCGM exporters", error))
        for outcome in (each.result() for each in requests):
            if isinstance(outcome, SourceError):
                errors.append(outcome)
            else:
                devices += outcome
    return Scrape(exposition.merge(devices, each_host=True), tuple(errors))


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _scrape_one(target: _Target, timeout_sec: float, sleep: Sleep) -> tuple[GpuDevice, ...] | SourceError:
    """Devices of one exporter, asked again while it fails for a reason that may pass and there is time."""
    deadline = time.monotonic() + MAX_ANSWER_TIMEOUTS * timeout_sec
    attempt = 0
    while True:
        attempt += 1
        answer = _ask(target, timeout_sec, deadline)
        if not isinstance(answer, _PassingError):
            return answer
        pause = max(_FIRST_PAUSE_SEC * 2.0 ** (attempt - 1) * (0.5 + 0.5 * _CHANCE.random()), answer.retry_after)
        if attempt == MAX_ATTEMPTS or time.monotonic() + pause >= deadline:
            return answer
        log.info("%s The collector asks again in %.1f s.", answer, pause)
        sleep(pause)


def _ask(target: _Target, timeout_sec: float, deadline: float) -> tuple[GpuDevice, ...] | SourceError:
    shown = f"{target.url} ({target.address})"
    try:
        return exposition.parse_exposition(_fetch(target, timeout_sec, deadline))
    except _PassingError as error:
        return _PassingError(f"{shown}: {error.message}", error.status, error.retry_after)
    except SourceError as error:
        return SourceError("dcgm", f"{shown}: {error.message}", error.status)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        failure = failed("dcgm", shown, error)
        return _PassingError(failure.message, cause=failure.cause)


def _fetch(target: _Target, timeout_sec: float, deadline: float) -> str:
    """Return the page at the target's address, asked for under the endpoint's host name."""
    parts = urlsplit(target.url)
    with _pool(target, timeout_sec) as pool:
        response = pool.request(
            "GET", parts.path or "/metrics", headers={"Host": parts.netloc}, redirect=False, preload_content=False
        )
        try:
            if response.status != HTTPStatus.OK:
                raise _refused(response)
            return _read(response, deadline).decode("utf-8", errors="replace")
        finally:
            response.close()


def _refused(response: urllib3.BaseHTTPResponse) -> SourceError:
    message = f"it answered {response.status}; expected 200. Check the path of KL_NVIDIA_DCGM_ENDPOINT."
    if response.status not in _PASSING:
        return SourceError("dcgm", message, response.status)
    wait = response.headers.get("Retry-After", "")
    return _PassingError(message, response.status, float(wait) if wait.isdecimal() else 0.0)


def _pool(target: _Target, timeout_sec: float) -> urllib3.HTTPConnectionPool:
    host, port = _host_and_port(target.url)
    timeout = urllib3.Timeout(connect=min(CONNECT_TIMEOUT_SEC, timeout_sec), read=timeout_sec)
    if target.url.startswith("https:"):
        return urllib3.HTTPSConnectionPool(
            target.address, port, timeout=timeout, retries=False, assert_hostname=host, server_hostname=host
        )
    return urllib3.HTTPConnectionPool(target.address, port, timeout=timeout, retries=False)


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    page = bytearray()
    while chunk := response.read1(_CHUNK):
        page += chunk
        if len(page) > MAX_PAGE_BYTES:
            raise SourceError(
                "dcgm", f"the page is larger than {MAX_PAGE_BYTES >> 20} MiB. Check that it is a DCGM exporter's."
            )
        if time.monotonic() > deadline:
            raise TimeoutError("the whole answer took too long")
    return bytes(page)
