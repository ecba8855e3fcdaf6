"""Whose a token is: names fit for a log, the namespaces that a claim lists, and the two ways side by side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anyio
import pytest

from kl_core.errors import SettingsError
from kl_mcp.access.callers import Caller
from kl_mcp.access.identify import Identification, caller_of_jwt, identification_of
from kl_mcp.access.refusals import InvalidTokenError, RefusedError
from kl_mcp.access.tokens_file import NAME
from kl_mcp.settings import load
from tests.kl_mcp.access.asking import FINANCE, NOBODY, TEAM, tokens_file
from tests.support.counted import Counted
from tests.support.issuer import RESOURCE, jwt_flags, key_set_file, token


def _identification(*flags: str) -> Identification:
    found = identification_of(load({}, flags), Counted())
    assert found is not None
    return found


def _caller(identification: Identification, presented: str) -> Caller:
    return anyio.run(identification.caller, presented)


def _refused(identification: Identification, presented: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        _caller(identification, presented)
    return caught.value


@pytest.mark.parametrize(
    ("client", "subject", "name"),
    [
        ("claude", "alice", "jwt:claude/alice"),
        ("claude", None, "jwt:claude"),
        ("alice", "alice", "jwt:alice"),
        ("claude", "auth0|5f7c", "jwt:claude/auth0|5f7c"),
        ("claude", "alice@example.com", "jwt:claude/alice@example.com"),
        ("claude", 'a\n{"caller": "finance"}', "jwt:claude/a___caller_:__finance__"),
        ("a/b", "\x1b[31m\u202eÄ", "jwt:a_b/__31m__"),
        ("c" * 500, "s" * 500, f"jwt:{'c' * 100}/{'s' * 100}"),
    ],
)
def test_a_caller_is_named_by_client_and_subject_in_letters_that_a_log_can_hold(
    client: str, subject: str | None, name: str
) -> None:
    caller = caller_of_jwt({"client_id": client, "sub": subject}, "")

    assert caller == Caller(name, None)
    assert re.fullmatch(r"jwt:[A-Za-z0-9._@|:+/-]+", name)
    assert NAME.fullmatch(name) is None  # so that nobody can be mistaken for a holder of a token in the file


@pytest.mark.parametrize("claims", [{}, {"sub": "", "client_id": ""}, {"client_id": 7}, {"azp": None}])
def test_a_token_that_names_nobody_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError, match="names nobody"):
        caller_of_jwt(claims, "")


@pytest.mark.parametrize(("claims", "name"), [({"sub": "alice"}, "jwt:alice"), ({"azp": "claude"}, "jwt:claude")])
def test_a_token_without_a_client_is_named_by_azp_or_its_subject(claims: dict[str, Any], name: str) -> None:
    assert caller_of_jwt(claims, "").name == name


@pytest.mark.parametrize(
    ("listed", "globs"),
    [
        (["web-*", "shop"], ("web-*", "shop")),
        ("web-* shop", ("web-*", "shop")),
        (" web \n shop ", ("web", "shop")),
        (["*"], ("*",)),
        ([], ()),
        ("", ()),
        ([f"team-{number}" for number in range(50)], tuple(f"team-{number}" for number in range(50))),
    ],
)
def test_the_claim_lists_the_namespaces_and_an_empty_one_shows_totals_only(listed: Any, globs: tuple[str, ...]) -> None:
    assert caller_of_jwt({"client_id": "a", "ns": listed}, "ns").namespaces == globs


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"NS": ["*"]},
        {"ns": None},
        {"ns": True},
        {"ns": 5},
        {"ns": {"*": True}},
        {"ns": ["web", None]},
        {"ns": [["*"]]},
        {"ns": ["!web"]},
        {"ns": ["../x"]},
        {"ns": ["web", ""]},
        {"ns": ["x" * 257]},
        {"ns": "{a,b}"},
        {"ns": "web,*/"},
    ],
)
def test_a_claim_that_is_missing_or_odd_is_refused_and_not_quoted(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError, match="KL_MCP_JWT_NAMESPACES_CLAIM") as caught:
        caller_of_jwt({"client_id": "a", **claims}, "ns")
    assert "web" not in str(caught.value)


def test_without_the_setting_a_jwt_shows_all_and_the_claim_means_nothing() -> None:
    assert caller_of_jwt({"client_id": "a", "ns": ["web"]}, "").namespaces is None


def test_with_both_the_tokens_file_is_asked_first_and_jwts_second(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path / "tokens.json")
    jwts = jwt_flags(key_set_file(tmp_path / "keys.json"), jwt_namespaces_claim="ns")
    both = _identification("--tokens-file", str(tokens), *jwts)

    assert _caller(both, FINANCE) == Caller("finance")
    assert _caller(both, TEAM) == Caller("team-web", ("web*",))
    assert _caller(both, token(ns=["shop"])) == Caller("jwt:claude/alice", ("shop",))
    for wrong in (NOBODY, token()[:-40], token()):
        assert _refused(both, wrong).status == 401
    assert "KL_MCP_TOKENS_FILE, KL_MCP_JWT_ISSUER" in str(_refused(both, NOBODY))


def test_a_jwt_in_the_tokens_file_is_a_token_like_any_other(tmp_path: Path) -> None:
    presented = token(exp=5)
    tokens = tokens_file(tmp_path / "tokens.json", {"name": "robot", "token": presented})
    both = _identification("--tokens-file", str(tokens), *jwt_flags(key_set_file(tmp_path / "keys.json")))

    assert _caller(both, presented) == Caller("robot")


def test_each_way_alone_refuses_the_tokens_of_the_other(tmp_path: Path) -> None:
    tokens = _identification("--tokens-file", str(tokens_file(tmp_path / "tokens.json")))
    jwts = _identification(*jwt_flags(key_set_file(tmp_path / "keys.json")))

    assert "(KL_MCP_TOKENS_FILE)" in str(_refused(tokens, token()))
    assert "(KL_MCP_JWT_ISSUER)" in str(_refused(jwts, FINANCE))
    assert tokens.challenge == {}
    assert tokens.routes == ()


def test_without_either_nobody_is_told_apart() -> None:
    assert identification_of(load({}, ()), Counted()) is None


@pytest.mark.parametrize(
    ("audience", "presented", "accepted"),
    [
        ("", RESOURCE, True),
        ("", "https://KubeLedger.example.com:443/mcp", True),
        ("", "https://kubeledger.example.com", False),
        ("api://kubeledger", "api://kubeledger", True),
        ("api://kubeledger", RESOURCE, False),
    ],
)
def test_the_audience_is_the_setting_or_the_resource_url_as_written_and_as_published(
    tmp_path: Path, audience: str, presented: str, accepted: bool
) -> None:
    flags = jwt_flags(
        key_set_file(tmp_path / "keys.json"),
        jwt_audience=audience,
        resource_url="https://KubeLedger.example.com:443/mcp",
    )
    identification = _identification(*flags)

    if accepted:
        assert _caller(identification, token(aud=presented)).name == "jwt:claude/alice"
    else:
        assert "KL_MCP_JWT_AUDIENCE" in str(_refused(identification, token(aud=presented)))


@pytest.mark.parametrize("setting", ["resource_url", "jwt_issuer"])
def test_an_address_that_no_client_could_use_is_named_at_the_start(tmp_path: Path, setting: str) -> None:
    flags = jwt_flags(key_set_file(tmp_path / "keys.json"), **{setting: "https://exa<mple.com/mcp"})
    with pytest.raises(SettingsError, match=r"KL_MCP_RESOURCE_URL.*KL_MCP_JWT_ISSUER"):
        _identification(*flags)
