"""Runs the model of a script where clients of a sandbox reach it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.clients.model import APIS
from tests.clients.model.turns import Json
from tests.clients.sandbox import FROM_CHECKOUT, Sandbox


@dataclass(frozen=True)
class ScriptedModel:
    """A running model."""

    url: str
    log: Path

    def received(self) -> list[Json]:
        """Return the bodies of the requests so far that ask it to say something."""
        requests = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [each["body"] for each in requests if each["path"].endswith(tuple(APIS))]


@contextmanager
def scripted_model(sandbox: Sandbox, script: Sequence[Json]) -> Iterator[ScriptedModel]:
    """A model that makes the calls of `script`, each `{"tool", "arguments"}`, for the length of the block."""
    path, log = sandbox.home.parent / "script", sandbox.home.parent / "received"
    path.write_text(json.dumps(script))
    log.write_text("")
    flags = ("--script", str(path), "--received", str(log))
    with sandbox.start(sys.executable, "-m", "tests.clients.model", *flags, env=FROM_CHECKOUT) as process:
        try:
            assert process.stdout is not None
            yield ScriptedModel(process.stdout.readline().strip(), log)
        finally:
            process.kill()
