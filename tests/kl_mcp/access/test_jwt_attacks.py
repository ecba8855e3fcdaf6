"""JWTs against a real server: forged, stale, foreign and oversized ones are refused, and nothing of them is logged."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kl_mcp.access.keys_at_url import RETRY_SECONDS
from tests.kl_mcp.access.asking import ERAS, FINANCE, NOBODY, Answer, ask, bearer, send, tokens_file, two_tenants
from tests.support.issuer import (
    RESOURCE,
    claims,
    jwk,
    jwt_flags,
    key_set,
    key_set_file,
    private_key,
    signed_with_the_public_key,
    tampered,
    token,
    unsigned,
    written,
)
from tests.support.mcp_clients import HttpServer, http_server
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish
from tests.support.scripted_http import Answer as KeysAnswer
from tests.support.scripted_http import serving
from tests.support.turned_server import turned_server

LIST = {"name": "list_namespaces", "arguments": {}}
METADATA = "https://kubeledger.example.com/.well-known/oauth-protected-resource/mcp"
NOW = int(time.time())


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jwts")


def _flags(directory: Path) -> tuple[str, ...]:
    return jwt_flags(
        key_set_file(directory / "keys.json"),
        jwt_required_scopes="ledger:read",
        tokens_file=str(tokens_file(directory / "tokens.json")),
        audit_log=str(directory / "audit.log"),
        log_level="debug",
    )


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[HttpServer]:
    with http_server(two_tenants(directory / "data"), *_flags(directory)) as running:
        yield running


@pytest.mark.requirement("KL-S-9")
@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize("era", ERAS)
def test_a_good_token_is_let_in_and_named_in_the_audit_log(server: HttpServer, directory: Path, era: str) -> None:
    good = token(private_key("EC"), "ec", sub=f"alice-{era}")
    answer = ask(server.port, "tools/call", LIST, era, good)
    lines = [json.loads(line) for line in (directory / "audit.log").read_text().splitlines()]

    assert answer.status == 200
    assert [line["tool"] for line in lines if line["caller"] == f"jwt:claude/alice-{era}"] == ["list_namespaces"]


def _oversized() -> str:
    return token(note="x" * 40_000)


ATTACKS: dict[str, tuple[Callable[[], str], str]] = {
    "expired": (lambda: token(exp=NOW - 60), "has expired"),
    "not yet valid": (lambda: token(nbf=NOW + 3600), "not valid yet"),
    "issued in the future": (lambda: token(iat=NOW + 3600), "not valid yet"),
    "wrong issuer": (lambda: token(iss="https://evil.example"), "KL_MCP_JWT_ISSUER"),
    "wrong audience": (lambda: token(aud="https://other.example.com/mcp"), "KL_MCP_JWT_AUDIENCE"),
    "alg none": (unsigned, "not signed in a way"),
    "HS256 with the public key": (signed_with_the_public_key, "not signed in a way"),
    "foreign key": (lambda: token(private_key("RSA", 9)), "does not match"),
    "unknown kid": (lambda: token(private_key("RSA", 9), "other"), "not in the issuer's key set"),
    "kid is a path": (lambda: token(private_key("RSA", 9), "../../../../dev/null"), "not in the issuer's key set"),
    "kid is a URL": (lambda: token(private_key("RSA", 9), "http://127.0.0.1:9/k"), "not in the issuer's key set"),
    "kid has a line break": (lambda: token(private_key("RSA", 9), "rsa\r\nX: y"), "not in the issuer's key set"),
    "brings its key": (
        lambda: token(private_key("RSA", 9), headers={"jwk": jwk(private_key("RSA", 9), "rsa")}),
        "does not match",
    ),
    "changed claims": (lambda: tampered(token(), sub="mallory"), "does not match"),
    "empty signature": (lambda: written({"alg": "RS256", "kid": "rsa"}, claims()), "does not match"),
    "oversized": (_oversized, "longer than"),
    "deeply nested header": (lambda: written({"alg": "RS256", "kid": "rsa", "x": _nested()}, claims(), b"x"), "match"),
    "no JWT": (lambda: NOBODY, "KL_MCP_TOKENS_FILE, KL_MCP_JWT_ISSUER"),
}


def _nested() -> object:
    nested: object = 1
    for _ in range(500):
        nested = [nested]
    return nested


@pytest.mark.requirement("KL-S-9")
@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_bad_token_is_answered_401_with_the_reason_and_where_to_get_a_good_one(
    server: HttpServer, era: str, attack: str
) -> None:
    make, said = ATTACKS[attack]
    presented = make()
    answer = ask(server.port, "tools/call", LIST, era, presented)
    challenge = answer.headers["WWW-Authenticate"]

    assert answer.status == 401
    assert said in answer.json["error_description"]
    assert challenge.startswith('Bearer realm="kubeledger", error="invalid_token", error_description="')
    assert f'resource_metadata="{METADATA}"' in challenge
    assert 'scope="ledger:read"' in challenge
    assert not [part for part in presented.split(".") if len(part) > 3 and part.encode() in answer.body]


@pytest.mark.requirement("KL-S-5")
def test_a_header_too_large_for_http_is_a_client_error_too(server: HttpServer) -> None:
    assert 400 <= ask(server.port, "tools/call", LIST, token="x" * 60_000).status < 500


@pytest.mark.requirement("KL-S-9")
@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize("granted", ["", "ledger:reads", "other"])
def test_a_token_without_the_scope_is_answered_403_naming_it(server: HttpServer, granted: str) -> None:
    answer = ask(server.port, "tools/call", LIST, token=token(scope=granted))
    challenge = answer.headers["WWW-Authenticate"]

    assert answer.status == 403
    assert answer.json["error"] == "insufficient_scope"
    assert "KL_MCP_JWT_REQUIRED_SCOPES" in answer.json["error_description"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="ledger:read"' in challenge
    assert f'resource_metadata="{METADATA}"' in challenge


@pytest.mark.requirement("KL-S-5")
def test_a_request_without_token_is_told_of_no_error_but_of_the_metadata(server: HttpServer) -> None:
    answer = ask(server.port, "tools/call", LIST)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="kubeledger", resource_metadata="{METADATA}", scope="ledger:read"'
    )


@pytest.mark.requirement("KL-S-5")
def test_a_token_anywhere_but_in_one_authorization_header_is_not_accepted(server: HttpServer) -> None:
    good = token()
    for path in (f"/metrics?access_token={good}", f"/metrics?token={good}", f"/metrics?authorization=Bearer%20{good}"):
        assert send(server.port, path, {}, method="GET").status == 401
    for headers in ({"Cookie": f"access_token={good}"}, {"X-Authorization": f"Bearer {good}"}):
        assert send(server.port, "/metrics", headers, method="GET").status == 401
    assert send(server.port, "/metrics", {"Authorization": f"DPoP {good}"}, method="GET").status == 401
    assert send(server.port, "/metrics", bearer(good), method="GET").status == 200


@pytest.mark.requirement("KL-S-5")
@pytest.mark.parametrize("number", [0, 1])
def test_two_authorization_headers_are_refused_whichever_is_good(server: HttpServer, number: int) -> None:
    import http.client

    presented = [NOBODY, NOBODY]
    presented[number] = token()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=LIMIT_SECONDS)
    try:
        connection.putrequest("GET", "/metrics")
        for each in presented:
            connection.putheader("Authorization", f"Bearer {each}")
        connection.endheaders()
        assert connection.getresponse().status == 401
    finally:
        connection.close()


@pytest.mark.requirement("KL-S-5")
def test_tokens_of_the_file_need_no_scope_and_work_beside_jwts(server: HttpServer) -> None:
    assert ask(server.port, "tools/call", LIST, token=FINANCE).status == 200


@pytest.mark.requirement("KL-S-5")
def test_no_part_of_any_token_is_ever_logged(tmp_path: Path) -> None:
    presented = [token(), token(scope="none"), *(make() for make, _ in ATTACKS.values())]
    with turned_server(two_tenants(tmp_path / "data"), *_flags(tmp_path)) as server:
        for each in presented:
            ask(server.port, "tools/call", LIST, token=each)
            server.turn(7)  # of many in a minute, ten would be logged
        marker = ask(server.port, "tools/call", {"name": "get_usage", "arguments": {"namespace": "no"}}, token=FINANCE)
        eventually(lambda: any("tool=get_usage" in line for line in list(server.log)))
    logged = "\n".join(server.log) + (tmp_path / "audit.log").read_text()

    assert marker.status == 200
    assert logged.count("Refused a request from 127.0.0.1: ") == len(presented) - 1
    assert "Refused a request from 127.0.0.1: The token has expired." in logged
    assert [part for each in presented for part in each.split(".") if len(part) > 8 and part in logged] == []
    assert not [line for line in server.log if "Traceback" in line]


def _status(server: HttpServer, presented: str) -> int:
    return ask(server.port, "tools/call", LIST, token=presented).status


@pytest.mark.requirement("KL-S-5")
def test_a_rotated_key_is_accepted_at_once_and_the_old_one_no_longer(tmp_path: Path) -> None:
    publish(tmp_path / "data", 1)
    old, new = token(private_key("RSA"), "old"), token(private_key("EC"), "new")
    path = key_set_file(tmp_path / "keys.json", key_set(jwk(private_key("RSA"), "old")))
    with turned_server(tmp_path / "data", *jwt_flags(path)) as server:
        assert (_status(server, old), _status(server, new)) == (200, 401)
        key_set_file(path, key_set(jwk(private_key("RSA"), "old"), jwk(private_key("EC"), "new")))
        assert (_status(server, new), _status(server, old)) == (200, 200)
        key_set_file(path, key_set(jwk(private_key("EC"), "new")))
        server.turn(2)
        assert _status(server, old) == 401
        key_set_file(path, b"broken")
        server.turn(2)
        assert _status(server, new) == 200
        eventually(lambda: any("stay in force" in line for line in list(server.log)))


@pytest.mark.requirement("KL-S-9")
@pytest.mark.requirement("KL-S-5")
def test_while_the_issuer_is_down_jwts_are_answered_503_and_accepted_as_soon_as_it_is_back(tmp_path: Path) -> None:
    publish(tmp_path / "data", 1)
    tokens = tokens_file(tmp_path / "tokens.json")
    answers: list[KeysAnswer] = [KeysAnswer(500)]
    good = token()
    with (
        serving(lambda _: answers[-1]) as issuer,
        turned_server(tmp_path / "data", *jwt_flags(f"{issuer.url}/keys", tokens_file=str(tokens))) as server,
    ):
        answer: Answer = ask(server.port, "tools/call", LIST, token=good)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.json["error"] == "temporarily_unavailable"
        assert "KL_MCP_JWT_JWKS" in answer.json["error_description"]
        assert (_status(server, FINANCE), _status(server, NOBODY)) == (200, 401)
        assert any("answered 500" in line and "answered 503" in line for line in server.log)

        answers.append(KeysAnswer(body=key_set()))
        server.turn(RETRY_SECONDS)
        eventually(lambda: _status(server, good) == 200)
        metrics = send(server.port, "/metrics", bearer(FINANCE), method="GET").body.decode()
        answers.append(KeysAnswer(500))
        for number in range(20):
            assert _status(server, token(kid=f"guess-{number}")) == 401
        assert _status(server, good) == 200
        fetched = len(issuer.requests)

    assert 'kubeledger_mcp_key_set_reads_total{outcome="failed"}' in metrics
    assert 'kubeledger_mcp_key_set_reads_total{outcome="read"} 1.0' in metrics
    assert fetched == 2  # one while it was down, one when it was back, none for the guesses in 30 s


@pytest.mark.requirement("KL-S-5")
def test_a_key_set_file_that_cannot_be_used_is_one_clear_line_and_exit_code_2(tmp_path: Path) -> None:
    import subprocess
    import sys

    from tests.support.mcp_clients import environment

    path = key_set_file(tmp_path / "keys.json", b'{"keys": [], "keys": []}')
    command = [sys.executable, "-m", "kl_mcp", "--data-dir", str(tmp_path), "--port", "0", *jwt_flags(path)]
    ended = subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=LIMIT_SECONDS, check=False
    )

    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert str(path) in line
    assert "twice" in line
    assert RESOURCE not in line
