"""What to know of answers from files of an existing KubeLedger: windows roll, and amounts are percentages."""

from __future__ import annotations

from collections.abc import Sequence

from kl_core.vocabulary import ScaleName
from kl_query.warnings import observation
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Plain, RowId, text, warning

HOURS_PER_CENT = warning(
    Code.HOURS_PER_CENT,
    "KubeLedger writes hours as per cent of cluster capacity whatever the cost model: so are these.",
)
MEANS_OF_PERCENTAGES = warning(
    Code.MEANS_OF_PERCENTAGES,
    "Over several buckets a percentage is the mean of those that have a value, each weighted with its hours. Means "
    "over different buckets do not add up: shares are those of the sums behind them.",
)


def own_gpus(*, days_known: bool) -> DataWarning:
    """Say what amounts of GPUs are; without `days_known` those of hours alone are known."""
    return warning(
        Code.OWN_GPUS,
        "KubeLedger stores the mean over each namespace's own GPUs without their number: gpu and gpu_memory are per "
        "cent of those. Nothing adds them up or compares them between namespaces: totals, shares and rankings are "
        "null.{known}",
        known=text(
            ""
            if days_known
            else " Under this cost model its days and months hold only the share of a sum of such means, from which "
            "nothing follows: they are null; hours are known."
        ),
    )


def data_begin_unknown(scale: ScaleName, bucket: Plain, hours: float) -> DataWarning:
    """Say that the first bucket of a young installation may hold fewer hours than are counted."""
    return warning(
        Code.DATA_BEGIN_UNKNOWN,
        "In {scale} KubeLedger's data begin in {bucket} at an hour that its files do not tell: {hours:g} hours of it "
        "are counted. If it holds fewer, its efficiency and amounts per hour are higher than shown, its requests "
        "lower.",
        scale=Plain(scale),
        bucket=bucket,
        hours=hours,
    )


def window_rolls(bucket: Plain, hours: float, length: float) -> DataWarning:
    """Say that the window begins inside the oldest bucket."""
    return warning(
        Code.WINDOW_ROLLS,
        "KubeLedger's window rolls: {bucket} holds the last {hours:g} of its {length:g} hours.",
        bucket=bucket,
        hours=hours,
        length=length,
    )


def gaps_untold(since: Plain) -> DataWarning:
    """Say that gaps of earlier hours cannot be known."""
    return warning(
        Code.GAPS_UNTOLD,
        "Before {since} KubeLedger's files hold no single hours: where a namespace had a gap inside a bucket, its "
        "efficiency reads too low.",
        since=since,
    )


def partial_uncounted(bucket: Plain) -> DataWarning:
    """Say that nothing tells how many hours the last bucket holds."""
    return warning(
        Code.PARTIAL_UNCOUNTED,
        "Partial: {bucket} is the last bucket with data, and KubeLedger's files do not tell how many of its hours have "
        "any.",
        bucket=bucket,
    )


def stale(last: Plain, ago: float) -> DataWarning:
    """Say that numbers end some seconds ago."""
    return observation.stale(last, ago, text("KubeLedger polls the cluster"))


def stale_days(bucket: Plain, ended: Plain) -> DataWarning:
    """Say that nothing came after a day or month that is over."""
    return warning(
        Code.STALE_DAYS,
        "Stale: there are no hourly points of the last 7 days, and no data after {bucket}, which ended at {ended}. "
        "Check that KubeLedger still polls the cluster.",
        bucket=bucket,
        ended=ended,
    )


def last_seen_coarse(namespaces: int) -> DataWarning:
    """Say that the hour in which namespaces were last seen is unknown."""
    return warning(
        Code.LAST_SEEN_COARSE,
        "{namespaces} namespace(s) were last seen more than 7 days ago, where KubeLedger's files tell the day or the "
        "month only: last_seen is the latest it can have been.",
        namespaces=namespaces,
    )


def values_absent(names: Sequence[RowId], buckets: int, granularity: Plain) -> DataWarning:
    """Say that namespaces have no value in some buckets, which stay null and out of every sum."""
    return warning(
        Code.VALUES_ABSENT,
        "{count} namespace(s) have no value for {buckets} {granularity} bucket(s) in KubeLedger's files, which do not "
        "tell whether they were not there or not measured; their sums are over the others: {names}.",
        count=len(names),
        buckets=buckets,
        granularity=granularity,
        names=Names.of(names),
    )
