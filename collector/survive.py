"""The edge of what must go on whatever happens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from kl_core.errors import KubeLedgerError

log = logging.getLogger(__name__)

T = TypeVar("T")


def survive(what: str, action: Callable[[], T], note: Callable[[Exception], object] | None = None) -> T | None:
    """Return what `action` returns, None if it failed, which is logged, and passed to `note`."""
    try:
        return action()
    except KubeLedgerError as error:
        log.error("%s failed: %s", what, error)  # noqa: TRY400 - the message is meant for the operator
        failure: Exception = error
    except Exception as error:
        # Whatever it is, the next time has its chance: history that is not taken cannot be taken later.
        log.exception("%s failed for a reason that is a defect of KubeLedger", what)
        failure = error
    if note is not None:
        note(failure)
    return None
