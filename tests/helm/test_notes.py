"""What the chart prints after an installation: how to reach the server, and what will surprise."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator.clients import client_configurations
from tests.helm.tool import CHART, RELEASE, VALUES, Helm

FILES = [path.stem for path in sorted(VALUES.glob("*.yaml"))]
TOKENS = "mcp.tokens.existingSecret.name=callers"
ROUTE = "httpRoute.enabled=true,httpRoute.parentRefs[0].name=public,httpRoute.hostnames={a.example}"
IMPORT = "importFrom.existingClaim=old-0,importFrom.capacity.cpu=8,importFrom.capacity.memory=32Gi"
NOTES = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data:
  notes: |
{{ include (print $.Template.BasePath "/NOTES.txt") . | indent 4 }}
"""


@pytest.fixture
def notes(helm: Helm, tmp_path: Path) -> Any:
    """What is printed after an installation with some values."""
    chart = Path(shutil.copytree(CHART, tmp_path / "kubeledger"))
    (chart / "templates" / "notes.yaml").write_text(NOTES)

    def text(*arguments: str | Path) -> str:
        done = helm.template("--show-only", "templates/notes.yaml", *arguments, chart=chart)
        assert done.returncode == 0, done.stderr
        found: str = yaml.safe_load(done.stdout)["data"]["notes"]
        return found

    return text


def test_the_notes_forward_a_port_and_configure_every_client(notes: Any) -> None:
    text = notes()
    assert f"kubectl -n kubeledger port-forward service/{RELEASE} 5484:5484" in text
    compact = re.sub(r"\s", "", text)
    for client in client_configurations("http://127.0.0.1:5484/mcp"):
        assert client.name in text
        assert re.sub(r"\s", "", client.text) in compact
    assert "Nobody inside the cluster may reach it yet" in text
    assert [word for word in ("WARNING", "TOKEN", "https://", "<no value>") if word in text] == []


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("auth", "http://127.0.0.1:5484/mcp"),
        ("jwt", "http://127.0.0.1:5484/mcp"),
        ("everything", "https://localhost:5484/mcp"),
    ],
)
def test_the_notes_tell_every_client_to_send_a_token_where_one_is_needed(notes: Any, name: str, url: str) -> None:
    compact = re.sub(r"\s", "", notes("--values", VALUES / f"{name}.yaml"))
    for client in client_configurations(url, "TOKEN"):
        assert re.sub(r"\s", "", client.text) in compact


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("auth", ["TOKEN is the token of a caller in the Secret callers, key callers.json."]),
        (
            "jwt",
            [
                "TOKEN is a JWT of https://login.example.com/realms/finops for kubeledger.",
                "need no header: give them the address https://ledger.example.com/finops/mcp",
            ],
        ),
        (
            "everything",
            [
                "TOKEN is the token of a caller in the Secret callers, key tokens.json.",
                "Or it is a JWT of https://login.example.com/realms/finops for https://ledger.example.com/mcp.",
                "The certificate in the Secret ledger-backend-tls has to name localhost",
                "The Ingress controller has to be told to speak https to the pod",
                "Inside the cluster the address is https://ledger.kubeledger.svc:80/mcp",
                "Metrics for Prometheus are at port 9090 of the Service ledger-metrics, /metrics.",
            ],
        ),
        ("tls", ["The certificate in the Secret kubeledger-tls has to name localhost", "NODE_EXTRA_CA_CERTS"]),
    ],
)
def test_the_notes_say_what_a_token_is_and_whom_to_trust(notes: Any, name: str, sentences: list[str]) -> None:
    text = notes("--values", VALUES / f"{name}.yaml")
    assert [sentence for sentence in sentences if sentence not in text] == []


@pytest.mark.parametrize("name", FILES)
def test_the_notes_leave_no_gap_and_no_line_to_scroll_for(notes: Any, name: str) -> None:
    """Two line breaks at most, and 120 columns but for commands, which are copied."""
    text = notes("--values", VALUES / f"{name}.yaml")
    assert "\n\n\n" not in text
    assert [line for line in text.splitlines() if len(line) > 120 and not line.startswith("    ")] == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("networkPolicy.enabled=false", "WARNING: networkPolicy.enabled is false"),
        ("persistence.enabled=false", "WARNING: persistence.enabled is false"),
        ("ingress.enabled=true,ingress.host=a.example", "Ingress controller is not among"),
        ("ingress.enabled=true,ingress.host=a.example", "the server does not ask who calls"),
        (f"ingress.enabled=true,ingress.host=a.example,{TOKENS}", "tokens cross the network as text"),
        (f"networkPolicy.enabled=false,{TOKENS}", "every pod that reaches this one can try tokens"),
        ("metrics.serviceMonitor.enabled=true", "Prometheus is not among"),
        (
            "metrics.serviceMonitor.enabled=true,networkPolicy.mcpAllowedSources[0].podSelector.matchLabels.a=b",
            "Prometheus is not among",
        ),
        (f"metrics.serviceMonitor.enabled=true,{TOKENS}", "Prometheus needs a token"),
        ("mcp.enabled=false", "The MCP server is off"),
        ("service.type=LoadBalancer", "WARNING: the server does not ask who calls, and networkPolicy may not keep"),
        ("service.type=NodePort", "have to be in mcp.allowedHosts"),
        (f"service.type=LoadBalancer,{TOKENS}", "tokens cross the network as text"),
        (f"{ROUTE}", "Published by a Gateway under a.example, path /mcp"),
        (f"{ROUTE}", "The Gateway has to."),
        (f"{ROUTE}", "the Gateway's proxies are not among"),
        (f"{ROUTE},mcp.tls.existingSecret.name=t", "with a BackendTLSPolicy"),
        ("ingress.enabled=true,ingress.hosts={a.example,b.example}", "Published at http://b.example/mcp"),
        ("namespaceOverride=books", "kubectl -n books port-forward"),
        (IMPORT, "The history on the claim old-0 is taken over first."),
        ("kubernetesApi.verifySsl=false", "WARNING: kubernetesApi.verifySsl is false"),
        ("persistence.size=9Gi", "kubectl -n kubeledger delete statefulset kubeledger --cascade=orphan"),
    ],
)
def test_the_notes_warn_of_what_will_surprise(notes: Any, values: str, said: str) -> None:
    assert said in notes("--set", values)


@pytest.mark.parametrize(
    ("values", "not_said"),
    [
        (f"ingress.enabled=true,ingress.host=a.example,{TOKENS}", "the server does not ask who calls"),
        (f"ingress.enabled=true,ingress.host=a.example,ingress.tlsSecretName=t,{TOKENS}", "cross the network as text"),
        (f"networkPolicy.enabled=false,{TOKENS}", "can read the numbers"),
        ("service.type=ClusterIP", "Published outside"),
        (f"{ROUTE},{TOKENS}", "the server does not ask who calls"),
        ("ingress.enabled=true,ingress.host=a,ingress.tls[0].secretName=t", "http://a"),
        (f"service.type=NodePort,{TOKENS}", "the server does not ask who calls"),
        (f"service.type=NodePort,mcp.tls.existingSecret.name=t,{TOKENS}", "cross the network as text"),
        ("mcp.enabled=false,service.type=LoadBalancer", "Published outside"),
        (f"{TOKENS},metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.tokenSecret.name=t", "needs a token"),
    ],
)
def test_the_notes_warn_of_nothing_that_is_seen_to(notes: Any, values: str, not_said: str) -> None:
    assert not_said not in notes("--set", values)


def test_the_notes_count_the_listed_sources(notes: Any) -> None:
    text = notes("--values", VALUES / "all-sources.yaml")
    assert "Sources that may reach it: 3 listed" in text
    assert "WARNING" not in text
