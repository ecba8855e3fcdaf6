"""Programs of this environment as child processes: started, watched, stopped in the reverse order."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 10.0
LOG_LINES_SHOWN = 15
_ENDING_WITH_ITS_PARENT = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()


class ProcessError(Exception):
    """A child ended or did not become ready; the message shows the end of its log."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running program and the file that its output goes to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """ProcessError if it has ended."""
        code = self.process.poll()
        if code is not None:
            raise ProcessError(f"{self.name} ended with exit code {code}. {self._last_lines()}")

    def _last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return f"The end of {self.log}:\n" + "\n".join(f"    {line}" for line in lines)

    def wait_until(self, ready: Callable[[], bool], what: str, seconds: float) -> None:
        """Returns once `ready()`; ProcessError if the program ends before, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessError(f"{self.name}: {what} took more than {seconds:g} s. {self._last_lines()}")
            time.sleep(0.05)


@contextmanager
def child(name: str, arguments: Sequence[str], log: Path, settings: Mapping[str, str] | None = None) -> Iterator[Child]:
    """`python -m ARGUMENTS` with `settings` in place of the KubeLedger variables of this process.

    It runs in a session of its own, so that a Ctrl-C reaches this process alone, which then stops it. Where this
    process ends without that, as with its terminal or by SIGKILL, the kernel asks the child to end.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_ENDING_WITH_ITS_PARENT, sys.executable, "-m", *arguments],
            env=environment(settings or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Child(name, process, log)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the process to end and insists after ten seconds."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without its KubeLedger and Kubernetes variables, plus `settings`."""
    foreign = ("KL_", "KOA_", "KUBECONFIG", "KUBERNETES_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**clean, **settings}


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(url: str) -> bool:
    """Whether `url` answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # an http URL of this machine
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
