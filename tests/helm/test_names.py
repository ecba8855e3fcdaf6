"""Names, labels and addresses in the values: what Kubernetes would refuse is refused before anything is sent there."""

from __future__ import annotations

import json
import re

import pytest

from tests.helm.test_chart import complaint
from tests.helm.tool import CHART, Helm, of_kind, pod_of, the


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("nameOverride", ["", "books", "b2", "a" * 58], ["Foo Bar", "-a", "a-", "a.b", "a" * 59]),
        ("fullnameOverride", ["", "ledger-2"], ["UPPER_case", "2ledger", "a.b", "a-", "a" * 53]),
        (
            "image.repository",
            ["kubeledger", "a/b_c/d--e", "Registry.example.com:5000/a/b", "[fd00::1]:5000/a", "localhost/a__b"],
            ["a b", "", "a//b", "/a", "a/", "A/B", "a:b", "a@b"],
        ),
        ("image.tag", ["", "1.2.3", "_a"], [".a", "-a", "a b", "a" * 129]),
        ("imagePullSecrets[0].name", ["registry.example-1"], ["Bad_Name"]),
        ("billing.existingSecret.name", ["", "rate-1.a"], ["Bad_Name", "a..b", "-a", "a" * 254]),
        ("mcp.tokens.existingSecret.name", ["callers"], ["Bad_Name", "a b"]),
        ("mcp.tls.existingSecret.name", ["tls"], ["Bad_Name"]),
        ("mcp.jwt.existingConfigMap.name", [""], ["Bad_Name"]),
        ("mcp.jwt.existingCaConfigMap.name", ["", "ca"], ["Bad_Name"]),
        ("metrics.serviceMonitor.tokenSecret.name", ["scraper"], ["Bad_Name"]),
        ("ingress.tlsSecretName", ["", "ledger.example.com-tls"], ["Bad_Name"]),
        ("ingress.className", ["", "nginx"], ["Ng inx"]),
        ("ingress.host", ["", "a.example.com"], ["a..example", "-.a", ".", "a b"]),
        ("clusterDomain", ["cluster.local", "local"], ["", "a b", "Cluster.local", "cluster.local."]),
        ("mcp.listenHost", ["0.0.0.0", "::", "127.0.0.1", "fd00::1"], ["not an addr", "", "256.0.0.1", "1.2.3", "a:b"]),
        ("persistence.existingClaim", ["", "books"], ["Bad_Name"]),
        ("persistence.storageClassName", ["", "-", "fast-ssd"], ["Fast", "a b", "-a"]),
        ("persistence.size", ["1Gi", "0.5Ti", "10"], ["0", "0Gi", "1 Gi", "-1Gi"]),
        ("serviceAccount.name", ["", "ledger"], ["Bad_Name"]),
        ("priorityClassName", ["", "system-cluster-critical"], ["Bad_Name"]),
        ("nodeSelector.zone", ["", "a_B.c"], ["a b", "a" * 64]),
        ("podLabels.tier", ["", "a" * 63], ["a b", "-a", "a" * 64]),
        ("podLabels.Bad key", [], ["a"]),
        ("podAnnotations.example\\.com/note", ["", "any text: at all"], []),
        ("podAnnotations.a/b/c", [], ["a"]),
        # What --set passes of 1.15, too.
        ("mcp.costMultiplier", ["1.15", "1.0", "0.5", "10", "0.01"], ["0", "0.0", "-1", "1\\,15", "1e3", ".", "x", ""]),
        ("billing.resourceWeights.cpu", ["0.5", "1", "0"], ["-1", ".5", "half", ""]),
        ("mcp.extraEnv[0].name", ["TZ", "a.b-c"], ["1A", "A B"]),
        (
            "networkPolicy.mcpAllowedSources[0].ipBlock.cidr",
            ["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/64", "::/0"],
            ["10.0.0.0/33", "256.0.0.0/8", "2001:db8::/129", "a/8"],
        ),
        ("networkPolicy.mcpAllowedSources[0].podSelector.matchLabels.app", ["web", ""], ["a b"]),
    ],
)
def test_what_the_api_server_would_refuse_is_refused_here_by_name(
    helm: Helm, name: str, good: list[str], bad: list[str]
) -> None:
    """The rules are those of Kubernetes for names, labels and addresses, and of image references."""
    for value in good:
        done = helm.template("--set-string", f"{name}={value}")
        assert done.returncode == 0, (value, done.stderr)
    for value in bad:
        done = helm.template("--set-string", f"{name}={value}")
        assert (done.returncode, f"- {re.split(r'[.[]', name)[0]}" in done.stderr) == (1, True), (value, done.stderr)


@pytest.mark.parametrize("release", ["1st", "my.books"])
def test_a_release_whose_name_no_service_can_bear_is_refused_until_another_is_given(helm: Helm, release: str) -> None:
    arguments = ("template", release, CHART, "--namespace", "one")
    done = helm.run(*arguments)
    assert done.returncode != 0
    assert f"{release}-kubeledger cannot be the name of a Service" in done.stderr
    assert "set fullnameOverride" in done.stderr
    assert helm.run(*arguments, "--set", "fullnameOverride=books").returncode == 0


def test_the_longest_names_leave_room_for_what_is_appended(helm: Helm) -> None:
    """63 characters: a label's value and a Service's name. A pod's label has the StatefulSet's and a hash: 11 more."""
    longest = f"nameOverride={'n' * 58},fullnameOverride={'f' * 52},service.type=NodePort"
    manifests = helm.render("--set", longest)
    labels = [each["metadata"]["labels"] for each in manifests] + [pod_of(manifests)["metadata"]["labels"]]
    assert max(len(value) for each in labels for value in each.values()) == 63
    assert max(len(each["metadata"]["name"]) for each in of_kind(manifests, "Service")) == 60
    assert len(the(manifests, "StatefulSet")["metadata"]["name"]) + 11 == 63


def test_names_that_look_like_numbers_or_flags_stay_text(helm: Helm) -> None:
    """`123` and `true` are names that Kubernetes takes, where they are strings."""
    values = {
        "nameOverride": "123",
        "fullnameOverride": "true",
        "image.repository": "[fd00::1]:5000/ledger",
        "imagePullSecrets[0].name": "1",
        "billing.existingSecret.name": "2",
        "mcp.tokens.existingSecret.name": "3",
        "mcp.tls.existingSecret.name": "4",
        "mcp.tls.existingSecret.caKey": "5",
        "mcp.jwt.existingConfigMap.name": "6",
        "mcp.jwt.issuer": "https://login.example.com",
        "kubernetesApi.endpoint": "https://api.example.com",
        "kubernetesApi.existingSecret.name": "7",
        "kubernetesApi.existingSecret.tokenKey": "8",
        "kubernetesApi.existingSecret.usernameKey": "9",
        "kubernetesApi.existingSecret.passwordKey": "18",
        "ingress.className": "10",
        "ingress.tlsSecretName": "11",
        "persistence.storageClassName": "12",
        "persistence.size": "1000000000",
        "serviceAccount.name": "13",
        "priorityClassName": "true",
        "nodeSelector.pool": "14",
        "extraLabels.team": "15",
        "metrics.serviceMonitor.tokenSecret.name": "16",
        "metrics.serviceMonitor.tokenSecret.key": "17",
    }
    flags = "ingress.enabled=true,ingress.host=a.example,metrics.serviceMonitor.enabled=true"
    text = ",".join(f"{name}={value}" for name, value in values.items())
    manifests = helm.render("--set-string", text, "--set", flags)
    for each in manifests:
        if each["kind"] != "ServiceMonitor":
            assert complaint(json.dumps(each, sort_keys=True), "1.37") is None, each["kind"]
    endpoint, _ = the(manifests, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"] == {"name": "16", "key": "17"}
    assert endpoint["tlsConfig"]["ca"]["secret"] == {"name": "4", "key": "5"}
    existing = helm.render("--set-string", "persistence.existingClaim=18")
    assert complaint(json.dumps(the(existing, "StatefulSet"), sort_keys=True), "1.37") is None
