"""Asks the server for its state and its tools, as a client does. Argument: URL of the Service, without a path.

A second argument, `tokens`, says that the server has to refuse a caller without one. With CA_FILE in the environment,
the certificate has to be of that authority; without it, any will do: nothing secret is sent.
"""

import http.client
import json
import os
import ssl
import sys
import time
from typing import Any
from urllib.parse import urlsplit

TRIES = 20
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
SERVER = urlsplit(sys.argv[1])


def connect() -> http.client.HTTPConnection:
    host, port = str(SERVER.hostname), SERVER.port
    if SERVER.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=5)
    context = ssl.create_default_context(cafile=os.environ.get("CA_FILE"))
    if "CA_FILE" not in os.environ:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=5, context=context)


def ask(method: str, path: str, body: object = None) -> Any:
    connection = connect()
    connection.request(method, path, json.dumps(body) if body else None, HEADERS)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status == http.client.UNAUTHORIZED and sys.argv[2:] == ["tokens"]:
        sys.stdout.write("the server asks for a token\n")
        sys.exit(0)
    if answer.status != http.client.OK:
        sys.exit(f"{path} answered {answer.status}: {text}")
    return json.loads(text)


def wait() -> None:
    """Until the server lets this pod in: a policy takes a moment to be in force."""
    for _ in range(TRIES):
        try:
            state = ask("GET", "/readyz")
        except ssl.SSLCertVerificationError as error:
            sys.exit(f"the server's certificate is not good for {SERVER.hostname}: {error}")
        except OSError as error:
            sys.stdout.write(f"not yet: {error}\n")
            time.sleep(3)
        else:
            sys.stdout.write(f"ready: {state}\n")
            return
    sys.exit("the server did not answer")


wait()
client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "helm-test", "version": "1"}}
server = ask("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client})
sys.stdout.write(f"server: {server['result']['serverInfo']}\n")
tools = ask("POST", "/mcp", {"jsonrpc": "2.0", "id": 2, "method": "tools/list"})["result"]["tools"]
names = [tool["name"] for tool in tools]
sys.stdout.write(f"tools: {', '.join(names)}\n")
if sys.argv[2:] == ["tokens"]:
    sys.exit("the server answered a caller without token")
if "list_namespaces" not in names:
    sys.exit("the server does not offer list_namespaces")
