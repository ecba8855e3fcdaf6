"""A system that has no thread left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_thread_left() -> Iterator[None]:
    """Let every thread that begins need more memory than any system has."""
    threading.stack_size(1 << 47)
    try:
        yield
    finally:
        threading.stack_size(0)
