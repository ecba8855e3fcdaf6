"""The alert rules: valid, right at both sides of each limit, about series that there are, and explained."""

from __future__ import annotations

import copy
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.promtool import ROOT, RULES, promtool
from tests.collector.counted import names
from tests.collector.test_metrics import full

LIMITS = Path(__file__).parent / "limits.yaml"
GUIDE = ROOT / "docs" / "operations.md"
ANCHOR = "https://github.com/kubeledger/kubeledger/blob/main/docs/operations.md#"

Rule = dict[str, Any]


def rules() -> list[Rule]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [dict(rule) for rule in group["rules"]]


def described(rule: Rule) -> str:
    return f"{rule['alert']}-{rule['labels']['severity']}"


def tried(changed: list[Rule], directory: Path, alert: str | None = None) -> subprocess.CompletedProcess[str]:
    """`promtool test rules` of rules without their annotations, which it would want repeated word by word.

    With `alert`, of what is to be tried of that alert.
    """
    bare = [{key: value for key, value in rule.items() if key != "annotations"} for rule in changed]
    (directory / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "kubeledger", "rules": bare}]}))
    limits = yaml.safe_load(LIMITS.read_text())
    limits["tests"] = [test for test in limits["tests"] if alert in (None, test["alert_rule_test"][0]["alertname"])]
    (directory / "limits.yaml").write_text(yaml.safe_dump(limits))
    return promtool("test", "rules", directory / "limits.yaml")


def test_the_rules_are_valid() -> None:
    done = promtool("check", "rules", RULES)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(rules())} rules found" in done.stdout


def test_each_alert_fires_beyond_its_limit_and_not_before(tmp_path: Path) -> None:
    done = tried(rules(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_limits_try_both_sides_of_every_alert() -> None:
    cases = [case for test in yaml.safe_load(LIMITS.read_text())["tests"] for case in test["alert_rule_test"]]
    fired = {(case["alertname"], each["exp_labels"]["severity"]) for case in cases for each in case["exp_alerts"]}
    assert fired == {(rule["alert"], rule["labels"]["severity"]) for rule in rules()}
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == {rule["alert"] for rule in rules()}


def changes(rule: Rule) -> Iterator[Rule]:
    """The rule with each limit of it moved, closed or opened, and each of its times made longer and shorter."""
    minutes = int(rule["for"].removesuffix("h")) * 60 if rule["for"].endswith("h") else int(rule["for"][:-1])
    for other in (minutes - 1, minutes + 1):
        yield {**rule, "for": f"{other}m"}
    for limit in re.finditer(r"(?P<sign>==|[<>]) (?P<number>[0-9.]+)(?! \*)", rule["expr"]):
        number = float(limit["number"])
        moved = [f"== {number + 1:g}"] if limit["sign"] == "==" else [f"{limit['sign']}= {limit['number']}"]
        if limit["sign"] != "==":
            moved += [f"{limit['sign']} {number + step * (number / 20 or 1):g}" for step in (-1, 1)]
        for text in moved:
            yield {**rule, "expr": rule["expr"][: limit.start()] + text + rule["expr"][limit.end() :]}
    if "2 *" in rule["expr"]:
        for factor in ("1.8", "2.2"):
            yield {**rule, "expr": rule["expr"].replace("2 *", f"{factor} *")}


@pytest.mark.parametrize("number", range(len(rules())), ids=[described(rule) for rule in rules()])
def test_a_rule_that_is_missing_or_has_another_limit_is_noticed(number: int, tmp_path: Path) -> None:
    present = rules()
    for changed in (None, *changes(present[number])):
        others = copy.deepcopy(present)
        others[number : number + 1] = [changed] if changed else []
        assert tried(others, tmp_path, present[number]["alert"]).returncode == 1, changed


def test_every_series_that_a_rule_asks_for_is_served() -> None:
    served = {name for name in names(full()) if name.startswith("kubeledger_collector_")}
    specification = (ROOT / "kubeledger-mcp-spec.md").read_text(encoding="utf-8")
    served |= {f"kubeledger_mcp_{name}" for name in re.findall(r"^\| `(\w+)` \|", specification, re.MULTILINE)}
    wanted = {name for rule in rules() for name in re.findall(r"\bkubeledger_\w+", rule["expr"])}
    assert len(wanted) > 8
    assert wanted - served == set()


@pytest.mark.parametrize("rule", rules(), ids=described)
def test_a_rule_says_what_is_wrong_what_to_do_and_where_more_is_said(rule: Rule) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == ANCHOR + rule["alert"].lower()
    assert rule["annotations"]["summary"].endswith((".", "left.", "old."))
    series = set(re.findall(r"kubeledger_\w+", rule["annotations"]["description"]))
    assert {name for name in series if "_collector_" in name} <= names(full())


def test_the_guide_has_a_section_of_each_alert_and_of_no_other() -> None:
    sections = re.findall(r"^### (KubeLedger\w+)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == list(dict.fromkeys(rule["alert"] for rule in rules()))


def test_the_chart_has_the_same_rules() -> None:
    assert (ROOT / "helm" / "kubeledger" / "files" / "alerts.yaml").read_bytes() == RULES.read_bytes()
