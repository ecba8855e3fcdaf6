"""A small OAuth authorization server on loopback: discovery, registration, codes with PKCE, client credentials.

It agrees to everything and signs access tokens for the `resource` that was asked for (RFC 8707).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.issuer import Private, jwk, token

CLIENT_ID, CLIENT_SECRET = "robot", "robots-secret"


@dataclass
class AuthorizationServer:
    """`url` is the issuer; `asked` holds the path of each request, `granted` what each token was made for."""

    url: str
    key: Private
    kid: str
    claims: Mapping[str, Any]
    asked: list[str] = field(default_factory=list)
    granted: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        """RFC 8414."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "registration_endpoint": f"{self.url}/register",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        }

    def authorize(self, query: Mapping[str, str]) -> str:
        """Where the browser is sent with a code."""
        code = secrets.token_urlsafe()
        self.codes[code] = dict(query)
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def grant(self, form: Mapping[str, str], authorization: str) -> dict[str, Any] | None:
        """The answer of the token endpoint; None for a request that it refuses."""
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"])
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            if asked["code_challenge"] != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
                return None
            client, scope, subject = form["client_id"], asked.get("scope", ""), "alice"
        else:
            basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            if authorization != f"Basic {basic}":
                return None
            client, scope, subject = CLIENT_ID, form.get("scope", ""), CLIENT_ID
        self.granted.append({"client": client, "scope": scope, "resource": form["resource"]})
        about = {"client_id": client, "sub": subject, "scope": scope, "aud": form["resource"], **self.claims}
        signed = token(self.key, self.kid, iss=self.url, **about)
        return {"access_token": signed, "token_type": "Bearer", "expires_in": 600, "scope": scope}

    def keys(self) -> dict[str, Any]:
        """RFC 7517."""
        return {"keys": [jwk(self.key, self.kid, use="sig")]}


def _handler(server: AuthorizationServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            server.asked.append(parts.path)
            if parts.path == "/.well-known/oauth-authorization-server":
                self._answer(200, server.metadata())
            elif parts.path == "/keys":
                self._answer(200, server.keys())
            elif parts.path == "/authorize":
                self._answer(302, {}, Location=server.authorize(_flat(parts.query)))
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            server.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path == "/register":
                self._answer(201, {**json.loads(body), "client_id": "registered", "token_endpoint_auth_method": "none"})
            elif self.path == "/token":
                granted = server.grant(_flat(body), self.headers.get("Authorization", ""))
                self._answer(400 if granted is None else 200, granted or {"error": "invalid_grant"})
            else:
                self._answer(404, {})

        def _answer(self, status: int, document: object, **headers: str) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    return Handler


def _flat(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}


@contextmanager
def authorization_server(key: Private, kid: str = "current", **claims: Any) -> Iterator[AuthorizationServer]:
    """A server for the length of a `with` block; its tokens carry `claims` besides."""
    listening = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server = AuthorizationServer(f"http://127.0.0.1:{listening.server_address[1]}", key, kid, claims)
    listening.RequestHandlerClass = _handler(server)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
