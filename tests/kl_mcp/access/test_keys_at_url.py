"""Keys from an address: a real server that is well, down, slow, huge, or talks nonsense."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from kl_core.errors import SettingsError
from kl_mcp.access import keys_at_url
from kl_mcp.access.jwks import MAX_SET_BYTES, KeySet
from kl_mcp.access.key_sources import EMPTY, FAILED, KEPT_SECONDS, LAPSED, READ
from kl_mcp.access.keys_at_url import FETCH_SECONDS, REFRESH_SECONDS, RETRY_SECONDS, UNKNOWN_KEY_SECONDS, KeysAtUrl
from tests.support.certificates import self_signed
from tests.support.counted import Counted
from tests.support.issuer import jwk, key_set, private_key
from tests.support.patience import LIMIT_SECONDS, until
from tests.support.scripted_http import Answer, Request, closed_port, serving

T = TypeVar("T")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_at_url, "FETCH_SECONDS", LIMIT_SECONDS)


def _during(keys: KeysAtUrl, work: Callable[[], Awaitable[T]]) -> T:
    async def run() -> T:
        async with keys.kept_fresh():
            return await work()

    return anyio.run(run)


def _first_attempt(url: str, reads: Counted | None = None) -> KeySet | None:
    keys = KeysAtUrl(url, Counted() if reads is None else reads)

    async def current() -> KeySet | None:
        return keys.current()

    return _during(keys, current)


def test_the_keys_are_there_when_the_server_starts_to_answer() -> None:
    reads = Counted()
    with serving(lambda _: Answer(body=key_set())) as server:
        found = _first_attempt(f"{server.url}/keys", reads)

    assert found is not None
    assert [key.kid for key in found.keys] == ["rsa", "ec"]
    assert reads == {READ: 1}
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_certificates_are_checked_against_the_trust_store_that_ssl_cert_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = self_signed(tmp_path)
    with serving(lambda _: Answer(body=key_set()), tls=(certificate, key)) as server:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        assert _first_attempt(f"{server.url}/keys") is None
        assert "certificate verify failed" in caplog.text

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert _first_attempt(f"{server.url}/keys") is not None


def test_a_trust_store_that_is_not_there_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(SettingsError, match="Check SSL_CERT_FILE"):
        KeysAtUrl("https://login.example.com/keys", Counted())


def test_an_address_that_cannot_be_asked_is_named_at_the_start() -> None:
    with pytest.raises(SettingsError, match="KL_MCP_JWT_JWKS must be an https URL"):
        KeysAtUrl("https://login.example.com/\x01", Counted())


@pytest.mark.parametrize("host", ["exa mple.invalid", "a..b", "[::1%25nowhere]", "x" * 300])
def test_a_host_that_cannot_exist_leaves_none_and_is_logged(host: str, caplog: pytest.LogCaptureFixture) -> None:
    reads = Counted()

    assert _first_attempt(f"https://{host}/keys", reads) is None
    assert reads == {FAILED: 1}
    assert "KL_MCP_JWT_JWKS" in caplog.text
    assert "Traceback" not in caplog.text


def test_keys_over_plain_http_on_this_machine_go_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(lambda _: Answer(body=key_set())) as server, serving(lambda _: Answer(500)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert _first_attempt(f"{server.url}/keys") is not None
    assert proxy.requests == []


def _elsewhere(_request: Request) -> Answer:
    return Answer(302, headers={"Location": "http://127.0.0.1:9/keys"})


TOO_LATE = "did not arrive within"
BOMB = gzip.compress(b" " * 50_000_000)
UNUSABLE: list[tuple[Callable[[Request], Answer], str]] = [
    (lambda _: Answer(500, key_set()), "answered 500"),
    (lambda _: Answer(401, b"no"), "answered 401"),
    (lambda _: Answer(204), "answered 204"),
    (_elsewhere, "not followed"),
    (lambda _: Answer(301, key_set(), {"Location": "https://example.com/keys"}), "not followed"),
    (lambda _: Answer(body=b"<html>sign in</html>"), "not JSON"),
    (lambda _: Answer(body=b'{"issuer": "https://login.example.com"}'), "must be a JSON Web Key Set"),
    (lambda _: Answer(body=b'{"keys": [], "keys": []}'), "twice"),
    (lambda _: Answer(body=b"\xff\xfe\0"), "not JSON"),
    (lambda _: Answer(body=b" " * (MAX_SET_BYTES + 1)), "larger than"),
    (lambda _: Answer(body=b" " * 20_000_000), "larger than"),
    (lambda _: Answer(body=BOMB, headers={"Content-Encoding": "gzip"}), "not JSON"),
    (lambda _: Answer(body=key_set(), length=100_000), "cannot be fetched"),
    (lambda _: Answer(body=key_set(), chunked=True, length=5), "cannot be fetched"),
    (lambda _: Answer(body=key_set(), delay_sec=0.05, chunk_bytes=1), TOO_LATE),
    (lambda _: Answer(body=key_set(), delay_sec=LIMIT_SECONDS), TOO_LATE),
]


@pytest.mark.parametrize(("script", "said"), UNUSABLE)
def test_an_answer_that_is_no_key_set_leaves_none_and_is_logged_and_counted(
    script: Callable[[Request], Answer], said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if said == TOO_LATE:
        monkeypatch.setattr(keys_at_url, "FETCH_SECONDS", 0.5)
    reads = Counted()
    with serving(script) as server:
        address = server.url.replace("://", "://user:hunter2@") + "/keys?api_key=hunter3"
        assert _first_attempt(address, reads) is None

    assert reads == {FAILED: 1}
    assert said in caplog.text
    assert f"{server.url}/keys (KL_MCP_JWT_JWKS)" in caplog.text
    assert "answered 503" in caplog.text
    assert "hunter" not in caplog.text


def test_a_server_that_is_down_leaves_none(caplog: pytest.LogCaptureFixture) -> None:
    assert _first_attempt(f"http://127.0.0.1:{closed_port()}/keys") is None
    assert "cannot be fetched" in caplog.text


def _names(keys: KeysAtUrl) -> list[str | None]:
    found = keys.current()
    return [key.kid for key in found.keys] if found else []


def test_an_unknown_key_makes_the_set_be_fetched_at_most_once_in_half_a_minute() -> None:
    clock = Clock()
    served = [key_set()]
    with serving(lambda _: Answer(body=served[-1])) as server:
        keys = KeysAtUrl(server.url, Counted(), elapsed=clock)

        async def rotate() -> list[list[str | None]]:
            served.append(key_set(jwk(private_key("EC"), "next")))
            seen = []
            for passed in (0.0, UNKNOWN_KEY_SECONDS - 0.1, 0.1):
                clock.now += passed
                async with anyio.create_task_group() as tasks:
                    for _ in range(50):
                        tasks.start_soon(keys.renewed)
                seen.append(_names(keys))
            return seen

        assert _during(keys, rotate) == [["rsa", "ec"], ["rsa", "ec"], ["next"]]
        assert len(server.requests) == 2


@pytest.mark.requirement("KL-S-9")
@pytest.mark.parametrize("later", [Answer(500), Answer(404), Answer(body=b"nonsense"), Answer(body=b"{}")])
def test_the_keys_stay_for_five_minutes_after_the_last_fetch_that_did_not_fail(
    later: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    clock, reads = Clock(), Counted()
    answers = [Answer(body=key_set())]
    with serving(lambda _: answers[-1]) as server:
        keys = KeysAtUrl(server.url, reads, elapsed=clock)

        async def fail() -> None:
            answers.append(later)
            clock.now += UNKNOWN_KEY_SECONDS
            await keys.renewed()
            assert _names(keys) == ["rsa", "ec"]
            assert reads == {READ: 1, FAILED: 1}
            clock.now += KEPT_SECONDS - UNKNOWN_KEY_SECONDS - 0.1
            assert _names(keys) == ["rsa", "ec"]
            clock.now += 0.1
            assert keys.current() is None
            assert await keys.renewed() is None
            assert reads == {READ: 1, FAILED: 2, LAPSED: 1}

            answers.append(Answer(body=key_set()))
            clock.now += UNKNOWN_KEY_SECONDS
            assert await keys.renewed() is not None

        _during(keys, fail)
    assert caplog.text.count("stay in force until 300 s after they were last read") == 1
    assert caplog.text.count("no longer in force") == 1


@pytest.mark.requirement("KL-S-9")
def test_a_set_without_keys_withdraws_those_before_it_as_soon_as_it_is_fetched(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, reads = Clock(), Counted()
    answers = [Answer(body=key_set())]
    with serving(lambda _: answers[-1]) as server:
        keys = KeysAtUrl(server.url, reads, elapsed=clock)

        async def withdraw() -> KeySet | None:
            answers.append(Answer(body=b'{"keys": []}'))
            clock.now += UNKNOWN_KEY_SECONDS
            return await keys.renewed()

        found = _during(keys, withdraw)
    assert found is not None
    assert found.keys == ()
    assert reads == {READ: 1, EMPTY: 1}
    assert "every JWT is refused" in caplog.text


@pytest.mark.requirement("KL-S-9")
def test_keys_are_as_old_as_the_beginning_of_the_fetch_that_brought_them() -> None:
    clock = Clock()

    def slow(_request: Request) -> Answer:
        clock.now += 4
        return Answer(body=key_set())

    with serving(slow) as server:
        keys = KeysAtUrl(server.url, Counted(), elapsed=clock)

        async def grow_old() -> None:
            clock.now += KEPT_SECONDS - 4.1
            assert keys.current() is not None
            clock.now += 0.1
            assert keys.current() is None

        _during(keys, grow_old)


def test_a_few_failures_in_a_row_lock_nobody_out() -> None:
    """However long each attempt takes: the promise of five minutes leaves room for many."""
    first_retry = REFRESH_SECONDS + FETCH_SECONDS
    attempts = (KEPT_SECONDS - first_retry) / (RETRY_SECONDS + FETCH_SECONDS)

    assert attempts > 20
    assert REFRESH_SECONDS + 2 * FETCH_SECONDS == 70  # as SECURITY.md says


def test_an_attempt_that_failed_is_repeated_soon_though_there_are_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_at_url, "REFRESH_SECONDS", 0.1)
    monkeypatch.setattr(keys_at_url, "RETRY_SECONDS", 0.01)
    reads = Counted()
    answers = [Answer(body=key_set())]
    with serving(lambda _: answers[-1]) as server:
        keys = KeysAtUrl(server.url, reads)

        async def fail() -> None:
            answers.append(Answer(500))
            await until(lambda: reads[FAILED] > 0)
            monkeypatch.setattr(keys_at_url, "REFRESH_SECONDS", 3600)
            await until(lambda: reads[FAILED] >= 5)

        _during(keys, fail)


def test_the_set_is_fetched_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Down at first, then there, then with another key: each found within the time that is set for it."""
    monkeypatch.setattr(keys_at_url, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(keys_at_url, "REFRESH_SECONDS", 0.1)
    served = [b"", key_set(), key_set(jwk(private_key("EC"), "next"))]
    with serving(lambda _: Answer(body=served[0])) as server:
        keys = KeysAtUrl(server.url, Counted())

        async def watch() -> list[list[str | None]]:
            seen = [_names(keys)]
            while len(seen) < 3:
                del served[0]
                before = _names(keys)
                await until(lambda before=before: _names(keys) != before)  # type: ignore[misc]
                seen.append(_names(keys))
            return seen

        assert _during(keys, watch) == [[], ["rsa", "ec"], ["next"]]


def test_the_event_loop_turns_while_a_slow_set_is_fetched() -> None:
    """The set comes when the loop has turned."""
    asked, turned = threading.Event(), threading.Event()

    def slow(_request: Request) -> Answer:
        asked.set()
        return Answer(body=key_set()) if turned.wait(LIMIT_SECONDS / 4) else Answer(500)

    with serving(slow) as server:
        keys = KeysAtUrl(server.url, Counted())

        async def turn() -> None:
            await until(asked.is_set)
            for _ in range(20):
                await anyio.sleep(0.001)
            turned.set()

        async def run() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(turn)
                async with keys.kept_fresh():
                    assert _names(keys) == ["rsa", "ec"]

        anyio.run(run)


@pytest.mark.requirement("KL-S-9")
def test_an_error_that_nobody_foresaw_is_logged_and_the_keys_are_fetched_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keys_at_url, "RETRY_SECONDS", 0.01)
    reads = Counted()
    with serving(lambda _: Answer(body=key_set())) as server, monkeypatch.context() as patched:
        patched.setattr(keys_at_url, "parse_key_set", lambda _content: 1 // 0)
        keys = KeysAtUrl(f"{server.url}/keys", reads)

        async def mended() -> KeySet | None:
            assert (keys.current(), reads) == (None, {FAILED: 1})
            patched.undo()
            await until(lambda: reads[READ] > 0)
            return keys.current()

        assert _during(keys, mended) is not None
    assert "ZeroDivisionError" in caplog.text
