"""docs/operations.md names the series, settings and values that there are."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
import yaml

from collector.metrics import PREFIX, TICKS
from collector.model import UnmeasuredReason
from collector.settings import SETTINGS
from kl_mcp.settings import SETTINGS as SERVER_SETTINGS
from tests.collector.counted import names
from tests.collector.test_metrics import full
from tests.spec.document import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
VALUES = yaml.safe_load((ROOT / "helm" / "kubeledger" / "values.yaml").read_text(encoding="utf-8"))


def section(title: str) -> str:
    found = re.search(rf"^##+ {title}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_table_has_every_series_and_no_other() -> None:
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section("Metrics and health"), re.MULTILINE)
    assert {f"{PREFIX}_{name}" for cell in cells for name in re.findall(r"`(\w+)`", cell)} == names(full())


def test_every_outcome_and_cause_is_named() -> None:
    table = section("Metrics and health")
    causes = {cause for outcome in TICKS.values() for cause in outcome} - {"none"}
    assert [word for word in (*TICKS, *causes) if f"`{word}`" not in table] == []


def test_every_reason_why_a_pod_is_not_measured_is_explained() -> None:
    reasons = section("KubeLedgerPodsUnmeasured")
    assert [reason for reason in get_args(UnmeasuredReason) if f"`{reason}`" not in reasons] == []


def test_the_settings_it_names_exist() -> None:
    known = {setting.name for setting in (*SETTINGS, *SERVER_SETTINGS)}
    named = set(re.findall(r"\bKL_[A-Z0-9_]+\b", PAGE))
    assert {"KL_METRICS_HOST", "KL_METRICS_PORT"} <= named <= known


def value(path: str) -> Any:
    part = VALUES
    for name in path.split("."):
        part = part[name]
    return part


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:metrics|networkPolicy|collector|dcgm|kubernetesApi)\.[\w.]+)`", PAGE)))
)
def test_the_values_of_the_chart_that_it_names_exist(path: str) -> None:
    value(path)


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([\w-]+))?\)", PAGE)
    headings = {
        re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }
    assert len(targets) > 4
    for path, anchor in targets:
        assert not path or (ROOT / "docs" / path).exists(), path
        assert not anchor or anchor in headings, anchor
