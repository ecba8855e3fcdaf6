"""How many connections there is room for, by the number of files that this process may have open."""

import logging
import resource
from dataclasses import dataclass

from kl_mcp.protocol.subscriptions import MAX_SUBSCRIPTIONS

logger = logging.getLogger(__name__)

MAX_OPEN_FILES = 65_536
"""More than this is never asked for: some systems know no upper limit, and programs count up to it."""
RESERVED_FILES = 64
"""For the dataset, the audit log, keys, listening sockets, and for probes that are being answered."""
MAX_WAITING_CONNECTIONS = 512
"""Connections without a request that is being answered. One with TLS takes 300 KiB, most of it asyncio's buffer."""
MIN_SUBSCRIPTIONS = 16
WANTED_FILES = MAX_WAITING_CONNECTIONS + MAX_SUBSCRIPTIONS + RESERVED_FILES


@dataclass(frozen=True, slots=True)
class Room:
    """The most connections that may wait for their clients, requests that may be answered, and open subscriptions."""

    requests: int
    waiting: int = MAX_WAITING_CONNECTIONS
    subscriptions: int = MAX_SUBSCRIPTIONS


def raised_limit() -> int:
    """Return the number of files that may be open, raised as far as this process may raise it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_OPEN_FILES if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        logger.warning("The limit of %d open files cannot be raised: %s", soft, error)
        return soft
    return wanted


def room_within(limit: int, max_requests: int) -> Room:
    """Return what fits into `limit` open files beside `max_requests` that are being answered.

    Subscriptions stay open for hours, so they get what the others leave.
    """
    if limit >= WANTED_FILES + max_requests:
        return Room(max_requests)
    available = max(limit - RESERVED_FILES, 0)
    waiting = min(MAX_WAITING_CONNECTIONS, available * 8 // 15)
    requests = max(min(max_requests, available * 4 // 15), 1)
    room = Room(requests, waiting, min(MAX_SUBSCRIPTIONS, max(MIN_SUBSCRIPTIONS, available - waiting - requests)))
    logger.warning(
        "This process may have %d files open, so it answers at most %d requests at once and has at most %d "
        "subscriptions: raise the limit (ulimit -n) to %d for %d and %d.",
        *(limit, room.requests, room.subscriptions, WANTED_FILES + max_requests, max_requests, MAX_SUBSCRIPTIONS),
    )
    return room
