"""That clients in the sandbox reach the server, and nothing else where the machine permits that."""

from __future__ import annotations

import pytest

from tests.clients.sandbox import Sandbox

pytestmark = pytest.mark.clients

# An address of the documentation range: where there is a route at all, nobody answers.
TRY = """
const [url] = process.argv.slice(1);
const answer = await fetch(url).then((response) => response.status, () => "refused");
const net = await import("node:net");
const outside = await new Promise((resolve) => {
  const socket = net.connect({ host: "192.0.2.1", port: 443, timeout: 2000 });
  socket.on("error", (error) => resolve(error.code)).on("timeout", () => resolve("route"));
});
console.log(answer, outside);
process.exit();
"""


def test_the_server_answers_and_there_is_no_way_out(sandbox: Sandbox) -> None:
    if not sandbox.enter:
        pytest.skip("this machine lets no process have a network of its own")
    done = sandbox.run("node", "--input-type=module", "-e", TRY, sandbox.url)
    assert done.stdout.split() == ["405", "ENETUNREACH"], done.stderr
