"""README.md claims what the programs do: each claim that one can check names the tests that show it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kl_mcp.tools import TABLE
from kl_query.dataset import load_dataset
from tests.spec.document import ROOT
from tests.spec.named_tests import missing
from tests.support.published import publish

TEXT = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
SECURITY = "tests/spec/test_security.py::test_"
SETTINGS = "tests/kl_core/test_settings.py::test_"
HEALTH = "tests/collector/test_health.py::test_"
PUBLICATION = "tests/collector/publish/test_publication_lock.py::test_"
CREDENTIALS = "tests/collector/kubernetes/test_credentials.py::test_"
CLAIMS: list[tuple[str, tuple[str, ...]]] = [
    (
        "never talks to the cluster, embeds no model, recommends nothing, and writes nothing but an audit log",
        (
            f"{SECURITY}the_server_opens_the_files_of_the_dataset_and_nothing_else_writes_nothing_and_calls_nobody",
            f"{SECURITY}the_server_has_neither_the_collector_nor_a_way_to_a_cluster_in_it",
            "tests/kl_mcp/access/test_audit_log.py::test_without_the_setting_nothing_is_written",
        ),
    ),
    (
        "ten read-only tools",
        ("tests/spec/test_tools.py::test_all_ten_are_listed_with_schemas_and_the_four_annotations",),
    ),
    (
        "sum to the cluster's capacity in every observed hour, and with a rate to its bill",
        ("tests/collector/books/test_properties.py", "tests/collector/books/test_cost.py"),
    ),
    (
        "every answer with amounts says how much of its window was observed",
        ("tests/docs/test_readme.py::test_every_answer_with_amounts_says_how_much_of_its_window_was_observed",),
    ),
    (
        "listens on every address, names them when it starts, and still asks nobody for a token, which it warns of",
        (
            "tests/kl_mcp/transport/test_start_and_stop.py::test_an_open_address_names_the_real_ones_and_says_who_may_call",
        ),
    ),
    (
        "`/metrics` is guarded like the tools",
        ("tests/kl_mcp/transport/test_metrics.py::test_the_port_for_metrics_is_guarded_like_the_main_one",),
    ),
    (
        "the service account inside a pod, else `KUBECONFIG` or `~/.kube/config` (tokens, client certificates and exec",
        (
            f"{CREDENTIALS}inside_a_pod_the_service_account_comes_before_the_kubeconfig",
            f"{CREDENTIALS}a_kubeconfig_token_is_sent",
            f"{CREDENTIALS}a_kubeconfig_client_certificate_is_used",
            f"{CREDENTIALS}a_kubeconfig_exec_plugin_is_run",
        ),
    ),
    (
        "`list` and `watch` on namespaces, nodes, pods and persistentvolumeclaims, `list` on nodes and pods of",
        ("tests/helm/test_rights.py::test_the_rights_are_the_calls_that_are_made",),
    ),
    (
        "nothing in the cluster reaches the server until it is listed",
        ("tests/helm/test_policies_of_the_chart.py::test_who_comes_in_is_who_is_listed",),
    ),
    (
        "`kl-collector health` exits 0 while the collector collects, and says what is wrong where it does not",
        (
            f"{HEALTH}health_is_a_heartbeat_younger_than_three_polling_intervals_by_the_boot_time_clock",
            f"{HEALTH}a_clock_that_is_contradicted_is_not_healthy_but_live_as_a_restart_does_not_put_it_right",
            f"{HEALTH}a_loop_that_turns_without_a_sample_of_three_intervals_is_not_healthy_but_live",
        ),
    ),
    ("the server's have a flag each", ("tests/docs/test_generated.py::test_a_setting_is_in_the_configuration_table",)),
    (
        "Every setting is read under its `KOA_` name too, with a deprecation warning",
        (f"{SETTINGS}every_name_is_accepted_with_the_old_prefix_and_a_notice",),
    ),
    (
        "An hour with fewer than half of its samples is unknown",
        ("tests/collector/store/test_store_time.py::test_an_hour_is_known_from_half_of_its_steps_on",),
    ),
    (
        "A damaged database of one namespace is moved aside and begun anew",
        (
            "tests/collector/store/test_damaged.py::test_found_between_two_ticks",
            "tests/collector/store/test_damaged.py::test_the_clusters_stays_a_refusal_and_is_left_alone",
            "tests/rules/test_set_aside.py::test_a_full_disk_leaves_one_unknown_and_publishes_all",
        ),
    ),
    (
        "One collector publishes to a directory: a second one is refused, whatever its databases",
        (f"{PUBLICATION}a_second_collector_with_other_databases_is_refused_and_begins_none",),
    ),
    (
        "Neither is a namespace, and a namespace may even bear such a name",
        ("tests/spec/test_tools.py::test_rows_are_namespaces_also_where_one_is_called_like_a_special_entry",),
    ),
    ("whichever fails; its last line counts what was skipped", ("tests/docs/test_ci.py",)),
]
WITHOUT_AMOUNTS = {"describe_dataset", "list_namespaces"}
NEEDED: dict[str, dict[str, Any]] = {"group_namespaces": {"pattern": ["*"]}}


@pytest.mark.parametrize(("claim", "shown_by"), CLAIMS)
def test_a_claim_stands_there_and_is_shown(claim: str, shown_by: tuple[str, ...]) -> None:
    assert claim in TEXT
    assert missing(shown_by) == []


def test_every_answer_with_amounts_says_how_much_of_its_window_was_observed(tmp_path: Path) -> None:
    publish(tmp_path, 1)
    dataset = load_dataset(tmp_path)

    said = {name: tool.run(NEEDED.get(name, {}), dataset)["metadata"]["coverage"] for name, tool in TABLE.items()}

    assert {name for name, coverage in said.items() if coverage is None} == WITHOUT_AMOUNTS
    # The dataset begins two hours ago, both of which were observed.
    known = [coverage for coverage in said.values() if coverage is not None]
    assert {(each["kubernetes"], each["observed_hours"], each["elapsed_hours"]) for each in known} == {(1.0, 2.0, 2.0)}
