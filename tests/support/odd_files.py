"""Puts what is no regular file of its folder in the place of one."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from tests.support.patience import LIMIT_SECONDS

T = TypeVar("T")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    # The name of a socket is short, and that of a test's directory is not.
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as unbound:
            unbound.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


def _link_to_a_pipe(path: Path) -> None:
    target = path.with_name(f"{path.name}.pipe")
    os.mkfifo(target)
    path.symlink_to(target.name)


def _link_to_a_file_outside(path: Path) -> None:
    outside = path.parent.parent / f"outside-{path.name}"
    outside.write_text("{}")
    path.symlink_to(outside)


PIPE = "it is a named pipe, not a regular file"
OUTSIDE = "it is a link that leads out of "

ODD: Mapping[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (_pipe, PIPE),
    "directory": (Path.mkdir, "it is a directory, not a regular file"),
    "socket": (_socket, "it is a socket, not a regular file"),
    "link to a pipe": (_link_to_a_pipe, PIPE),
    "link to its folder": (lambda path: path.symlink_to("."), "it is a directory, not a regular file"),
    "link to a device": (lambda path: path.symlink_to("/dev/null"), OUTSIDE),
    "link to a file outside": (_link_to_a_file_outside, OUTSIDE),
    "link to nothing outside": (lambda path: path.symlink_to("../nowhere"), OUTSIDE),
    "link to itself": (
        lambda path: path.symlink_to(path.name),
        "it is a link that cannot be followed, not a regular file",
    ),
}
"""By what it is: what puts it at a path, and what is said of it."""


def put_odd(path: Path, what: str) -> str:
    """Replace the file at `path`, where there is one, by something odd. Returns what is said of it."""
    path.unlink(missing_ok=True)
    put, says = ODD[what]
    put(path)
    return says


def without_waiting(work: Callable[[], T]) -> T:
    """The result of `work`. Fails, rather than waits for ever, where that waits for somebody to write into a pipe."""
    results: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 -- raised again below
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT_SECONDS)
    if raised:
        raise raised[0]
    assert results, "it waits for somebody to write into a pipe"
    return results[0]
