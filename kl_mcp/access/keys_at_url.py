"""The keys of an issuer from the https address where it publishes them."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
import httpx2

from kl_core.errors import SettingsError
from kl_mcp.access.jwks import MAX_SET_BYTES, KeySet, parse_key_set
from kl_mcp.access.key_sources import KeySource

logger = logging.getLogger(__name__)

FETCH_SECONDS = 5.0
"""How long one attempt may take, from the look-up of the name to the last byte."""
REFRESH_SECONDS = 60.0
"""How long after an attempt the set is fetched again. A key that its issuer withdrew stays in force for so long and for
the time of the attempts before and after, while they succeed."""
RETRY_SECONDS = 5
"""How soon an attempt that failed is repeated."""
UNKNOWN_KEY_SECONDS = 30.0
"""How often at most a token with an unknown key makes the set be fetched before its time."""


class KeysAtUrl(KeySource):
    """A set that is fetched at the start, every minute, and when a token names a key that is not in it."""

    def __init__(
        self, url: str, count: Callable[[str], None], *, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        """Fetch nothing yet. `count` is told what comes of it, as in `KEY_SET_OUTCOMES`. Raise `SettingsError`."""
        self._url = url
        super().__init__(_without_secrets(url), count, elapsed)
        self._tried_at: float | None = None
        self._one_at_a_time = anyio.Lock()
        self._client = _client(url)

    async def renewed(self) -> KeySet | None:
        """Return the keys, fetched again unless that was tried in the last half minute, once for many callers."""
        async with self._one_at_a_time:
            if self._tried_at is None or self._elapsed() - self._tried_at >= UNKNOWN_KEY_SECONDS:
                await self._try()
            return self.in_force()

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Fetch the keys now and then; the first attempt has ended when this is entered."""
        async with self._client:
            async with self._one_at_a_time:
                await self._try()
            async with super().kept_fresh():
                yield

    async def _keep_fresh(self) -> None:
        while True:
            await anyio.sleep(RETRY_SECONDS if self.problem else REFRESH_SECONDS)
            async with self._one_at_a_time:
                await self._try()

    async def _try(self) -> None:
        """Make one attempt, which never raises. What it brings is as old as its beginning."""
        began = self._elapsed()
        try:
            with anyio.fail_after(FETCH_SECONDS):
                content = await self._fetched()
            self.accept(parse_key_set(content), began)
        except TimeoutError:
            self.fail(f"did not arrive within {FETCH_SECONDS:g} s")
        except (httpx2.HTTPError, OSError) as error:
            self.fail(f"cannot be fetched ({str(error) or type(error).__name__})")
        except ValueError as error:
            self.fail(f"cannot be used: {error}")
        except Exception:  # the server goes on with the keys it has
            logger.exception("Fetching the key set failed in a way that was not foreseen")
            self.fail("cannot be fetched")
        self._tried_at = self._elapsed()

    async def _fetched(self) -> bytes:
        """Return the body of the answer. Raise ValueError for an answer that is no key set."""
        content = bytearray()
        async with self._client.stream("GET", self._url) as response:
            if response.is_redirect:
                raise ValueError(
                    "the server sends to another address, which is not followed: set KL_MCP_JWT_JWKS to it"
                )
            if response.status_code != 200:
                raise ValueError(f"the server answered {response.status_code}")
            # Raw, because a few bytes can be decompressed to any number.
            async for part in response.aiter_raw():
                content += part
                if len(content) > MAX_SET_BYTES:
                    break
        return bytes(content)


def _client(url: str) -> httpx2.AsyncClient:
    """Certificates are checked against the trust store of the system, or SSL_CERT_FILE. Raise `SettingsError`."""
    try:
        httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise SettingsError(f"KL_MCP_JWT_JWKS must be an https URL, or the name of a file: {error}.") from None
    try:
        return httpx2.AsyncClient(
            follow_redirects=False,
            timeout=FETCH_SECONDS,
            headers={"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"},
            # Plain http is for this machine only, and no proxy may stand between.
            trust_env=urlsplit(url).scheme == "https",
        )
    except (OSError, ValueError, httpx2.InvalidURL) as error:
        raise SettingsError(
            f"KL_MCP_JWT_JWKS cannot be fetched, because the certificates to trust, or the proxy, cannot be used: "
            f"{error}. Check SSL_CERT_FILE, SSL_CERT_DIR and HTTPS_PROXY."
        ) from None


def _without_secrets(url: str) -> str:
    """Return the address without user, password and query, for the log."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
