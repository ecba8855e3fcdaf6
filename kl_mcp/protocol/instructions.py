"""What the server tells an assistant before the first call. Clients cut it at 2,048 characters."""

INSTRUCTIONS = """\
KubeLedger is the record of what a Kubernetes cluster's capacity was used for, per namespace: 7 days by the hour \
(hourly_7d), 14 days by the day (daily_14d), 12 months by the month (monthly_12m). Metrics: cpu, memory, gpu, \
gpu_memory. usage is what was consumed, requests what the scheduler set aside. Amounts are core-hours, GiB-hours, \
GPU-hours; cost_model=normalized gives per cent of capacity, costs money (metric=total: all of it). Tools only read.

Call describe_dataset first: metrics, scales, cost model, currency, freshness. Then one call usually answers: \
get_top_consumers (who uses most), get_namespace_breakdown (how it divides, idle, the bill), get_efficiency (usage ÷ \
requests; below 0.5 is over-provisioned), get_timeseries (by the hour, with the peak), get_usage (by day or month), \
compare_periods (trends, movers), group_namespaces (globs such as team-*). \
Mind date: latest is one bucket, often today or this month and still open; all is the whole scale; else a bucket \
(2026-11-21T14:00:00Z, 2026-11-21, 2026-11), a range FIRST..LAST or a word (last_week, last_7d), in UTC. Days and \
months go back as far as the record.

Read metadata before you state a number: unit and currency; data_window (partial: its last bucket is open; compare it \
with compare_periods, over the same hours); last_sample_utc and warnings (stale data, gaps, unknown values: tell the \
user); coverage; sharing (whether costs were spread); truncated (rows left out, and the cursor for more). Totals cover \
everything, listed or not; exclude_system shortens a list and changes no total. null is unknown, never zero. \
Idle and non-allocatable capacity are special entries, not namespaces. share_pct is of all namespaces, \
cluster_share_pct of the cluster.

A wrong argument is answered with what is allowed and with a corrected call that works: make that call. The \
resource kubeledger://accounting explains how a number comes about.
"""
