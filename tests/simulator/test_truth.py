import numpy as np
import pytest

from simulator.faults import parse_time
from simulator.shapes import GIB, HOUR, Container, Curve, Moment, NamespaceSpec, NodeSpec, PodGroup
from simulator.truth import Truth
from simulator.workload import Workload

ORIGIN = parse_time("2026-01-01T00:00:00Z")
LAST = parse_time("2026-03-02T10:30:00Z")


def tiny() -> Workload:
    """4 cores of one node; `steady` uses 1 core and 2 GiB, `kube-night` uses 2 cores from 00:00 to 06:00 only."""
    night = tuple(1.0 if hour < 6 else 0.0 for hour in range(24))

    def pods(millicores: int) -> tuple[PodGroup, ...]:
        return (PodGroup("app", "Deployment", (Container("app", "app:1", millicores, 1024),)),)

    steady = NamespaceSpec("steady", Curve(1.0, ripple=0.3), Curve(2.0 * GIB, ripple=0.1), pods(2500))
    kube_night = NamespaceSpec("kube-night", Curve(2.0, night, ripple=0.0), Curve(0.0), pods(250))
    late = NamespaceSpec("late", Curve(3.0, ripple=0.0), Curve(0.0), (), since=Moment(2, 26 * HOUR + 1200))
    node = NodeSpec("n", "worker", 4, 16, 500, 1024)
    return Workload(ORIGIN, (steady, kube_night, late), (node,), ())


def truth() -> Truth:
    return Truth(tiny(), ORIGIN, LAST)


def test_buckets_of_the_scales_end_with_the_open_one() -> None:
    hours, days, months = (truth().buckets(scale) for scale in ("hourly_7d", "daily_14d", "monthly_12m"))
    assert (len(hours), hours[0].date, hours[-1].date) == (169, "2026-02-23T10:00:00Z", "2026-03-02T10:00:00Z")
    assert (len(days), days[0].date, days[-1].date) == (15, "2026-02-16T00:00:00Z", "2026-03-02T00:00:00Z")
    assert [bucket.date[:7] for bucket in months] == ["2026-01", "2026-02", "2026-03"]
    assert [bucket.complete for bucket in months] == [True, True, False]


def test_an_open_bucket_without_an_elapsed_step_is_not_listed() -> None:
    at_midnight = Truth(tiny(), ORIGIN, parse_time("2026-03-01T00:00:00Z"))
    assert at_midnight.buckets("daily_14d")[-1].date == "2026-02-28T00:00:00Z"
    assert at_midnight.buckets("monthly_12m")[-1].date == "2026-02-01T00:00:00Z"


def test_amounts_of_months_are_hours_times_cores() -> None:
    # steady: 31 and 28 days of 24 h x 1 core; March: 24 + 10.5 h. kube-night: 6 h x 2 cores a day.
    # The ripple of the half hour: sum of cos over six of twelve steps x 0.3 / 12; computed below from its definition.
    months = truth().series("steady", "cpu", "monthly_12m")
    assert months[:2] == pytest.approx([744.0, 672.0])
    assert months[2] == pytest.approx(34.5, abs=0.3 * 6 / 12)
    assert truth().series("kube-night", "cpu", "monthly_12m") == pytest.approx([372.0, 336.0, 24.0])
    assert truth().series("steady", "memory", "monthly_12m")[:2] == pytest.approx([1488.0, 1344.0])


def test_a_namespace_born_at_20_past_has_two_thirds_of_that_hour() -> None:
    # Born 2026-03-02T02:20Z: 8 steps of 3 cores = 2 core-hours, then 3 an hour.
    buckets = truth().buckets("hourly_7d")
    series = dict(zip([bucket.date for bucket in buckets], truth().series("late", "cpu", "hourly_7d"), strict=True))
    assert series["2026-03-02T01:00:00Z"] == 0.0
    assert series["2026-03-02T02:00:00Z"] == pytest.approx(2.0)
    assert series["2026-03-02T03:00:00Z"] == pytest.approx(3.0)
    assert series["2026-03-02T10:00:00Z"] == pytest.approx(1.5)


def test_rankings_share_all_namespaces_and_the_cluster() -> None:
    # 1 March: steady 24, kube-night 12 core-hours; capacity 96. Shares 66.67 % and 25 %.
    day = parse_time("2026-03-01T00:00:00Z")
    ranking = truth().top("cpu", day, day + 24 * HOUR)
    assert [row.namespace for row in ranking] == ["steady", "late"]
    assert ranking[0].value == pytest.approx(24.0)
    assert ranking[0].share_pct == pytest.approx(100 * 24 / 36)
    assert ranking[0].cluster_share_pct == pytest.approx(25.0)
    assert truth().share_of_namespaces_pct("kube-*", "cpu", day, day + 24 * HOUR) == pytest.approx(100 / 3)
    assert truth().share_of_capacity_pct("kube-*", "cpu", day, day + 24 * HOUR) == pytest.approx(12.5)
    assert [row.namespace for row in truth().top("cpu", day, day + 24 * HOUR, 1, exclude_system=False)] == ["steady"]


def test_efficiency_is_usage_over_requests() -> None:
    # steady: 24 / 60 = 0.4; kube-night: 12 / 6 = 2; late has no pods.
    day = parse_time("2026-03-01T00:00:00Z")
    efficiencies = {name: truth().efficiency(name, "cpu", day, day + 24 * HOUR) for name in truth().namespaces}
    assert efficiencies["steady"].ratio == pytest.approx(0.4)
    assert efficiencies["kube-night"].ratio == pytest.approx(2.0)
    assert efficiencies["late"].ratio is None
    assert [each.classification for each in efficiencies.values()] == [
        "over_provisioned",
        "under_provisioned",
        "no_requests",
    ]


def test_idle_is_what_allocatable_is_left() -> None:
    # 1 March: 24 h x 3.5 allocatable cores = 84, minus 24 and 12 = 48.
    day = parse_time("2026-03-01T00:00:00Z")
    assert truth().allocatable("cpu", day, day + 24 * HOUR) == pytest.approx(84.0)
    assert truth().idle("cpu", day, day + 24 * HOUR) == pytest.approx(48.0)


def test_the_costs_of_all_capacity_add_up_to_the_bill() -> None:
    # Weights of 4 cores and 16 GiB: 4 x 0.031611 = 0.126444 and 16 x 0.004237 = 0.067792, in all 0.194236.
    # steady on 1 March at 2 a day's hour: 24 h x 2 x 0.126444 / 0.194236 x 1 / 4 = 7.811775.
    day = parse_time("2026-03-01T00:00:00Z")
    cost = truth().cost(["steady"], "cpu", day, day + 24 * HOUR, 2.0)
    assert cost == pytest.approx(24 * 2 * (0.126444 / 0.194236) / 4, rel=1e-9)
    assert truth().bill(day, day + 24 * HOUR, 2.0) == pytest.approx(48.0)


@pytest.mark.parametrize(("first_interval", "expected"), [("00:30", 1.0), ("00:35", 0.0)])
def test_a_first_hour_counts_when_half_of_its_steps_were_observed(first_interval: str, expected: float) -> None:
    # kube-night, 2 cores without ripple: from 00:30 six of twelve steps are known, which makes the hour known.
    start = parse_time(f"2026-01-01T{first_interval}:00Z")
    first = Truth(tiny(), start, ORIGIN + 3 * HOUR).series("kube-night", "cpu", "hourly_7d")[0]
    assert first == pytest.approx(2.0 * expected)


def test_the_trajectory_names_its_months() -> None:
    assert [date for date, _ in truth().trajectory("steady", "cpu")] == ["2026-01", "2026-02", "2026-03"]


def test_a_year_of_the_standard_cluster_matches_its_hourly_functions() -> None:
    # search in a week without births: sum of the hourly function over 168 hours.
    last = parse_time("2026-11-21T14:00:00Z")
    workload = Workload(parse_time("2025-10-01T00:00:00Z"))
    year = Truth(workload, parse_time("2025-11-01T00:00:00Z"), last)
    curve = workload.namespace("search").cpu
    start = last - 168 * HOUR
    expected = float(curve.hourly(np.arange(start // HOUR, last // HOUR), workload.origin).sum())
    assert year.amount("search", "cpu", start, last) == pytest.approx(expected, rel=1e-12)
    assert len(year.buckets("monthly_12m")) == 13
    assert "legacy-crm" in year.namespaces
    assert year.metrics == ("cpu", "memory", "gpu", "gpu_memory")
