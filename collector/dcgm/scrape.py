"""Fetches the pages of all DCGM exporters: every address behind the name of every endpoint."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import urllib3

from collector.dcgm import exposition
from collector.errors import SourceError
from collector.model import GpuDevice
from collector.source_requests import CONNECT_TIMEOUT_SEC, MAX_ANSWER_TIMEOUTS, failed

log = logging.getLogger(__name__)

Resolver = Callable[[str, int], Sequence[str]]
"""IP addresses of a host name; raises `OSError` when there are none."""

MAX_CONCURRENT_REQUESTS = 16
MAX_PAGE_BYTES = 1 << 25
_CHUNK = 1 << 16


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


def scrape(endpoints: Sequence[str], timeout_sec: float, resolver: Resolver = resolve) -> Scrape:
    """Devices of all exporters, each device once. An exporter that fails is reported in `errors`, never raised."""
    targets: list[_Target] = []
    errors: list[SourceError] = []
    for url in endpoints:
        try:
            targets += [_Target(url, address) for address in resolver(*_host_and_port(url))]
        except OSError as error:
            errors.append(failed("dcgm", url, error))
    devices: list[GpuDevice] = []
    with ThreadPoolExecutor(max_workers=MAX_CONCURRENT_REQUESTS, thread_name_prefix="dcgm") as pool:
        for outcome in pool.map(lambda target: _scrape_one(target, timeout_sec), targets):
            if isinstance(outcome, SourceError):
                errors.append(outcome)
            else:
                devices += outcome
    return Scrape(exposition.merge(devices), tuple(errors))


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _scrape_one(target: _Target, timeout_sec: float) -> tuple[GpuDevice, ...] | SourceError:
    shown = f"{target.url} ({target.address})"
    try:
        return exposition.parse_exposition(_fetch(target, timeout_sec))
    except SourceError as error:
        return SourceError("dcgm", f"{shown}: {error.message}", error.status)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return failed("dcgm", shown, error)


def _fetch(target: _Target, timeout_sec: float) -> str:
    """Return the page at the target's address, asked for under the endpoint's host name."""
    parts = urlsplit(target.url)
    deadline = time.monotonic() + MAX_ANSWER_TIMEOUTS * timeout_sec
    with _pool(target, timeout_sec) as pool:
        response = pool.request(
            "GET", parts.path or "/metrics", headers={"Host": parts.netloc}, redirect=False, preload_content=False
        )
        try:
            if response.status != HTTPStatus.OK:
                raise SourceError(
                    "dcgm", f"it answered {response.status}; expected 200. Check the path of KL_NVIDIA_DCGM_ENDPOINT."
                )
            return _read(response, deadline).decode("utf-8", errors="replace")
        finally:
            response.close()


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
