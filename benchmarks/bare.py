"""The measure of the server's speed: a bare Starlette route that reads the request and returns bytes it was given.

python -m benchmarks.bare FILE...     serves each file under its name, and says where on standard error
"""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kl_mcp.transport.sockets import listen


def application(bodies: dict[str, bytes]) -> Starlette:
    """Answers POST /NAME with the bytes of that name."""

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(bodies[request.path_params["name"]], media_type="application/json")

    return Starlette(routes=[Route("/{name}", answer, methods=["POST"])])


def main(files: list[str]) -> None:
    """Serves until it is stopped."""
    app = application({Path(file).name: Path(file).read_bytes() for file in files})
    sock = listen("127.0.0.1", 0)
    print(f"Serving http://127.0.0.1:{sock.getsockname()[1]}/", file=sys.stderr, flush=True)
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", server_header=False, proxy_headers=False)
    uvicorn.Server(config).run(sockets=[sock])


if __name__ == "__main__":
    main(sys.argv[1:])
