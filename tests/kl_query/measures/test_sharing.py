"""The arithmetic of sharing on plain sums: factors, what they keep, and what an answer says about them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kl_query.dataset.model import Dataset, Namespace, Sharing
from kl_query.dataset.visibility import restricted
from kl_query.measures.sharing import Factors, factors, note, shared_by
from kl_query.metadata import SharingApplied, metadata

NOTHING = math.nan
INFRA = Sharing(namespaces=("infra",))
IDLE = Sharing(idle=True)
ALL = Sharing(namespaces=("infra",), idle=True, multiplier=1.2)


def books(*names: str) -> Dataset:
    table = {name: Namespace(name, 0, 0, active=True) for name in names}
    return Dataset("native", "costs", currency="€", namespaces=table)


def test_shared_costs_raise_all_bearers_alike() -> None:
    # bearers 40 + 20, infra 12: (60 + 12) / 60
    assert factors(INFRA, 60, 12, 18) == Factors(bearers=1.2, shared=0, idle=1)


def test_idle_is_borne_after_the_shared_namespaces_are() -> None:
    # after infra the bearers cost 72; idle 18: (72 + 18) / 72 = 1.25, on top of 1.2
    found = factors(replace(ALL, multiplier=1), 60, 12, 18)
    assert [found.bearers, found.shared, found.idle] == pytest.approx([1.5, 0, 0])


def test_the_multiplier_comes_last_and_reaches_everything() -> None:
    found = factors(ALL, 60, 12, 18)
    assert [found.bearers, found.shared, found.idle] == pytest.approx([1.8, 0, 0])
    assert factors(Sharing(multiplier=1.2), 60, 12, 18) == Factors(1.2, 1.2, 1.2)


def test_negative_idle_and_unknown_idle_stay_where_they_are() -> None:
    assert factors(IDLE, 60, NOTHING, -12) == Factors(1, 1, 1)
    assert factors(IDLE, 60, NOTHING, NOTHING) == Factors(1, 1, 1)


def test_without_anybody_to_bear_them_shared_costs_stay_and_bear_idle() -> None:
    # nothing to be in proportion to: infra keeps its 12 and is then the only one to bear idle: (12 + 18) / 12
    assert factors(replace(ALL, multiplier=1), 0, 12, 18) == Factors(bearers=2.5, shared=2.5, idle=0)
    assert factors(INFRA, NOTHING, 12, 18) == Factors(1, 1, 1)


def test_idle_stays_idle_where_no_namespace_costs_anything() -> None:
    assert factors(ALL, 0, 0, 18) == Factors(1.2, 1.2, 1.2)
    assert factors(ALL, NOTHING, NOTHING, 18).idle == 1.2


def test_costs_are_raised_by_less_than_a_factor_of_1e100() -> None:
    assert factors(INFRA, 1e-98, 1.0, 0).bearers == pytest.approx(1e98)
    assert factors(INFRA, 1e-101, 1.0, 0) == Factors(1, 1, 1)


def test_a_cost_too_small_to_be_in_proportion_to_bears_nothing() -> None:
    # 12 / 5e-324 is beyond what a float holds: multiplying with it would turn money into infinity
    assert factors(INFRA, 5e-324, 12, 0) == Factors(1, 1, 1)
    # 0.25 / 2.2e-309 is not, but multiplied with what idle adds it would be; infra keeps its own and bears idle alone
    assert factors(replace(ALL, multiplier=1), 2.2e-309, 0.25, 1) == Factors(5, 5, 0)


sums = st.one_of(st.floats(0, 1e6), st.just(0.0), st.just(NOTHING))
policies = st.builds(
    Sharing,
    namespaces=st.sampled_from([(), ("infra",)]),
    idle=st.booleans(),
    multiplier=st.floats(0.01, 100),
)


@settings(deadline=None)
@given(policies, sums, sums, st.one_of(sums, st.floats(-1e6, 0)), st.floats(0, 1e6))
def test_every_policy_keeps_the_sum_of_all_rows_but_for_the_multiplier(
    policy: Sharing, bearers: float, shared: float, idle: float, overhead: float
) -> None:
    found = factors(policy, bearers, shared, idle)
    rows = [(bearers, found.bearers), (shared, found.shared), (idle, found.idle), (overhead, policy.multiplier)]
    known = [(value, factor) for value, factor in rows if not math.isnan(value)]
    after = math.fsum(value * factor for value, factor in known)
    before = math.fsum(value for value, _ in known)
    # idle may be negative, so the tolerance is that of the parts and not of their sum
    size = math.fsum(abs(value) for value, _ in known)
    assert after == pytest.approx(policy.multiplier * before, rel=1e-9, abs=1e-9 * policy.multiplier * size + 1e-300)
    assert found.bearers >= policy.multiplier * (1 - 1e-9)
    assert found.shared >= 0


def test_the_shared_namespaces_are_those_that_a_glob_matches_whole_and_in_case() -> None:
    found = shared_by(books("infra", "infra-eu", "my-infra", "kube-system"), Sharing(namespaces=("infra*", "kube-?")))
    assert found.shared == {"infra", "infra-eu"}


@pytest.mark.requirement("KL-H-8")
def test_the_metadata_of_an_answer_names_policy_and_meaning() -> None:
    dataset = shared_by(books("infra", "shop"), ALL)
    assert metadata(dataset).sharing == SharingApplied(
        shared_namespaces=("infra",),
        matched=1,
        idle=True,
        multiplier=1.2,
        note="Costs only; usage and requests are as measured. Costs of shared namespaces and then of idle, where "
        "positive, are borne by the other namespaces in proportion to their own, per metric. All costs, and the bill, "
        "are multiplied by 1.2. Shared anew for each bucket and each window: points do not add up to the total of "
        "their window.",
    )
    assert metadata(dataset, unit="core_hours").sharing is None
    assert metadata(books("infra")).sharing is None


def test_a_multiplier_alone_leaves_points_that_add_up_and_says_nothing_else() -> None:
    assert note(Sharing(multiplier=1.15)) == (
        "Costs only; usage and requests are as measured. All costs, and the bill, are multiplied by 1.15."
    )


@pytest.mark.requirement("KL-H-8")
def test_a_shared_namespace_that_may_not_be_named_is_not_named_by_the_policy() -> None:
    dataset = shared_by(books("infra", "secret", "shop"), Sharing(namespaces=("infra", "secret")))
    found = metadata(restricted(dataset, lambda name: name != "secret")).sharing
    assert found is not None
    assert (found.shared_namespaces, found.matched) == (("infra",), 2)


@pytest.mark.requirement("KL-H-8")
def test_nor_is_one_that_is_not_there_where_all_that_are_there_may_be_named() -> None:
    dataset = shared_by(books("infra", "shop"), Sharing(namespaces=("infra", "secret")))
    found = metadata(restricted(dataset, lambda name: name != "secret")).sharing
    assert found is not None
    assert found.shared_namespaces == ("infra",)
