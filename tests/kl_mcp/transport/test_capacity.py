"""How many connections there is room for. The limits of open files are those of real processes."""

from __future__ import annotations

import logging
import resource
import subprocess
import sys

import pytest

from kl_mcp.protocol.subscriptions import MAX_SUBSCRIPTIONS
from kl_mcp.transport.capacity import MAX_OPEN_FILES, MAX_WAITING_CONNECTIONS, MIN_SUBSCRIPTIONS, Room, room_within


@pytest.mark.requirement("KL-S-8")
@pytest.mark.parametrize(
    ("limit", "requests", "room"),
    [
        # 512 waiting, 512 subscriptions, 64 kept free and 256 requests: 1,344
        (MAX_OPEN_FILES, 256, Room(256, MAX_WAITING_CONNECTIONS, MAX_SUBSCRIPTIONS)),
        (1344, 256, Room(256, MAX_WAITING_CONNECTIONS, MAX_SUBSCRIPTIONS)),
        # 960 beside the 64 that are kept free: 8/15 wait, 4/15 are requests, the rest subscriptions
        (1024, 256, Room(256, 512, 192)),
        (1024, 100_000, Room(256, 512, 192)),
        # of 448: 238.9, 119.5, and 448 - 238 - 119
        (512, 256, Room(119, 238, 91)),
        # of 64: 34.1, 17.1, and 13, which is too few
        (128, 256, Room(17, 34, MIN_SUBSCRIPTIONS)),
        (32, 256, Room(1, 0, MIN_SUBSCRIPTIONS)),
    ],
)
def test_subscriptions_get_what_the_others_leave(limit: int, requests: int, room: Room) -> None:
    assert room_within(limit, requests) == room


def test_too_low_a_limit_is_warned_about_with_the_one_that_is_needed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        room_within(MAX_OPEN_FILES, 256)
        room_within(1024, 256)

    (record,) = caplog.records
    assert "at most 256 requests at once" in record.getMessage()
    assert "at most 192 subscriptions: raise the limit (ulimit -n) to 1344" in record.getMessage()


@pytest.mark.requirement("KL-S-8")
@pytest.mark.parametrize(("soft", "hard", "raised"), [(256, 900, 900), (900, 900, 900), (256, 256, 256)])
def test_the_limit_is_raised_as_far_as_the_process_may(soft: int, hard: int, raised: int) -> None:
    said = (
        "import resource; from kl_mcp.transport.capacity import raised_limit; "
        "print(raised_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", said],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [str(raised), str(raised), str(hard)]
