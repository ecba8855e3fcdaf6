import pytest

from collector.accounting.who_is_charged import charged_by


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
