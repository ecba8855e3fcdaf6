"""What the server tells an assistant before the first call. Clients cut it at 2,048 characters."""

INSTRUCTIONS = """\
KubeLedger is the system of record for what a Kubernetes cluster's capacity was used for, per namespace: the last 7 \
days by the hour (hourly_7d), 14 days by the day (daily_14d), 12 months by the month (monthly_12m). Metrics are cpu, \
memory, gpu and gpu_memory; usage is what was consumed, requests is what the scheduler set aside. All tools only read.

Call describe_dataset first: it says which metrics, scales, cost model and currency there are, and how fresh they \
are. One call then usually answers: get_top_consumers and get_namespace_breakdown for who uses how much, \
get_efficiency for usage against requests (below 0.5 is over-provisioned), get_timeseries for an hourly series, \
compare_periods for trends and movers, group_namespaces for globs such as team-*. Accumulated amounts are core-hours, \
GiB-hours and GPU-hours.

Every answer has a metadata block. Read it before you state a number: unit and currency; data_window (UTC; an open \
bucket is partial and must not be compared with a whole one as it stands); last_sample_utc and warnings (stale data, \
gaps); coverage; truncated (what was left out, and the cursor that continues the list). null means unknown, never \
zero. Idle and non-allocatable capacity are special entries, not namespaces; share_pct is of all namespaces, \
cluster_share_pct of the cluster's capacity. Leaving system namespaces out of a list does not take them out of totals.

A wrong argument is answered with what was allowed and the nearest valid values: correct the call and repeat it.
"""
