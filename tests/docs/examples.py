"""The examples of docs/accounting.md, worked out by the product: API objects in, published figures and answers out.

Each function takes an empty directory and returns the amounts of its section's table by their label; None is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from collector.kubernetes.quantity import quantity
from collector.store.rates import RateChange, record
from kl_mcp.tools import TABLE
from kl_query.dataset import Dataset, load_dataset
from kl_query.dataset.model import Sharing
from kl_query.measures.sharing import shared_by
from tests.docs.gpu_examples import gpus
from tests.rules.telling import HOUR, Told, Work, at, column, filed, machine, published, special, ticks, work
from tests.sampling.jobs import Job
from tests.sampling.meters import IdealMeter
from tests.sampling.world import World
from tests.support import kubernetes_objects as api

Amounts = Mapping[str, float | None]

DAY_OF = "2026-11-21T"
ONE_HOUR = (f"{DAY_OF}13:00", f"{DAY_OF}14:00")
CPU_ONLY = {"cpu": 1.0, "memory": 0.0, "gpu": 0.0}


def ask(dataset: Dataset, tool: str, now: str, **arguments: Any) -> dict[str, Any]:
    return TABLE[tool].run(arguments, dataset, float(at(now)))


def who_is_charged(directory: Path) -> Amounts:
    phases = {
        "13:00, it waits for a node": work("jobs", asked="1", phase="Pending", node=None),
        "13:15, it is bound and pulls its image": work("jobs", asked="1", phase="Pending"),
        "13:30, it runs": work("jobs", asked="1", cores=2.0),
        "13:45, it has succeeded": work("jobs", asked="1", phase="Succeeded", cores=2.0),
    }
    samples = []
    found: dict[str, float | None] = {}
    for quarter, (label, job) in enumerate(phases.items()):
        begin = at(ONE_HOUR[0]) + 900 * quarter
        samples += ticks(Told([job]), begin, begin + 900)
        seen = samples[-1].namespaces["jobs"]
        found |= {f"{label}: requests held": seen.requests["cpu"], f"{label}: usage": seen.usage["cpu"]}
    hourly = published(directory, samples)["hourly_7d"]
    virtual = machine("aci", cores=1000, labels={"type": "virtual-kubelet"})
    elsewhere = [work("gone", asked="1", node="n9"), work("burst", asked="1", node="aci")]
    beside = Told(elsewhere, [machine(), virtual]).sample(at(ONE_HOUR[1]), HOUR)
    return {
        **found,
        "requests of the hour": column(hourly, "jobs", "requests")[0],
        "usage of the hour": column(hourly, "jobs")[0],
        "bound to a node that is gone: requests held": beside.namespaces["gone"].requests["cpu"],
        "bound to a virtual node of 1000 cores: requests held": beside.namespaces["burst"].requests["cpu"],
        "beside a virtual node of 1000 cores: capacity": beside.capacity["cpu"],
    }


def requests(directory: Path) -> Amounts:
    apps = [api.container("a", cpu="500m"), api.container("b", cpu="250m")]
    sidecar = api.container("side", restart_policy="Always", cpu="100m")
    init = [sidecar, api.container("init", cpu="2")]
    one, three = {"cpu": "1"}, api.container("a", cpu="3")
    resized = {"containerStatuses": [{"name": "a", "allocatedResources": one, "resources": {"requests": one}}]}
    of_the_pod = {"allocatedResources": {"cpu": "1500m"}, "resources": {"requests": {"cpu": "1500m"}}}
    infeasible = {"conditions": [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}]}
    pods = {
        "two containers of 0.5 and 0.25 cores": api.pod(*apps),
        "and a sidecar of 0.1": api.pod(*apps, spec={"initContainers": [sidecar]}),
        "and an init container of 2, after the sidecar": api.pod(*apps, spec={"initContainers": init}),
        "and an overhead of 0.05": api.pod(*apps, spec={"initContainers": init, "overhead": {"cpu": "50m"}}),
        "a container resized from 1 to 3 cores, not yet in effect": api.pod(three, status=resized),
        "the same, but infeasible": api.pod(three, status={**resized, **infeasible}),
        "a pod-level request of 4 over a container of 1": api.pod(
            api.container("a", cpu="1"), spec={"resources": {"requests": {"cpu": "4"}}}
        ),
        "a container of 1 and an overhead of 0.5; the kubelet says 1.5": api.pod(
            api.container("a", cpu="1"), spec={"overhead": {"cpu": "500m"}}, status=of_the_pod
        ),
    }
    found = {}
    for number, (label, pod) in enumerate(pods.items()):
        told = Told([Work(pod, api.pod_metrics("shop", "web-0"))])
        hourly = published(directory / str(number), ticks(told, *ONE_HOUR))["hourly_7d"]
        found[label] = column(hourly, "shop", "requests")[0]
    return found


def usage(directory: Path) -> Amounts:
    found = {}
    for measured, word in ((3, "all three"), (2, "two"), (1, "one")):
        pods = [work("shop", name, cores=0.5 if place < measured else None) for place, name in enumerate("abc")]
        hourly = published(directory / word, ticks(Told(pods), *ONE_HOUR))["hourly_7d"]
        found[f"usage, {word} measured"] = column(hourly, "shop")[0]
        if measured < 3:
            found[f"coverage, {word} measured"] = hourly["namespaces"]["shop"]["coverage"][0]
    told = Told([work("shop", name, cores=cores) for name, cores in (("a", 0.5), ("b", 0.5), ("c", None))])
    samples = ticks(told, ONE_HOUR[0], f"{DAY_OF}13:30")
    samples += ticks(replace(told, metrics=False), f"{DAY_OF}13:30", ONE_HOUR[1])
    halved = published(directory / "halved", samples)["hourly_7d"]["namespaces"]["shop"]["coverage"][0]
    return {
        **found,
        "coverage, two measured for half an hour, then metrics-server fails": halved,
        **_unbelievable(directory),
        **_unequal(directory),
        "memory of a pod with 0.5 GiB in use and 2 GiB of huge pages": _huge_pages(directory / "huge"),
    }


def _unbelievable(directory: Path) -> Amounts:
    good = [work("shop", name, cores=0.5) for name in "ab"]
    third = work("shop", "c", cores=0.5)
    two = api.pod(api.container(), api.container("side"), namespace="shop", name="c")
    crashing = {"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
    told = {
        "one of the three is said to use −2 cores": [work("shop", "c", cores=-2.0)],
        "one of the three is said to use 18446744074 cores": [work("shop", "c", cores=18446744074.0)],
        "one of the three is said to use 10.001 of the 10 cores of its node": [work("shop", "c", cores=10.001)],
        "of one of the three a second container is not listed": [Work(two, third.usage)],
        "one of the three is listed twice": [third, Work(api.pod(node=None, name="other"), third.usage)],
        "one of the three crashes again and again": [work("shop", "c", status=crashing)],
    }
    found: dict[str, float | None] = {}
    for number, (label, others) in enumerate(told.items()):
        hourly = published(directory / f"odd{number}", ticks(Told([*good, *others]), *ONE_HOUR))["hourly_7d"]
        found[f"usage, {label}"] = column(hourly, "shop")[0]
        found[f"coverage, {label}"] = hourly["namespaces"]["shop"].get("coverage", [1.0])[0]
    return found


def _unequal(directory: Path) -> Amounts:
    found: dict[str, float | None] = {}
    for asked in ("2", "6"):
        pods = [*(work("shop", name, cores=0.5, asked="1") for name in "ab"), work("shop", "c", asked=asked)]
        hourly = published(directory / f"unequal{asked}", ticks(Told(pods), *ONE_HOUR))["hourly_7d"]
        label = f"two measured that request 1 core each; the third requests {asked}"
        found |= {
            f"usage, {label}": column(hourly, "shop")[0],
            f"coverage, {label}": hourly["namespaces"]["shop"]["coverage"][0],
        }
    return found


def _huge_pages(directory: Path) -> float | None:
    pages = api.resources(**{"hugepages-2Mi": "2Gi"})
    pod = api.pod({"name": "app", "resources": {"requests": pages}})
    told = Told([Work(pod, api.pod_metrics("shop", "web-0", ("1", "512Mi")))])
    return column(published(directory, ticks(told, *ONE_HOUR))["hourly_7d"], "shop", metric="memory")[0]


def quantities(directory: Path) -> Amounts:
    memory = {}
    for text in ("1.5Gi", "512Mi", "1G", "129M"):
        told = Told([Work(api.pod(api.container(memory=text)), api.pod_metrics("shop", "web-0"))])
        hourly = published(directory / text, ticks(told, *ONE_HOUR))["hourly_7d"]
        memory[f"`{text}` of memory"] = column(hourly, "shop", "requests", "memory")[0]
    return {**{f"`{text}` of CPU": quantity(text) for text in ("250m", "123456789n", "1e3")}, **memory}


def samples_and_hours(directory: Path) -> Amounts:
    def shop(cores: float) -> Told:
        return Told([work("shop", cores=cores, asked="8")])

    blind = replace(shop(2.0), metrics=False)
    samples = ticks(shop(2.0), f"{DAY_OF}13:00", f"{DAY_OF}13:30")
    samples += ticks(shop(4.0), f"{DAY_OF}13:30", f"{DAY_OF}13:45")
    samples += ticks(blind, f"{DAY_OF}13:45", f"{DAY_OF}14:00")
    samples += ticks(shop(2.0), f"{DAY_OF}14:00", f"{DAY_OF}14:25")
    samples += ticks(blind, f"{DAY_OF}14:25", f"{DAY_OF}15:00")
    open_hour = published(directory / "open", [sample for sample in samples if sample.time <= at(f"{DAY_OF}14:40")])
    day = published(directory / "closed", samples)["daily_14d"]
    samples += ticks(shop(2.0), f"{DAY_OF}15:00", f"{DAY_OF}16:00")
    dataset = load_dataset(filed(directory, samples))
    hourly = published(directory / "db", [])["hourly_7d"]
    job = Job(HOUR, 30, 100)
    short = list(World("cluster", [job], IdealMeter(), at(f"{DAY_OF}13:00")).ticks(12))
    whole = ask(dataset, "get_usage", f"{DAY_OF}16:00", metric="cpu", scale="hourly_7d", namespace="shop")
    asked = ask(dataset, "get_efficiency", f"{DAY_OF}16:00", metric="cpu", scale="hourly_7d", namespace="shop")
    metrics = hourly["coverage"]["metrics"]
    return {
        "usage of the hour from 13:00": column(hourly, "shop")[0],
        "requests of the hour from 13:00": column(hourly, "shop", "requests")[0],
        "coverage of metrics, the hour from 13:00": metrics[0],
        "usage of the hour from 14:00, at 14:40, while it is open": column(open_hour["hourly_7d"], "shop")[1],
        "usage of the day, at 14:40": column(open_hour["daily_14d"], "shop")[0],
        "usage of the hour from 14:00": column(hourly, "shop")[1],
        "usage of the day, at 15:00": column(day, "shop")[0],
        "coverage of metrics, the hour from 14:00": metrics[1],
        "usage of the three hours": whole["total"],
        "requests of the three hours": asked["efficiency"][0]["requests"],
        "coverage of metrics, the three hours": whole["metadata"]["coverage"]["metrics"],
        "requests of an hour in which a job of 1 core runs for 30 seconds": column(
            published(directory / "short", short)["hourly_7d"], job.name, "requests"
        )[0],
    }


def half_measured() -> list[Work]:
    """Ten pods that request 4 cores each; six are measured, and use 4."""
    return [work("half", f"p{i}", cores=4.0 if i < 6 else None, asked="4") for i in range(10)]


def balance(directory: Path) -> Amounts:
    node = [machine(cores=10, reserved_cores=1)]
    samples = []
    for hour, (a, b) in enumerate(((2.0, 3.0), (2.0, None), (4.0, 5.5))):
        begin = at(f"{DAY_OF}00:00") + HOUR * hour
        samples += ticks(Told([work("a", cores=a), work("b", cores=b)], node), begin, begin + HOUR)
    found = published(directory, samples)
    hourly, day = found["hourly_7d"], found["daily_14d"]
    rows = [column(day, "a"), column(day, "b"), *(special(day, name) for name in day["special"])]
    ten = ticks(Told(half_measured(), [machine(cores=50)]), *ONE_HOUR)
    three, half = (
        ask(load_dataset(filed(directory / name, told)), "get_namespace_breakdown", ONE_HOUR[1], metric="cpu")
        for name, told in (("three", samples), ("ten", ten))
    )
    assert half["cluster_overhead"]["idle_value"] == half["cluster_overhead"]["idle_at_most"]
    return {
        "all three hours: idle at most": three["cluster_overhead"]["idle_at_most"],
        "ten pods: idle, and idle at most": half["cluster_overhead"]["idle_at_most"],
        "ten pods: unmeasured requests": half["cluster_overhead"]["unmeasured_requests"],
        "first hour: non-allocatable": special(hourly, "non-allocatable")[0],
        "first hour: idle": special(hourly, "idle")[0],
        "second hour: idle": special(hourly, "idle")[1],
        "second hour: unmeasured": special(hourly, "unmeasured")[1],
        "third hour: idle": special(hourly, "idle")[2],
        "all three hours: a": column(day, "a")[0],
        "all three hours: b": column(day, "b")[0],
        "all three hours: idle": special(day, "idle")[0],
        "all three hours: every row": sum(row[0] or 0.0 for row in rows),
        "all three hours: capacity": day["capacity"]["cpu"][0],
    }


def efficiency(directory: Path) -> Amounts:
    three = [work("shop", cores=2.0, asked="8"), work("tight", cores=1.5, asked="1"), work("free", cores=1.0)]
    told = Told([*three, *half_measured()], [machine(cores=100)])
    samples = ticks(told, f"{DAY_OF}00:00", f"{DAY_OF}20:00", 900)
    samples += ticks(replace(told, metrics=False), f"{DAY_OF}20:00", "2026-11-22T00:00", 900)
    dataset = load_dataset(filed(directory, samples))
    answer = ask(dataset, "get_efficiency", "2026-11-22T00:00", metric="cpu", scale="daily_14d")
    rows = {row["namespace"]: row for row in answer["efficiency"]}
    assert [rows[name]["classification"] for name in ("shop", "tight", "free", "half")] == [
        "over_provisioned",
        "under_provisioned",
        "no_requests",
        "balanced",
    ]
    return {
        "usage of shop": rows["shop"]["usage"],
        "requests of shop": rows["shop"]["requests"],
        "efficiency of shop, over-provisioned": rows["shop"]["efficiency_ratio"],
        "efficiency of tight, under-provisioned": rows["tight"]["efficiency_ratio"],
        "efficiency of free, without requests": rows["free"]["efficiency_ratio"],
        "requests of half": rows["half"]["requests"],
        "requests of the measured pods of half": rows["half"]["usage"] + rows["half"]["unused"],
        "efficiency of half, balanced": rows["half"]["efficiency_ratio"],
    }


def cost_models(directory: Path) -> Amounts:
    web = work("web", cores=5.0)
    small, large = Told([web], [machine("n1")]), Told([web], [machine("n1"), machine("n2")])
    samples = ticks(small, f"{DAY_OF}00:00", f"{DAY_OF}07:00", 900)
    samples += ticks(large, f"{DAY_OF}07:00", f"{DAY_OF}19:00", 900)
    samples += ticks(small, f"{DAY_OF}19:00", "2026-11-22T00:00", 900)
    dataset = load_dataset(filed(directory, samples, billing_hourly_rate=6.0, billing_resource_weights=CPU_ONLY))
    found = {
        model: ask(dataset, "get_namespace_breakdown", "2026-11-22T00:00", metric="cpu", cost_model=model)
        for model in ("cumulative", "normalized", "costs")
    }
    return {
        "cumulative: web": found["cumulative"]["breakdown"][0]["value"],
        "cumulative: capacity": found["cumulative"]["capacity_value"],
        "normalized: web": found["normalized"]["breakdown"][0]["value"],
        "costs: web": found["costs"]["breakdown"][0]["value"],
        "costs: idle": found["costs"]["cluster_overhead"]["idle_value"],
        "costs: the bill": found["costs"]["capacity_value"],
    }


def rates(directory: Path) -> Amounts:
    told = Told([work("web", cores=5.0, gib=10.0)])
    default = RateChange(at(f"{DAY_OF}00:00"), 10.0, "$", None)
    first = published(directory / "default", ticks(told, f"{DAY_OF}00:00", f"{DAY_OF}01:00"), default)["daily_14d"]
    one_hour = ticks(told, f"{DAY_OF}00:00", f"{DAY_OF}01:00")
    at_once = record((), 10.0, "$", CPU_ONLY, now=at(f"{DAY_OF}00:10"), has_samples=False)
    begun = published(directory / "begun", one_hour, *at_once)["hourly_7d"]
    all_on_gpus = RateChange(at(f"{DAY_OF}00:00"), 10.0, "$", {"cpu": 0.0, "memory": 0.0, "gpu": 1.0})
    given_way = published(directory / "gpus", one_hour, all_on_gpus)["daily_14d"]
    history = record((), 10.0, "$", CPU_ONLY, now=at(f"{DAY_OF}02:00"), has_samples=True)
    weights = {"cpu": 0.75, "memory": 0.25, "gpu": 0.0}
    history = record(history, 16.0, "$", weights, now=at(f"{DAY_OF}03:25"), has_samples=True)
    history = record(history, None, "$", None, now=at(f"{DAY_OF}05:10"), has_samples=True)
    found = published(directory / "history", ticks(told, f"{DAY_OF}00:00", f"{DAY_OF}08:00"), *history)
    cpu, memory = (found["hourly_7d"]["bill"][metric] for metric in ("cpu", "memory"))
    day = found["daily_14d"]
    return {
        "default weights: CPU's part of 10.00": first["bill"]["cpu"][0],
        "default weights: memory's part of 10.00": first["bill"]["memory"][0],
        "default weights: web's CPU": column(first, "web", "cost")[0],
        "default weights: web's memory": column(first, "web", "cost", "memory")[0],
        "all weight on GPUs, of which there are none: CPU's part of 10.00": given_way["bill"]["cpu"][0],
        "the first rate, set at 00:10 in an empty store: the bill from 00:00 on": begun["bill"]["cpu"][0],
        "01:00: the bill": cpu[1],
        "02:00: the bill of CPU": cpu[2],
        "03:00: the bill of CPU": cpu[3],
        "04:00: the bill of CPU": cpu[4],
        "04:00: the bill of memory": memory[4],
        "06:00: the bill of CPU": cpu[6],
        "06:00: the bill of memory": memory[6],
        "all eight hours: web's CPU": column(day, "web", "cost")[0],
        "all eight hours: web's memory": column(day, "web", "cost", "memory")[0],
        "all eight hours: the bill": day["bill"]["cpu"][0] + day["bill"]["memory"][0],
    }


def time(directory: Path) -> Amounts:
    one, some, more = (Told([work("web", cores=cores)]) for cores in (1.0, 1.2, 1.5))
    samples = ticks(one, "2027-12-01T00:00", "2028-01-10T00:00", HOUR)
    samples += ticks(one, "2028-01-11T00:00", "2028-03-01T00:00", HOUR)
    samples += ticks(some, "2028-03-01T00:00", "2028-04-01T00:00", HOUR)
    samples += ticks(more, "2028-04-01T00:00", "2028-04-01T06:20")
    dataset = load_dataset(filed(directory, samples))
    monthly = published(directory / "db", [])["monthly_12m"]
    answer = ask(dataset, "compare_periods", "2028-04-01T06:20", metric="cpu", namespace="web")
    december, january, february, march, april = column(monthly, "web")
    assert answer["trend"]["direction"] == "growing"
    return {
        "December": december,
        "January": january,
        "February of a leap year": february,
        "January, per observed hour": (january or 0.0) / monthly["observed_hours"][1],
        "March, per observed hour": (march or 0.0) / monthly["observed_hours"][3],
        "trend, growing: rise of the line": answer["trend"]["rise_pct"],
        "what changed from December to March": answer["what_changed"]["usage_per_hour"]["change_pct"],
        "from February to March, as billed": answer["monthly_12m"]["series"][3]["billed_change_pct"],
        "from February to March, per hour": answer["monthly_12m"]["series"][3]["change_pct_per_hour"],
        "April, open: hours that have passed": monthly["elapsed_hours"][4],
        "April, open": april,
        "April, scaled to the month": answer["monthly_12m"]["open_month"]["value_scaled_to_month"],
    }


def depth(directory: Path) -> Amounts:
    end = at(f"{DAY_OF}10:00")
    told = Told([work("web", cores=1.0)])
    before = published(directory, ticks(told, end - 400 * 24 * HOUR, end, HOUR))
    after = published(directory, ticks(told, end, end + 1200))
    hours, days, months = (len(after[scale]["buckets"]) for scale in ("hourly_7d", "daily_14d", "monthly_12m"))
    return {
        "at 10:20: hours listed": hours,
        "at 10:20: days listed": days,
        "at 10:20: months listed": months,
        "at 10:00: hours listed": len(before["hourly_7d"]["buckets"]),
        "at 10:00: days listed": len(before["daily_14d"]["buckets"]),
    }


def special_rows(directory: Path) -> Amounts:
    works = [work("idle", cores=12.0), work("web", cores=12.0), work("kube-system", cores=1.0)]
    told = Told(works, [machine(cores=100, reserved_cores=5)])
    samples = ticks(told, *ONE_HOUR, charged=lambda name: not name.startswith("kube-"))
    hourly = published(directory, samples)["hourly_7d"]
    rows = [row["cpu"]["usage"][0] for part in ("namespaces", "special") for row in hourly[part].values()]
    return {
        "the namespace called idle": column(hourly, "idle")[0],
        "the row excluded": special(hourly, "excluded")[0],
        "the row non-allocatable": special(hourly, "non-allocatable")[0],
        "the row idle": special(hourly, "idle")[0],
        "every row": sum(rows),
    }


def lives(directory: Path) -> Amounts:
    def story(name: str, *spans: tuple[str, str, bool | None]) -> list[float | None]:
        samples = []
        for start, end, there in spans:
            works = [work("other", cores=1.0), *([work("it", cores=12.0)] if there else [])]
            if there is not None:
                samples += ticks(Told(works, [machine(cores=100)]), f"{DAY_OF}{start}", f"{DAY_OF}{end}")
        return column(published(directory / name, samples)["hourly_7d"], "it")

    twenty = story("twenty", ("12:00", "13:20", False), ("13:20", "14:00", True))
    forty = story("forty", ("13:00", "13:40", False), ("13:40", "14:00", True))
    gone = story("gone", ("13:00", "13:20", True), ("13:20", "15:00", False))
    back = story("back", ("13:00", "13:20", True), ("13:20", "13:40", False), ("13:40", "14:00", True))
    blind = ("11:00", "12:00", False), ("12:00", "13:00", None), ("13:00", "13:20", False), ("13:20", "14:00", True)
    return {
        "born at 13:20: the hour from 13:00": twenty[1],
        "born at 13:40: the hour from 13:00": forty[0],
        "born at 13:20: the hour from 12:00": twenty[0],
        "gone at 13:20: the hour from 13:00": gone[0],
        "gone at 13:20: the hour from 14:00": gone[1],
        "gone at 13:20 and back at 13:40: the hour from 13:00": back[0],
        "born at 13:20, no answer from 12:00 to 13:00: the hour from 12:00": story("blind", *blind)[1],
    }


def sharing(directory: Path) -> Amounts:
    works = [work("shop", cores=4.0), work("blog", cores=2.0), work("kube-system", cores=1.0)]
    told = Told(works, [machine(cores=10, reserved_cores=1)])
    samples = ticks(told, f"{DAY_OF}00:00", f"{DAY_OF}01:00")
    dataset = load_dataset(filed(directory, samples, billing_hourly_rate=10.0, billing_resource_weights=CPU_ONLY))
    kube = ("kube-*",)
    policies = {
        "without sharing": Sharing(),
        "with step 1": Sharing(namespaces=kube),
        "with steps 1 and 2": Sharing(namespaces=kube, idle=True),
        "with all steps": Sharing(namespaces=kube, idle=True, multiplier=1.1),
    }
    found: dict[str, float | None] = {}
    for step, policy in policies.items():
        shared, money = shared_by(dataset, policy), {"metric": "cpu", "cost_model": "costs"}
        for name in ("shop", "blog", "kube-system"):
            named = ask(shared, "get_usage", f"{DAY_OF}01:00", namespace=name, **money)
            found[f"{step}: {name}"] = named["total"]
        answer = ask(shared, "get_namespace_breakdown", f"{DAY_OF}01:00", **money)
        overhead = answer["cluster_overhead"]
        found[f"{step}: idle"] = overhead["idle_value"]
        found[f"{step}: non-allocatable"] = overhead["non_allocatable_value"]
        found[f"{step}: the bill"] = answer["capacity_value"]
    return found


EXAMPLES: Mapping[int, Callable[[Path], Amounts]] = {
    1: who_is_charged,
    2: requests,
    3: usage,
    4: gpus,
    5: quantities,
    6: samples_and_hours,
    7: balance,
    8: efficiency,
    9: cost_models,
    10: rates,
    11: time,
    12: depth,
    13: special_rows,
    14: lives,
    15: sharing,
}
