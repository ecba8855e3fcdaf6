"""Asks the server for its state and its tools, as a client does. Arguments: host and port of the Service.

A third argument, `tokens`, says that the server has to refuse a caller without one.
"""

import http.client
import json
import sys
import time
from typing import Any

TRIES = 20
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


def ask(method: str, path: str, body: object = None) -> Any:
    connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
    connection.request(method, path, json.dumps(body) if body else None, HEADERS)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status == http.client.UNAUTHORIZED and sys.argv[3:] == ["tokens"]:
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
if sys.argv[3:] == ["tokens"]:
    sys.exit("the server answered a caller without token")
if "list_namespaces" not in names:
    sys.exit("the server does not offer list_namespaces")
