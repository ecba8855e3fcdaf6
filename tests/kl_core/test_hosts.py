"""Hosts and origins, read strictly."""

from __future__ import annotations

import pytest

from kl_core.hosts import split_host, split_listed, split_origin


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Example.COM", ("example.com", "")),
        ("127.0.0.1:5484", ("127.0.0.1", "5484")),
        ("[::1]:5484", ("::1", "5484")),
        ("[::1]", ("::1", "")),
        ("localhost:", ("localhost", "")),
        ("my_host-1.example", ("my_host-1.example", "")),
        ("svc.cluster.local.:5484", ("svc.cluster.local", "5484")),
    ],
)
def test_a_host_is_split_into_name_and_port(value: str, expected: tuple[str, str]) -> None:
    assert split_host(value) == expected


@pytest.mark.requirement("KL-S-2")
@pytest.mark.parametrize(
    "value",
    [
        "",
        "::1",
        "[::1]evil.com",
        "[::1",
        "[localhost",
        "[localhost]",
        "localhost]",
        "localhost:evil.com",
        "localhost:1@evil.com",
        "localhost@evil.com",
        "localhost:1:2",
        "localhost:*",
        "localhost:999999",
        "localhost, evil.com",
        "localhost evil.com",
        "localhost/",
        "localhost#",
        "localhost\n",
        "localhost:\uff11",
        "\u212aubeledger",
    ],
)
def test_what_is_no_host_is_refused_and_not_cut_down_to_one(value: str) -> None:
    with pytest.raises(ValueError, match="a host name or an IP address"):
        split_host(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a.example:*", ("a.example", "")), ("::1", ("::1", "")), ("[::1]:*", ("::1", "")), ("a:80", ("a", "80"))],
)
def test_a_setting_may_leave_out_brackets_and_allow_any_port(value: str, expected: tuple[str, str]) -> None:
    assert split_listed(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("HTTPS://Tools.Example.com:8443", ("https", "tools.example.com:8443")),
        ("chrome-extension://abc", ("chrome-extension", "abc")),
    ],
)
def test_an_origin_is_split_into_scheme_and_host(value: str, expected: tuple[str, str]) -> None:
    assert split_origin(value) == expected


@pytest.mark.parametrize("value", ["null", "", "localhost", "http:localhost", "://localhost", "1http://localhost"])
def test_what_is_no_origin_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="an origin such as"):
        split_origin(value)
