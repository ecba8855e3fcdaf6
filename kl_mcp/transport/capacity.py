"""How many connections there is room for, by the number of files that this process may have open."""

from __future__ import annotations

import logging
import resource
from dataclasses import dataclass

from kl_mcp.protocol.subscriptions import MOST_SUBSCRIPTIONS

logger = logging.getLogger(__name__)

ENOUGH = 65_536
"""More than this is never asked for: some systems know no upper limit, and programs count up to it."""
KEPT_FREE = 64
"""For the dataset, the audit log, keys, listening sockets, and for probes that are being answered."""
MOST_WAITING = 512
"""Connections without a request that is being answered. One with TLS takes 300 KiB, most of it asyncio's buffer."""
FEWEST_SUBSCRIPTIONS = 16
WANTED = MOST_WAITING + MOST_SUBSCRIPTIONS + KEPT_FREE


@dataclass(frozen=True, slots=True)
class Room:
    """The most connections that may wait for their clients, requests that may be answered, and open subscriptions."""

    requests: int
    waiting: int = MOST_WAITING
    subscriptions: int = MOST_SUBSCRIPTIONS


def raised_limit() -> int:
    """The number of files that may be open, raised as far as this process may raise it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return ENOUGH if soft == resource.RLIM_INFINITY else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        logger.warning("The limit of %d open files cannot be raised: %s", soft, error)
        return soft
    return wanted


def room_within(limit: int, most_requests: int) -> Room:
    """What fits into `limit` open files beside `most_requests` that are being answered.

    Subscriptions stay open for hours, so they get what the others leave.
    """
    if limit >= WANTED + most_requests:
        return Room(most_requests)
    there = max(limit - KEPT_FREE, 0)
    waiting = min(MOST_WAITING, there * 8 // 15)
    requests = max(min(most_requests, there * 4 // 15), 1)
    room = Room(requests, waiting, min(MOST_SUBSCRIPTIONS, max(FEWEST_SUBSCRIPTIONS, there - waiting - requests)))
    logger.warning(
        "This process may have %d files open, so it answers at most %d requests at once and has at most %d "
        "subscriptions: raise the limit (ulimit -n) to %d for %d and %d.",
        *(limit, room.requests, room.subscriptions, WANTED + most_requests, most_requests, MOST_SUBSCRIPTIONS),
    )
    return room
