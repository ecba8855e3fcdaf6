"""Requests to the sources: how long they may take, and what went wrong with one and what to do about it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import TypeVar

import urllib3.exceptions as http

from collector.errors import SourceError
from collector.model import UnobservedCause
from kl_core.vocabulary import Source

CONNECT_TIMEOUT_SEC = 5.0
MAX_ANSWER_TIMEOUTS = 4
"""How many times the timeout for silence a whole answer may take."""

E = TypeVar("E", bound=BaseException)

_WHERE: dict[Source, str] = {
    "kubernetes": "KL_K8S_API_ENDPOINT or the kubeconfig",
    "metrics": "KL_K8S_API_ENDPOINT or the kubeconfig",
    "dcgm": "KL_NVIDIA_DCGM_ENDPOINT",
}


_AUTHORITIES: dict[Source, str] = {
    "kubernetes": "KL_K8S_CACERT to the cluster's certificate authorities",
    "metrics": "KL_K8S_CACERT to the cluster's certificate authorities",
    "dcgm": "SSL_CERT_FILE to certificate authorities that the exporter's is of",
}


def refused(source: Source, url: str, status: int, detail: str, permission: str) -> SourceError:
    """Return the error for an HTTP status other than 200.

    `url` is without credentials, `detail` the message of the server, `permission` what RBAC has to grant, such as
    `list pods`.
    """
    return SourceError(source, _of_status(source, url, status, _shortened(detail), permission), status)


def _of_status(source: Source, url: str, status: int, detail: str, permission: str) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return (
            f"{url} does not accept the credentials (401). Check KL_K8S_AUTH_TOKEN, the kubeconfig's user or the "
            "service account: the token may be wrong or expired."
        )
    if status == HTTPStatus.FORBIDDEN:
        return (
            f"{url} does not allow to {permission} (403). Grant that with a ClusterRole and ClusterRoleBinding.{detail}"
        )
    if status == HTTPStatus.NOT_FOUND and source == "metrics":
        return f"metrics-server is not installed ({url} answered 404), so usage is unknown. Install it."
    if status == HTTPStatus.NOT_FOUND:
        return f"{url} does not exist (404), so this is not a Kubernetes API. Check {_WHERE[source]}.{detail}"
    if status == HTTPStatus.SERVICE_UNAVAILABLE and source == "metrics":
        return (
            f"metrics-server does not answer ({url} answered 503), so usage is unknown. Check its pods and "
            f"APIService.{detail}"
        )
    return f"{url} answered {status}; expected 200. Check {_WHERE[source]} and the health of the server.{detail}"


def _shortened(detail: str) -> str:
    return f" The server says: {_line(detail)}" if detail.strip() else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def without_thread(source: Source, what: str, error: RuntimeError) -> SourceError:
    """Return the error for something, in the plural, that is not read because no thread could be started."""
    reason = (
        f"the {what} are not read, for the system has no thread left ({error}). Raise the limits of processes and "
        "memory of the collector's container."
    )
    return SourceError(source, reason)


def failed(source: Source, url: str, error: BaseException) -> SourceError:
    """Return the error for a request or an answer that broke off, told from the chain of causes."""
    message, cause = _of_causes(source, url, list(causes(error)))
    return SourceError(source, message, cause=cause)


def _of_causes(source: Source, url: str, causes: list[BaseException]) -> tuple[str, UnobservedCause]:
    """Explains by the most telling cause: urllib3 files a refused connection under its timeouts."""
    check = f"Check {_WHERE[source]}"
    unverified = _first(causes, ssl.SSLCertVerificationError)
    if unverified is not None:
        return (
            f"the certificate of {url} cannot be verified ({unverified.verify_message}). Set {_AUTHORITIES[source]}, "
            "or use the host name the certificate is for."
        ), "unreachable"
    if _first(causes, socket.gaierror, http.NameResolutionError):
        return f"the host name of {url} cannot be resolved. {check} and DNS.", "unreachable"
    if _first(causes, ConnectionRefusedError):
        return f"{url} refuses connections: nothing listens there. {check} and that the server runs.", "unreachable"
    tls = _first(causes, ssl.SSLError)
    if tls is not None:
        reason = f"{url} does not speak TLS as expected ({tls.reason or tls})."
        return f"{reason} {check}, and whether it is https or http.", "unreachable"
    if _first(causes, http.TimeoutError, TimeoutError):
        # Where there is no way to a host, which is one of these too, nobody is waited for.
        cause: UnobservedCause = "unreachable" if _first(causes, http.NewConnectionError) else "timeout"
        return f"{url} did not answer in time. {check} and the network, or raise KL_REQUEST_TIMEOUT_SEC.", cause
    root = causes[-1]
    return f"the answer of {url} broke off ({type(root).__name__}: {_line(str(root))}). {check}.", "error"


def _first(causes: list[BaseException], *kinds: type[E]) -> E | None:
    return next((cause for cause in causes if isinstance(cause, kinds)), None)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Return the error and what it came from, through urllib3's `reason` and wrapped arguments too."""
    seen: set[int] = set()
    queue: list[BaseException] = [error]
    while queue:
        cause = queue.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__)
        queue.extend(item for item in inner if isinstance(item, BaseException))
