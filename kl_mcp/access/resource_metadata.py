"""Where clients learn which authorization server to get a token from (RFC 9728)."""

from urllib.parse import unquote, urlsplit

from mcp.server.auth.handlers.metadata import ProtectedResourceMetadataHandler
from mcp.server.auth.routes import build_resource_metadata_url
from mcp.shared.auth import ProtectedResourceMetadata
from pydantic import AnyHttpUrl, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kl_core.errors import SettingsError

WELL_KNOWN = "/.well-known/oauth-protected-resource"


def normalized(resource_url: str) -> str:
    """Return the resource URL as the metadata has it: host in lower case, no default port."""
    return str(_metadata(resource_url, resource_url, ()).resource)


def url_of(resource_url: str) -> str:
    """Return the address of the metadata: the well-known path stands between host and path of the resource."""
    return str(build_resource_metadata_url(AnyHttpUrl(normalized(resource_url))))


def routes(resource_url: str, issuer: str, scopes: tuple[str, ...]) -> tuple[Route, ...]:
    """Return the routes to the metadata: its address, and the bare well-known path. Raise `SettingsError`."""
    handler = ProtectedResourceMetadataHandler(_metadata(resource_url, issuer, scopes))

    async def answer(request: Request) -> Response:
        response = Response(status_code=204) if request.method == "OPTIONS" else await handler.handle(request)
        response.headers["Vary"] = "Origin"
        # Any page that comes this far is one whose Origin the guard lets in.
        if origin := request.headers.get("origin"):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = "GET, OPTIONS"
            # The header beyond the ordinary that an MCP client in a web page sends when it looks the metadata up.
            response.headers["Access-Control-Allow-Headers"] = "MCP-Protocol-Version"
        return response

    paths = dict.fromkeys((WELL_KNOWN, unquote(urlsplit(url_of(resource_url)).path)))
    return tuple(Route(path, answer, methods=["GET", "OPTIONS"]) for path in paths)


def _metadata(resource_url: str, issuer: str, scopes: tuple[str, ...]) -> ProtectedResourceMetadata:
    try:
        return ProtectedResourceMetadata.model_validate(
            {
                "resource": resource_url,
                "authorization_servers": [issuer],
                "scopes_supported": list(scopes) or None,
                "resource_name": "KubeLedger",
            }
        )
    except ValidationError:
        raise SettingsError(
            f"KL_MCP_RESOURCE_URL={resource_url!r} and KL_MCP_JWT_ISSUER={issuer!r} must be URLs such as "
            "https://kubeledger.example.com/mcp and https://login.example.com."
        ) from None
