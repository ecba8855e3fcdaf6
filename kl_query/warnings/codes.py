"""Every warning there is: its code, and its words with a slot for each value.

Words may change; a code stays, and stands for one thing to know.
"""

from enum import Enum


class Code(Enum):
    """What a warning is about, and the template of its text."""

    DATASET_LOADING = "The dataset is being loaded; ask again in a few seconds."
    DIRECTORY_UNREADABLE = (
        "The data directory {directory} cannot be read ({reason}): let the user this server runs as read it and enter "
        "it."
    )
    MANIFEST_UNREADABLE = "{path} cannot be {what}."
    DIRECTORY_MISSING = (
        "The data directory {directory} {what}. Set --data-dir to the directory that kl-collector publishes to, its "
        "KL_DATA_DIR; one that is not there yet appears with its first tick, within one polling interval of its start."
    )
    MANIFEST_MISSING = (
        "{directory} holds no {manifest} yet: the collector publishes it after its first tick, within one polling "
        "interval of its start. Check that kl-collector runs and that its KL_DATA_DIR is this directory."
    )
    MANIFEST_TRUNCATED = (
        "{path} is truncated or is not the JSON of a KubeLedger dataset. The collector replaces it at its next tick; "
        "if this persists, point --data-dir at the directory the collector publishes to (KL_DATA_DIR)."
    )
    MANIFEST_MALFORMED = "{path} is not a usable dataset manifest: {fault}."
    LOAD_FAILED = "The dataset in {directory} could not be loaded ({kind}); see the log."
    EARLIER_GENERATION = "{problem} Answers come from generation {generation}, which was loaded before."
    SCALE_UNREADABLE = (
        "{problem}; answers on {scale} are empty until the collector publishes the next generation, due every "
        "{minutes} min."
    )
    INDEX_UNREADABLE = "{problem}; dates before the published scales cannot be asked for until the next generation."
    HISTORY_UNREADABLE = "{file} of the history is not used, for {problem}: what it holds is unknown here."
    BEFORE_RECORD = "The record begins at {begin}: of the {wanted:g} h that were asked for, {covered:g} h are covered."
    NODES_UNREADABLE = "{problem}; what is known of nodes is missing until the next generation is published."

    LEGACY_FILES = (
        "KubeLedger's own files: amounts are relative, so core-hours, capacity, idle and coverage are null; the hour "
        "from 23 to 24 counts to the next day, as in KubeLedger."
    )
    COST_MODEL_UNKNOWN = (
        "{directory} holds files of an existing KubeLedger whose cost model is not known: {fault}. It must contain "
        "cost_model with one of {allowed}; KubeLedger writes it when it starts."
    )
    COST_MODEL_KEPT = "{fault}; the cost model is that of the last good one."
    NO_USABLE_FILE = (
        "{directory} holds {backend} but no usable data file: KubeLedger writes them some minutes after its first "
        "sample. {faults}"
    )
    FILE_LEFT_OUT = "{fault}: its content is left out."
    FILE_KEPT = "{fault}: answers use its last good content."
    FILE_UNKNOWN = "{fault}: its content is unknown."
    ROWS_LEFT_OUT = "{file}: {rows} row(s) {why}: left out."
    DATES_LEFT_OUT = "{dates} date(s) of {scale} are unreadable or outside its window: left out."
    FILES_EMPTY = "{files} hold only empty lists: what they should contain is unknown."
    NO_FULL_HOUR_YET = (
        "KubeLedger fills its daily and monthly files after its first full hour: until then ask for hourly_7d."
    )
    NO_HOURLY_POINT = (
        "There are no hourly points: the time of the last sample, the hours with data in each bucket and efficiency "
        "are unknown."
    )
    ROWS_CONVERTED = (
        "KubeLedger does not poll every 5 minutes, so the rows that its files add up are not hours ({rows}), as the "
        "finer files show: amounts are converted to hours."
    )
    SUMS_CONTRADICT = (
        "The {coarse} in KubeLedger's files are not the sums of its {fine}, whatever the polling interval: their "
        "amounts and efficiency may be wrong."
    )

    NO_SOURCE_YET = "No source has answered yet: see the collector's log."
    NO_SOURCE_ANSWERS = (
        "No source has answered since {since}, {ago} before this call, although the collector runs: see its log. "
        "Everything after that is unknown."
    )
    STALE = "Stale: the last sample is from {last}, {ago} before this call. Numbers end there; check that {runs}."
    CLOCKS_DISAGREE = (
        "Clocks disagree: the newest sample lies {length} ahead of this server's clock. How old the numbers are is "
        "unknown: check the clocks of this server and of the collector."
    )
    COLLECTOR_CLOCK = (
        "No samples since {since}: the collector's clock is {length} {where} by {witnesses}. Sampling resumes once the "
        "clock is right; `kl-collector health` says what to do."
    )
    VERSIONS_DIFFER = (
        "The collector that published this has version {collector} and this server has version {server}: install the "
        "same version of both."
    )
    SOURCE_BEHIND = "{source} last answered at {last}; what it measures is unknown since then."
    METRICS_NEVER_ANSWERED = "metrics-server has never given a usable answer: usage is unknown, requests are not."
    NO_SAMPLE_YET = "{scale} holds no sample yet: expect the first one after the collector's next tick."
    PARTIAL_BUCKET = "Partial: the bucket {bucket} is still open and holds {hours:g} of its {length:g} hours."
    NOT_OBSERVED = "Not observed: {hours:g} h, no amount covers them: {buckets}."
    NO_GPU_SOURCE = (
        "No DCGM exporter was configured in this window (KL_NVIDIA_DCGM_ENDPOINT of the collector): what its GPUs, if "
        "any, were used for is unknown."
    )
    SOURCE_SILENT = (
        "{source} gave no usable answer for {hours:g} h: usage is unknown in each hour it missed for the most part: "
        "{buckets}."
    )
    BUCKETS_UNKNOWN = (
        "{count} namespace(s) have {buckets} {granularity} bucket(s) unknown in whole or in part; their sums leave "
        "these hours out and are too low: {names}."
    )
    PODS_UNMEASURED = (
        "Usage is known of only a part of the running pods of {count} namespace(s): it is too low, idle at most what "
        "is shown, and efficiency that of the measured part: {names}."
    )
    NOT_MEASURED = "{pods} pod(s) were not measured at the newest sample: {why}. {todo} Affected: {names}."
    BLIND_SPOT = "{description}"
    IDLE_UNKNOWN = "Idle is unknown because the usage of some namespaces is unknown in every hour: {names}.{nodes}"
    IDLE_NOT_READY = (
        "{amount:.6g} {unit} of what is idle at the newest sample are on {nodes} node(s) that are not Ready."
    )
    IDLE_NEGATIVE = (
        "Usage exceeds what is allocatable in {count} {granularity} bucket(s), so that idle is negative there: "
        "{buckets}. Usage is read at a moment of each interval and stands for all of it, also on a node that came or "
        "went within it: take a longer window."
    )
    OPEN_HOUR_LEFT_OUT = "Statistics leave out the open hour, which is shorter than the others."

    HOURS_PER_CENT = (
        "KubeLedger writes hours as per cent of cluster capacity whatever the cost model; these values are such "
        "percentages."
    )
    MEANS_OF_PERCENTAGES = (
        "Over several buckets a percentage is the mean of those that have a value, each weighted with its hours. Means "
        "over different buckets do not add up: shares are those of the sums behind them."
    )
    DATA_BEGIN_UNKNOWN = (
        "In {scale} KubeLedger's data begin in {bucket} at an hour that its files do not contain: {hours:g} hours of "
        "it are counted. If it holds fewer, its efficiency and amounts per hour are higher than shown, its requests "
        "lower."
    )
    WINDOW_ROLLS = "KubeLedger's window rolls: {bucket} holds the last {hours:g} of its {length:g} hours."
    GAPS_UNTOLD = (
        "Before {since} KubeLedger's files do not contain individual hours: where a namespace had a gap inside a "
        "bucket, its efficiency reads too low."
    )
    PARTIAL_UNCOUNTED = (
        "Partial: {bucket} is the last bucket with data, and KubeLedger's files do not say how many of its hours have "
        "any."
    )
    STALE_DAYS = (
        "Stale: there are no hourly points of the last 7 days, and no data after {bucket}, which ended at {ended}. "
        "Check that KubeLedger still polls the cluster."
    )
    LAST_SEEN_COARSE = (
        "{namespaces} namespace(s) were last seen more than 7 days ago, for which KubeLedger's files contain only the "
        "day or the month: last_seen is the latest possible time."
    )
    VALUES_ABSENT = (
        "{count} namespace(s) have no value for {buckets} {granularity} bucket(s) in KubeLedger's files, which do not "
        "say whether they did not exist or were not measured; their sums are over the other buckets: {names}."
    )
    OWN_GPUS = (
        "KubeLedger stores the mean over each namespace's own GPUs without their number: gpu and gpu_memory are per "
        "cent of those. They cannot be added up or compared between namespaces: totals, shares and rankings are "
        "null.{known}"
    )

    SORTED_BY_METRIC = (
        "Rows are sorted by {sort} within each metric, one metric after the other ({metrics}): amounts of different "
        "metrics cannot be compared."
    )
    EFFICIENCY_UNKNOWN = "Efficiency is unknown for {rows}: usage and requests are never both known in this window."
    EFFICIENCY_IN_DOUBT = "Efficiency is unknown for {rows}: usage that is attributed to no namespace may be theirs."
    REQUEST_HOURS_UNTOLD = (
        "KubeLedger's files do not say for how many hours of some buckets these namespaces had requests, as they or "
        "KubeLedger itself began, ended or paused there. Efficiency and requests leave these buckets out: {rows}."
    )
    REQUESTS_UNKNOWN = (
        "Requests are unknown in hours of known usage (history imported without them, or resource claims that could "
        "not be read) for {count} row(s); requests, efficiency and unused leave these hours out, usage does not: "
        "{rows}."
    )
    RATIOS_NULL = "{without} of {hours} hourly ratios are null: no requests, or usage unknown or unattributed."
    MONEY_UNSHARED = (
        "Usage and requests are money as KubeLedger's files hold it, without the sharing that other answers apply."
    )

    RATE_WILL_CHANGE = "The rate will change after the newest sample: {changes}."
    NO_RATE_BEFORE = "No rate was in force before {first}: those hours have no cost."
    RATE_CHANGED = "The rate changed inside this window: {changes}."
    CURRENCY_CHANGED = "The currency changed in the rate history; only amounts of the dataset's currency are shown."
    COSTS_BORNE_BY_OTHERS = (
        "The costs of these namespaces are borne by the others, so nothing is left of them here: {names}."
    )
    SHARED_COSTS_KEPT = (
        "Shared namespaces keep what they cost in this window, wholly or for some metrics: no other namespace has "
        "costs there."
    )

    CURSOR_OUTDATED = (
        "The cursor was made from an earlier generation of the dataset: values and order may have moved between pages."
    )
    OPEN_MONTH_LEFT_OUT = "The trend leaves out the open month; open_month has it, scaled by hours to its full length."
    NO_MONTHS = "There are no months to show: monthly_12m is empty."
    NO_PERIODS = (
        "There are not yet two periods to compare that are observed for at least half of their hours: movers are empty."
    )
    CHANGE_UNKNOWN = "{namespaces} namespace(s) are unknown in one of the periods: `comparison` leaves them out."
    TREND_OUTSIDE_LIFETIMES = (
        "The trend leaves out the months in which a namespace did not exist from beginning to end: {names}."
    )
    TREND_LEAVES_OUT = "The trend leaves out {count} namespace(s) unknown for half of a month or more: {names}."
    SAME_HOURS = (
        "{bucket} is still open: only its {hours} whole hours are compared, with the same hours of the other period: "
        "{span} against {baseline_span}."
    )
    OTHER_HOURS = (
        "An open period is compared with other hours than its own, because the same hours of both periods are not "
        "available: the time of day or of the month may account for a part of the change."
    )
    BASELINE_SCALED = (
        "The periods differ in {kind} ({hours:g} against {baseline_hours:g}): baseline values are scaled to those of "
        "{label}."
    )
    BASELINES_SCALED = (
        "{namespaces} namespace(s) are known for a smaller part of one period than of the other: their baseline values "
        "are scaled to the hours known in {label}."
    )
