"""Names of hosts as headers and settings write them, read strictly: what is none is refused, never guessed at."""

import re

HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>[0-9]{0,5}))?")
"""RFC 9110 7.2, of names those that DNS knows. The port may be empty."""
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
DEFAULT_PORTS = {"http": "80", "https": "443"}
"""Browsers leave these out of an origin."""


def split_host(value: str) -> tuple[str, str]:
    """Return `(name, port)` of a Host header, in lower case; port is "" when absent.

    IPv6 loses its brackets, a name the dot at its end. Raises ValueError for what is no host.
    """
    parts = HOST.fullmatch(value.lower()) if value.isascii() else None  # of others, some have an ASCII lower case
    if parts is None:
        raise ValueError("a host name or an IP address, IPv6 in brackets, with or without a port")
    return parts["address"] or parts["name"].removesuffix("."), parts["port"] or ""


def split_listed(value: str) -> tuple[str, str]:
    """Split a host in a setting likewise, where `name:*` has no port, and IPv6 without brackets has none either."""
    text = value.removesuffix(":*")
    return split_host(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)


def split_origin(value: str) -> tuple[str, str]:
    """`(scheme, host)` of an origin such as `https://tools.example.com:8443` (RFC 6454 6.2), in lower case.

    Raises ValueError for what is no origin, and for `null`.
    """
    scheme, separator, host = value.lower().partition("://")
    if not separator or not value.isascii() or not SCHEME.fullmatch(scheme):
        raise ValueError("an origin such as https://tools.example.com")
    return scheme, host
