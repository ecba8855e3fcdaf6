"""Host and Origin validation in front of the HTTP application, against DNS rebinding.

A page that makes its own name resolve to 127.0.0.1 can reach a local server from a browser, but cannot forge the Host
header that names it. The probes are exempt: a kubelet calls them by the pod's address, and they tell little. /metrics
is not: a scraper's address can be named in the settings.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Self

from starlette.types import ASGIApp, Receive, Scope, Send

from kl_core.hosts import DEFAULT_PORTS, split_host, split_listed, split_origin
from kl_mcp.access.refusal_log import RefusalLog
from kl_mcp.http_refusal import refusal

logger = logging.getLogger(__name__)

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
WILDCARDS = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call: hosts as `(name, port)`, origins as `(scheme, name, port)`, where "" stands for any port."""

    hosts: frozenset[tuple[str, str]]
    origins: frozenset[tuple[str, str, str]]
    any_host: bool = False
    any_origin: bool = False

    @classmethod
    def of(cls, listen_host: str, hosts: Collection[str], origins: Collection[str]) -> Self:
        """Allow loopback names, a listen address that is one, and `hosts` and `origins` besides; `*` is all of them.

        Both are as a user writes them: `name`, `name:port`, `[::1]:port`, `name:*`. Raise ValueError.
        """
        own = [] if listen_host in WILDCARDS else [_bracketed(listen_host)]
        local = list(map(_bracketed, LOOPBACK_NAMES))
        pages = [*(f"{scheme}://{name}" for scheme in DEFAULT_PORTS for name in local), *origins]
        named = [split_origin(origin) for origin in pages if origin != "*"]
        return cls(
            frozenset(split_listed(host) for host in [*local, *own, *hosts] if host != "*"),
            frozenset((scheme, *split_listed(host)) for scheme, host in named),
            "*" in hosts,
            "*" in origins,
        )

    def allows_host(self, host: str) -> bool:
        """Tell whether `host`, with or without a port, may be called. What is no host is not."""
        try:
            name, port = split_host(host)
        except ValueError:
            return self.any_host
        return self.any_host or not self.hosts.isdisjoint({(name, ""), (name, port)})

    def allows_origin(self, origin: str) -> bool:
        """Tell whether a page of this origin may call. A sandboxed page sends `null`, which is nobody's name."""
        try:
            scheme, host = split_origin(origin)
            name, port = split_host(host)
        except ValueError:
            return self.any_origin
        written = (scheme, name, port or DEFAULT_PORTS.get(scheme, ""))
        return self.any_origin or not self.origins.isdisjoint({(scheme, name, ""), written})


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


@dataclass(frozen=True, slots=True)
class _Refused:
    status: int
    message: str
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI application that refuses foreign Host and Origin headers before `app` sees the request."""

    app: ASGIApp
    access: Access
    exempt: frozenset[str]
    log: RefusalLog = field(default_factory=lambda: RefusalLog(logger))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            # RFC 9110 5.5: white space around a field value is not part of it. httptools leaves it in.
            scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
            refused = _two_lengths(scope) or (None if scope["path"] in self.exempt else self._refusal(scope))
            if refused is not None:
                self.log.note(scope, refused.message)
                await refusal(refused.status, refused.message, refused.headers)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> _Refused | None:
        hosts = _header_values(scope, b"host")
        if len(hosts) != 1 or not self.access.allows_host(hosts[0]):
            named = hosts[0] if hosts else ""
            return _Refused(421, f"Host {named[:100]!r} is not allowed. Add it to KL_MCP_ALLOWED_HOSTS to allow it.")
        origins = _header_values(scope, b"origin")
        if len(origins) > 1:
            return _Refused(403, "A request has one Origin.")
        if origins and not self.access.allows_origin(origins[0]):
            named = origins[0][:100]
            return _Refused(403, f"Origin {named!r} is not allowed. Add it to KL_MCP_ALLOWED_ORIGINS to allow it.")
        return None


def _two_lengths(scope: Scope) -> _Refused | None:
    """Refuse a body with two lengths, of which a proxy may have taken the other (RFC 9112 6.1)."""
    if not {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
        return None
    return _Refused(400, "A request has either Content-Length or Transfer-Encoding, not both.", {"Connection": "close"})


def _header_values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
