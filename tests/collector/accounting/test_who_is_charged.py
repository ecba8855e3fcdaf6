from typing import Any

import pytest

from collector.accounting.who_is_charged import charged_by, is_holding
from collector.kubernetes.listings import parse_pod
from tests.support.kubernetes_objects import container, pod


@pytest.mark.parametrize(
    ("included", "excluded", "charged"),
    [
        ((), (), {"shop", "kube-system", "idle"}),
        ((), ("kube-*",), {"shop", "idle"}),
        (("shop", "i?le"), (), {"shop", "idle"}),
        (("*",), ("[ik]*",), {"shop"}),
        (("shop",), ("sh*",), set()),
        (("SHOP",), (), set()),
    ],
)
def test_a_namespace_is_charged_when_included_and_not_excluded(
    included: tuple[str, ...], excluded: tuple[str, ...], charged: set[str]
) -> None:
    is_charged = charged_by(included, excluded)
    assert {name for name in ("shop", "kube-system", "idle") if is_charged(name)} == charged


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_holds_nothing(phase: str) -> None:
    assert not is_holding(parse_pod(pod(container(cpu="1"), phase=phase)))


def test_an_evicted_pod_holds_nothing() -> None:
    assert not is_holding(parse_pod(pod(container(cpu="1"), phase="Failed", status={"reason": "Evicted"})))


def test_a_pod_that_waits_for_a_node_holds_nothing() -> None:
    assert not is_holding(parse_pod(pod(container(cpu="1"), node=None, phase="Pending")))


@pytest.mark.parametrize(
    "changed",
    [
        pod(container(cpu="1"), phase="Pending"),
        pod(container(cpu="1"), phase="Unknown"),
        pod(container(cpu="1"), phase="Running", status={"reason": "Terminating"}),
    ],
    ids=["pulling its image", "on a lost node", "terminating"],
)
def test_a_bound_pod_holds_its_requests_in_every_other_phase(changed: dict[str, Any]) -> None:
    changed["metadata"]["deletionTimestamp"] = "2026-11-21T14:00:00Z"
    parsed = parse_pod(changed)
    assert is_holding(parsed)
    assert parsed.requests["cpu"] == 1.0
