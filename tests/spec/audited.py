"""`python -m tests.spec.audited`: $AUDITED (kl_mcp by default), writing what it does to files, sockets and processes.

One line an event in $AUDIT_LOG: `open PATH`, `write PATH`, or the audit event's own name and arguments.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
CHANGING = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
REACHING_OUT = (
    "socket.bind",
    "socket.connect",
    "socket.sendto",
    "socket.sendmsg",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
)


def audit(log: int) -> None:
    """Report to the descriptor `log` from now on."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, int):  # a descriptor, whose opening was an event of its own
                return
            line = f"{'write' if flags & WRITING else 'open'} {path}"
        elif event in CHANGING or event in REACHING_OUT:
            line = f"{event} {arguments!r}"
        else:
            return
        os.write(log, line.encode(errors="replace") + b"\n")

    sys.addaudithook(hook)


def main() -> int:
    """Run the program under audit."""
    audit(os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    code: int = import_module(f"{os.environ.get('AUDITED', 'kl_mcp')}.cli").main()
    return code


if __name__ == "__main__":
    sys.exit(main())
