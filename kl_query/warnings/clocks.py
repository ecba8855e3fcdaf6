"""Clocks that disagree: until when numbers go, or how old they are, is then in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kl_query.warnings.codes import Code
from kl_query.warnings.observation import duration
from kl_query.warnings.warning import DataWarning, Plain, warning

_SAID_BY: Mapping[str, Plain] = {
    "api_server": Plain("the API server's clock"),
    "boot_clock": Plain("the time since its last tick"),
    "newest_sample": Plain("its newest sample"),
}


def collector_clock(since: Plain, ahead: float, contradicted_by: Sequence[str]) -> DataWarning:
    """Say that the collector takes no samples, its clock being some seconds ahead; behind, where that is negative."""
    return warning(
        Code.COLLECTOR_CLOCK,
        "No samples since {since}: the collector's clock is {length} {where} by {witnesses}. It goes on once its clock "
        "is right; `kl-collector health` says what to do.",
        since=since,
        length=duration(abs(ahead)),
        where=Plain("ahead" if ahead > 0 else "behind"),
        witnesses=Plain(" and ".join(_SAID_BY.get(witness, "another clock") for witness in contradicted_by)),
    )


def clocks_disagree(ahead: float) -> DataWarning:
    """Say that the newest sample lies some seconds ahead of the server's clock."""
    return warning(
        Code.CLOCKS_DISAGREE,
        "Clocks disagree: the newest sample lies {length} ahead of this server's clock. How old the numbers are is "
        "unknown: check the clocks of this server and of the collector.",
        length=duration(ahead),
    )
