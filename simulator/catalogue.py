"""The cluster of the demo and of the end-to-end tests, as tables.

CPU use of the application namespaces falls by a fifth or more from one to the next, and no ratio of usage to requests
is near 0.5 or 1.0, so that no ranking or classification hangs on the day it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.shapes import (
    ALWAYS,
    FLAT,
    GIB,
    Charged,
    Container,
    Curve,
    DeviceSpec,
    Holder,
    Moment,
    NamespaceSpec,
    NodeSpec,
    OwnerKind,
    PodGroup,
    Pool,
    Replicas,
    active_hours,
    between,
    daily,
)

OFFICE = active_hours(7, 18)
NIGHT = active_hours(22, 4)

NODE_ADDED = Moment(6)
NAMESPACE_CREATED = Moment(7)
NAMESPACE_DELETED = Moment(8)
INFERENCE_ON_GPUS = Moment(4)
TEAM_RENAMED = Moment(5)


def _nodes() -> tuple[NodeSpec, ...]:
    masters = [NodeSpec(f"master-{i}", "control-plane", 8, 32, 500, 1536) for i in range(3)]
    workers = [NodeSpec(f"worker-{i}", "worker", 64, 256, 500, 3072) for i in range(3)]
    added = NodeSpec("worker-3", "worker", 64, 256, 500, 3072, since=NODE_ADDED, spot=True)
    gpu = [NodeSpec(f"gpu-{i}", "gpu", 64, 256, 1000, 4096, gpus=4, gpu_replicas=1 + i) for i in range(2)]
    return (*masters, *workers, added, *gpu)


def _devices() -> tuple[DeviceSpec, ...]:
    def train(index: int, group: str, load: float) -> DeviceSpec:
        held = (Holder("ml-training", group),)
        return DeviceSpec("gpu-0", index, 81920, Curve(load, ripple=0.02), Curve(0.8, ripple=0.01), held)

    def slice_of(index: int, load: float, memory: float, *holders: Holder, since: Moment = ALWAYS) -> DeviceSpec:
        busy = Curve(load, daily(0.4, 14), weekend=0.7, ripple=0.05)
        return DeviceSpec("gpu-1", index, 40960, busy, Curve(memory, ripple=0.01), holders, since)

    predictors = [Holder("ml-inference", "predictor", ordinal) for ordinal in range(4)]
    notebooks = [Holder("ml-notebooks", "notebook", ordinal) for ordinal in range(2)]
    return (
        train(0, "trainer", 0.92),
        train(1, "trainer", 0.88),
        train(2, "tuner", 0.81),
        DeviceSpec("gpu-0", 3, 81920),
        slice_of(0, 0.55, 0.6, predictors[0], notebooks[1], since=INFERENCE_ON_GPUS),
        slice_of(1, 0.48, 0.5, predictors[1], predictors[2], since=INFERENCE_ON_GPUS),
        slice_of(2, 0.35, 0.3, predictors[3], since=INFERENCE_ON_GPUS),
        slice_of(3, 0.12, 0.2, notebooks[0]),
    )


def _pods(
    name: str,
    millicores: int | None,
    mebibytes: int | None,
    count: int = 1,
    *,
    kind: OwnerKind = "Deployment",
    replicas: Replicas | None = None,
    pool: Pool = "worker",
    weight: float = 1.0,
    gpus: int = 0,
    since: Moment = ALWAYS,
    node: str | None = None,
) -> PodGroup:
    container = Container(name, f"registry.example.com/{name}:1.4.2", millicores, mebibytes, gpus=gpus)
    count_of = replicas or Replicas(count)
    return PodGroup(name, kind, (container,), replicas=count_of, pool=pool, weight=weight, since=since, node=node)


def _team(team: str) -> tuple[tuple[Moment, Mapping[str, str]], ...]:
    return ((ALWAYS, {"team": team, "cost-center": f"cc-{len(team) * 100 + ord(team[0])}"}),)


def _system() -> tuple[NamespaceSpec, ...]:
    platform = _team("platform")
    return (
        NamespaceSpec(
            "kube-system",
            Curve(6.0, daily(0.1, 13), growth=0.04),
            Curve(20 * GIB, growth=0.1, ripple=0.02),
            (
                _pods("kube-apiserver", 700, 2048, kind="Node", pool="control-plane", weight=6),
                _pods("coredns", 250, 256, 2, weight=2),
                _pods("kube-proxy", 150, 192, kind="DaemonSet", pool="every"),
            ),
            platform,
        ),
        NamespaceSpec("kube-public", Curve(0.0), Curve(0.0), labels=platform),
        NamespaceSpec("kube-node-lease", Curve(0.0), Curve(0.0), labels=platform),
        NamespaceSpec(
            "openshift-monitoring",
            Curve(4.5, daily(0.15, 14), growth=0.6),
            Curve(42 * GIB, growth=0.5, ripple=0.02),
            (
                _pods("prometheus-k8s", 2500, 20480, 2, kind="StatefulSet", weight=20),
                _pods("alertmanager-main", 100, 512, kind="StatefulSet"),
                _pods("node-exporter", 60, 128, kind="DaemonSet", pool="every", weight=0.4),
            ),
            platform,
        ),
        NamespaceSpec(
            "openshift-logging",
            Curve(3.2, daily(0.3, 15), weekend=0.8, growth=0.2),
            Curve(18 * GIB, growth=0.2, ripple=0.03),
            (_pods("loki", 2000, 16384, kind="StatefulSet", weight=4), _pods("vector", 600, 1024, 2)),
            platform,
        ),
        NamespaceSpec(
            "openshift-etcd",
            Curve(2.4, daily(0.08, 13), growth=0.1),
            Curve(9 * GIB, growth=0.1, ripple=0.01),
            (_pods("etcd", 1000, 3584, kind="Node", pool="control-plane"),),
            platform,
        ),
        NamespaceSpec(
            "openshift-ingress",
            Curve(1.6, daily(0.5, 15), weekend=0.8, growth=0.3),
            Curve(3 * GIB, ripple=0.02),
            (_pods("router-default", 1100, 2048, 2),),
            platform,
        ),
        NamespaceSpec(
            "openshift-operators",
            Curve(0.2),
            Curve(2 * GIB, ripple=0.01),
            (_pods("operator", 600, 3072),),
            platform,
        ),
        NamespaceSpec("default", Curve(0.0), Curve(0.0)),
    )


def _shop() -> tuple[NamespaceSpec, ...]:
    business_day = daily(0.5, 15)
    checkout = PodGroup(
        "checkout",
        "Deployment",
        (
            Container("checkout", "registry.example.com/shop/checkout:3.1.0", 1500, 2048, share=0.85),
            Container("envoy", "registry.example.com/mesh/envoy:1.34.0", 200, 256, share=0.15),
        ),
        init=(Container("migrate", "registry.example.com/shop/migrate:3.1.0", 2000, 1024),),
        replicas=Replicas(3),
        # The init container's 2000m beat the 1700m of the two app containers; for memory it is the other way round.
        charged=Charged(2000, 2304),
    )
    payments = PodGroup(
        "payments-api",
        "Deployment",
        (Container("payments-api", "registry.example.com/payments/api:8.0.3", 1800, 3072, share=0.9),),
        init=(
            Container("vault-agent", "registry.example.com/vault/agent:1.17.2", 150, 128, share=0.1, sidecar=True),
            Container("wait-for-db", "registry.example.com/tools/wait:2.0.0", 100, 64),
        ),
        replicas=Replicas(2),
        # A restartable init container runs on beside the app container: 1800m + 150m, 3072Mi + 128Mi.
        charged=Charged(1950, 3200),
    )
    return (
        NamespaceSpec(
            "shop-frontend",
            Curve(15.0, business_day, weekend=0.85, growth=0.15),
            Curve(38 * GIB, daily(0.2, 15), growth=0.1, ripple=0.03),
            (_pods("frontend", 2700, 7168, replicas=Replicas(5, 4, OFFICE, weekends=True)),),
            _team("shop"),
        ),
        NamespaceSpec(
            "shop-checkout",
            Curve(4.8, business_day, weekend=0.9, growth=0.15),
            Curve(5.6 * GIB, daily(0.1, 15), ripple=0.03),
            (checkout,),
            _team("shop"),
        ),
        NamespaceSpec(
            "payments",
            Curve(3.1, business_day, weekend=0.9, growth=0.1),
            Curve(5 * GIB, ripple=0.02),
            (payments,),
            (
                (ALWAYS, {"team": "payments", "cost-center": "cc-310"}),
                (TEAM_RENAMED, {"team": "fintech", "cost-center": "cc-310"}),
            ),
        ),
        NamespaceSpec(
            "search",
            Curve(11.5, daily(0.4, 14), weekend=0.95, growth=0.1),
            Curve(60 * GIB, growth=0.2, ripple=0.02),
            (_pods("search-node", 5000, 28672, 3, kind="StatefulSet"),),
            _team("discovery"),
        ),
        NamespaceSpec(
            "recommendations",
            Curve(1.3, business_day, growth=0.2),
            Curve(7 * GIB, ripple=0.02),
            (_pods("recommender", 1000, 4096, 2, since=NAMESPACE_CREATED),),
            _team("discovery"),
            since=NAMESPACE_CREATED,
        ),
        NamespaceSpec(
            "legacy-crm",
            Curve(4.0, between(8, 17, 0.2), weekend=0.3),
            Curve(12 * GIB, ripple=0.02),
            (_pods("crm", 3000, 8192, 2, kind="StatefulSet"),),
            _team("sales"),
            until=NAMESPACE_DELETED,
        ),
        NamespaceSpec(
            "mobile-api",
            Curve(0.24, daily(0.6, 19), growth=0.1),
            Curve(1.6 * GIB, ripple=0.04),
            (_pods("mobile-api", 160, 1024, 2),),
            _team("mobile"),
        ),
        NamespaceSpec(
            "web-portal",
            Curve(0.46, daily(0.4, 13), weekend=0.8),
            Curve(2.4 * GIB, ripple=0.03),
            (_pods("portal", 1000, 4096, 2),),
            _team("web"),
        ),
    )


def _data() -> tuple[NamespaceSpec, ...]:
    nightly = Replicas(0, 6, NIGHT, weekends=True)
    second = Replicas(1, joined=(INFERENCE_ON_GPUS.month,))
    pulling = PodGroup(
        "report-viewer",
        "Deployment",
        (Container("viewer", "registry.example.com/reporting/viewer:0.0.1", 500, 512),),
        state="pulling",
    )
    finished = PodGroup(
        "nightly-archive",
        "Job",
        (Container("archive", "registry.example.com/batch/archive:2.2.0", 4000, 8192),),
        state="succeeded",
    )
    return (
        NamespaceSpec(
            "data-warehouse",
            Curve(26.0, daily(0.2, 10), weekend=0.9, growth=0.1),
            Curve(150 * GIB, growth=0.1, ripple=0.01),
            (_pods("warehouse", 9000, 57344, replicas=Replicas(3, joined=(9,)), kind="StatefulSet"),),
            _team("data"),
        ),
        NamespaceSpec(
            "analytics",
            Curve(6.7, between(7, 18, 0.4), weekend=0.7, growth=0.1),
            Curve(30 * GIB, daily(0.3, 13), ripple=0.04),
            (_pods("spark", 12000, 32768, 3, kind="StatefulSet"),),
            _team("data"),
        ),
        NamespaceSpec(
            "batch-nightly",
            Curve(9.0, between(22, 4, 0.02), growth=0.1),
            Curve(14 * GIB, between(22, 4, 0.1), ripple=0.05),
            (
                _pods("worker", 6200, 10240, replicas=nightly, kind="Job", weight=50),
                _pods("planner", 200, 512),
                finished,
            ),
            _team("data"),
        ),
        NamespaceSpec(
            "messaging",
            Curve(2.3, daily(0.3, 15), weekend=0.9, growth=0.1),
            Curve(20 * GIB, growth=0.1, ripple=0.01),
            (_pods("kafka", 1000, 8192, 3, kind="StatefulSet"),),
            _team("data"),
        ),
        NamespaceSpec(
            "reporting",
            Curve(0.9, between(5, 8, 0.5), weekend=0.6),
            Curve(3 * GIB, ripple=0.03),
            (_pods("reports", 1500, 2048, 2), pulling),
            _team("data"),
        ),
        NamespaceSpec(
            "ml-training",
            Curve(20.0, FLAT, growth=0.15, ripple=0.12),
            Curve(90 * GIB, ripple=0.04),
            (
                _pods("trainer", 10000, 65536, 1, kind="StatefulSet", gpus=2, node="gpu-0"),
                _pods("tuner", 6000, 32768, 1, kind="StatefulSet", gpus=1, node="gpu-0"),
            ),
            _team("ml"),
        ),
        NamespaceSpec(
            "ml-inference",
            Curve(1.02, daily(0.4, 14), growth=0.1),
            Curve(12 * GIB, ripple=0.02),
            (
                _pods("gateway", 250, 512, weight=0.2),
                _pods("predictor", 350, 4096, 4, kind="StatefulSet", gpus=1, node="gpu-1", since=INFERENCE_ON_GPUS),
            ),
            _team("ml"),
        ),
        NamespaceSpec(
            "ml-notebooks",
            Curve(0.18, between(8, 17, 0.3), weekend=0.6),
            Curve(6 * GIB, ripple=0.03),
            (_pods("notebook", 2000, 8192, replicas=second, kind="StatefulSet", gpus=1, node="gpu-1"),),
            _team("ml"),
        ),
    )


def _engineering() -> tuple[NamespaceSpec, ...]:
    unbound = PodGroup(
        "huge-experiment",
        "Deployment",
        (Container("experiment", "registry.example.com/sandbox/experiment:latest", 200_000, 1_048_576),),
        state="unbound",
    )
    return (
        NamespaceSpec(
            "registry",
            Curve(1.75, daily(0.45, 11), weekend=0.7, growth=0.2),
            Curve(10 * GIB, daily(0.25, 11), weekend=0.9, growth=0.25, ripple=0.06),
            (_pods("registry", 1200, 7168, 2),),
            _team("engineering"),
        ),
        NamespaceSpec(
            "ci",
            Curve(4.9, between(7, 18, 0.15), weekend=0.3, growth=0.15),
            Curve(11 * GIB, between(7, 18, 0.4), weekend=0.5, ripple=0.1),
            (_pods("runner", 1800, 4096, replicas=Replicas(3, 2, OFFICE)),),
            _team("engineering"),
        ),
        NamespaceSpec(
            "dev-sandbox",
            Curve(0.62, between(8, 17, 0.3), weekend=0.4),
            Curve(4 * GIB, ripple=0.05),
            (_pods("sandbox", None, None, 3), unbound),
            _team("engineering"),
        ),
        NamespaceSpec(
            "identity",
            Curve(0.34, daily(0.3, 10)),
            Curve(2.2 * GIB, ripple=0.01),
            (_pods("keycloak", 200, 1536, 2),),
            _team("engineering"),
        ),
    )


NODES = _nodes()
DEVICES = _devices()
NAMESPACES = (*_system(), *_shop(), *_data(), *_engineering())
