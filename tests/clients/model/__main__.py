"""`python -m tests.clients.model --script FILE --received FILE`: serves until killed, after printing its address.

The script is a list of `{"tool", "arguments"}`. A request that offers tools is answered with the call that comes after
as many results as it holds, and with a text after the last. RECEIVED gets a line `{"path", "body"}` for each request.
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.clients.model import APIS
from tests.clients.model.turns import Json, Sent, ToolCall

END = "That is all."
CHARS_PER_TOKEN = 4


def next_call(script: list[Json], sent: Sent) -> ToolCall | None:
    """Return the call that is due; None after the last, and where a client asks for something without tools."""
    number = len(sent.results)
    if not sent.offered or number >= len(script):
        return None
    return ToolCall(f"call_{number}", script[number]["tool"], script[number]["arguments"])


class Model(BaseHTTPRequestHandler):
    """Answers one request."""

    script: list[Json]
    received: Path

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        body, path = json.loads(text), urlsplit(self.path).path
        with self.received.open("a") as file:
            file.write(json.dumps({"path": path, "body": body}) + "\n")
        api = next((api for end, api in APIS.items() if path.endswith(end)), None)
        if api:
            due = next_call(self.script, api.sent(body))
            self.answer("text/event-stream", "".join(api.call(due) if due else api.say(END)))
        elif path.endswith("/count_tokens"):
            self.answer("application/json", json.dumps({"input_tokens": len(text) // CHARS_PER_TOKEN}))
        else:
            self.send_error(404)

    def answer(self, kind: str, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        return


def _run() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--received", type=Path, required=True)
    flags = parser.parse_args()
    Model.script, Model.received = json.loads(flags.script.read_text()), flags.received
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    _run()
