"""The settings that the chart hands to the two containers, read by the containers' own loaders."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector import settings as collector_settings
from collector.kubernetes.credentials import SERVICE_ACCOUNT
from kl_core.labels import parse_selector
from kl_mcp import settings as server_settings
from kl_mcp.access.host_and_origin import Access
from tests.helm.conftest import Rendered
from tests.helm.containers import POD_ADDRESS, environment
from tests.helm.tool import NAMESPACE, VALUES, Helm, Manifest, container_of, pod_of

FILES = [path.stem for path in sorted(VALUES.glob("*.yaml"))]
WITH_SERVER = [name for name in FILES if name != "mcp-off"]
KNOWN = {
    "collector": {setting.name for setting in collector_settings.SETTINGS},
    "mcp": {setting.name for setting in server_settings.SETTINGS},
}


def server(manifests: list[Manifest]) -> server_settings.Settings:
    """What kl-mcp makes of its container's environment."""
    return server_settings.load(environment(container_of(manifests, "mcp")), argv=[])


def collector(manifests: list[Manifest]) -> collector_settings.Settings:
    """What kl-collector makes of its container's environment."""
    return collector_settings.load(environment(container_of(manifests, "collector")))


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_a_setting_of_the_command_that_gets_it(rendered: Rendered, name: str) -> None:
    for container in pod_of(rendered(name))["spec"]["containers"]:
        names = [entry["name"] for entry in container["env"]]
        assert len(set(names)) == len(names)
        assert {each for each in names if each.startswith("KL_")} - KNOWN[container["name"]] == set()


@pytest.mark.parametrize("name", FILES)
def test_the_collector_understands_all_of_it(rendered: Rendered, name: str) -> None:
    assert collector(rendered(name)).notices == ()


@pytest.mark.parametrize("name", WITH_SERVER)
def test_the_server_reads_what_the_collector_publishes_on_the_volume_they_share(rendered: Rendered, name: str) -> None:
    manifests = rendered(name)
    data = server(manifests).data_dir
    assert data == collector(manifests).data_dir
    for container in ("collector", "mcp"):
        (mount,) = [each for each in container_of(manifests, container)["volumeMounts"] if each["name"] == "data"]
        assert data.is_relative_to(mount["mountPath"])
        assert collector(manifests).db_location.is_relative_to(mount["mountPath"])


@pytest.mark.parametrize("name", WITH_SERVER)
def test_the_server_listens_on_all_addresses_of_the_pod_at_the_ports_it_names(rendered: Rendered, name: str) -> None:
    chosen = server(rendered(name))
    assert chosen.host in ("0.0.0.0", "::")
    ports = {port["name"]: port["containerPort"] for port in container_of(rendered(name), "mcp")["ports"]}
    assert ports == {"mcp": chosen.port, "metrics": chosen.metrics_port}


@pytest.mark.parametrize("name", FILES)
def test_the_collector_serves_its_metrics_at_the_port_it_names(rendered: Rendered, name: str) -> None:
    chosen = collector(rendered(name))
    assert chosen.metrics_host in ("0.0.0.0", "::")
    (port,) = container_of(rendered(name), "collector")["ports"]
    assert (port["name"], port["containerPort"]) == ("collector", chosen.metrics_port)


def test_a_collector_that_is_to_serve_no_metrics_has_no_port(helm: Helm) -> None:
    manifests = helm.render("--set", "metrics.collectorPort=0")
    assert not collector(manifests).metrics_port
    assert "ports" not in container_of(manifests, "collector")


def hosts_allowed(manifests: list[Manifest]) -> Access:
    """The guard that kl-mcp puts up with the settings of its container."""
    chosen = server(manifests)
    return Access.of(chosen.host, chosen.allowed_hosts, chosen.allowed_origins)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("kubeledger:5484", True),
        (f"kubeledger.{NAMESPACE}:5484", True),
        (f"kubeledger.{NAMESPACE}.svc:5484", True),
        (f"kubeledger.{NAMESPACE}.svc.cluster.local:5484", True),
        # A port-forward, and a scrape by the pod's address.
        ("127.0.0.1:5484", True),
        ("localhost:9999", True),
        (f"{POD_ADDRESS}:5484", True),
        ("kubeledger.other.svc:5484", False),
        ("kubeledger.evil.example:5484", False),
        ("10.244.0.3:5484", False),
        ("0.0.0.0:5484", False),
    ],
)
def test_the_server_answers_under_its_service_names_and_on_localhost(
    rendered: Rendered, host: str, allowed: bool
) -> None:
    assert hosts_allowed(rendered("default")).allows_host(host) is allowed


def test_the_host_of_the_ingress_and_listed_hosts_and_origins_are_allowed_too(rendered: Rendered) -> None:
    access = hosts_allowed(rendered("everything"))
    assert access.allows_host("ledger.example.com")
    assert access.allows_host(f"ledger.{NAMESPACE}.svc.corp.internal:80")
    assert not access.allows_host(f"ledger.{NAMESPACE}.svc.cluster.local:80")
    assert access.allows_origin("https://chat.example.com")
    assert not access.allows_origin("https://evil.example")


def test_every_value_arrives_in_the_collector(rendered: Rendered) -> None:
    chosen = collector(rendered("everything"))
    assert chosen.cluster_name == "production"
    assert chosen.polling_interval_sec == 600
    assert chosen.cost_model == "CHARGE_BACK"
    assert chosen.billing_hourly_rate == 42.5
    assert chosen.billing_currency == "EUR"
    assert chosen.billing_resource_weights == {"cpu": 0.5, "memory": 0.3, "gpu": 0.2}
    assert chosen.included_namespaces == ("team-*", "shop")
    assert chosen.excluded_namespaces == ("*-preview",)
    assert chosen.excluded_nodes == parse_selector("type in (virtual-kubelet,fargate)")
    assert chosen.request_timeout_sec == 30
    assert chosen.publish_kubeledger_layout is True
    assert chosen.kubeledger_data_dir is None
    assert chosen.log_level == "DEBUG"
    assert chosen.nvidia_dcgm_endpoints == (
        "http://dcgm-a.gpu.svc:9400/metrics",
        "https://dcgm-b.gpu.svc:9443/metrics",
    )
    assert chosen.k8s_api_endpoint == "https://api.production.example.com:6443"
    assert chosen.k8s_auth_token_file == Path("/etc/kubeledger/kubernetes-api/token")
    assert chosen.k8s_cacert == Path("/etc/kubeledger/kubernetes-api/ca.crt")
    assert environment(container_of(rendered("everything"), "collector"))["TZ"] == "UTC"


def test_no_node_is_excluded_where_the_selector_is_emptied(helm: Helm, rendered: Rendered) -> None:
    assert collector(rendered("default")).excluded_nodes == parse_selector("type=virtual-kubelet")
    assert collector(helm.render("--set", "collector.excludedNodes=")).excluded_nodes is None


def test_credentials_are_files_where_the_collector_is_told_they_are(rendered: Rendered) -> None:
    container = container_of(rendered("everything"), "collector")
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "kubernetes-api-credentials"]
    assert mount["readOnly"] is True
    chosen = collector(rendered("everything"))
    assert {chosen.k8s_auth_token_file, chosen.k8s_cacert} == {
        Path(mount["mountPath"], name) for name in ("token", "ca.crt")
    }


def test_the_service_account_goes_to_another_address_where_that_is_said(helm: Helm) -> None:
    manifests = helm.render(
        "--set", "kubernetesApi.endpoint=https://10.0.0.10:6443,kubernetesApi.useServiceAccount=true"
    )
    chosen = collector(manifests)
    assert (chosen.k8s_auth_token_file, chosen.k8s_cacert) == (SERVICE_ACCOUNT / "token", SERVICE_ACCOUNT / "ca.crt")
    own = collector(helm.render("--set", "kubernetesApi.useServiceAccount=true"))
    assert (own.k8s_auth_token_file, own.k8s_cacert) == (None, None)


@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort"])
def test_the_service_of_the_metrics_is_a_name_the_server_answers_to_where_there_is_one(helm: Helm, kind: str) -> None:
    hosts = hosts_allowed(helm.render("--set", f"service.type={kind}"))
    for name in ("", f".{NAMESPACE}", f".{NAMESPACE}.svc", f".{NAMESPACE}.svc.cluster.local"):
        assert hosts.allows_host(f"kubeledger-metrics{name}:5485") is (kind != "ClusterIP")
        assert hosts.allows_host(f"kubeledger{name}:5484")


def test_every_value_arrives_in_the_server(rendered: Rendered) -> None:
    chosen = server(rendered("everything"))
    assert chosen.system_namespace_prefixes == ("kube-", "openshift-", "istio-")
    assert chosen.share_namespaces == ("monitoring", "shared-*")
    assert chosen.share_idle is True
    assert chosen.cost_multiplier == 1.15
    assert chosen.metrics_port == 9090
    assert chosen.jwt_jwks == "https://login.example.com/realms/finops/protocol/openid-connect/certs"
    assert chosen.audit_log == "-"
    assert chosen.log_level == "debug"


def test_tokens_are_a_file_for_the_server_alone_and_the_audit_log_is_on_standard_error(rendered: Rendered) -> None:
    chosen = server(rendered("auth"))
    directory, volume = files_of_the_server(rendered("auth"), "tokens")
    assert chosen.tokens_file == directory / "tokens.json"
    assert volume == {"secret": readable("callers", {"callers.json": "tokens.json"})}
    assert chosen.audit_log == "-"
    assert server(rendered("default")).tokens_file is None


def test_certificate_and_key_are_files_for_the_server_alone(rendered: Rendered) -> None:
    chosen = server(rendered("everything"))
    directory, volume = files_of_the_server(rendered("everything"), "tls")
    assert (chosen.tls_cert_file, chosen.tls_key_file) == (directory / "tls.crt", directory / "tls.key")
    assert volume == {"secret": readable("ledger-backend-tls", {"cert.pem": "tls.crt", "key.pem": "tls.key"})}
    assert server(rendered("default")).tls_cert_file is None


def test_one_key_of_a_secret_may_hold_both_the_certificate_and_its_key(helm: Helm) -> None:
    one = {"name": "bundle", "certKey": "tls.pem", "keyKey": "tls.pem"}
    manifests = helm.render("--set", ",".join(f"mcp.tls.existingSecret.{key}={value}" for key, value in one.items()))
    _, volume = files_of_the_server(manifests, "tls")
    assert [item["path"] for item in volume["secret"]["items"]] == ["tls.crt", "tls.key"]


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_the_keys_of_an_issuer_are_a_file_where_no_url_is_named(helm: Helm, kind: str) -> None:
    issuer = "issuer=https://login.example.com,mcp.jwt.resourceUrl=https://ledger.example.com/mcp"
    manifests = helm.render(
        "--set", f"mcp.jwt.existing{kind}.name=keys,mcp.jwt.existing{kind}.key=set,mcp.jwt.{issuer}"
    )
    directory, volume = files_of_the_server(manifests, "jwks")
    assert server(manifests).jwt_jwks == str(directory / "jwks.json")
    in_a_secret = {"secret": readable("keys", {"set": "jwks.json"})}
    in_a_map = {"configMap": {"name": "keys", "items": [{"key": "set", "path": "jwks.json"}]}}
    assert volume == (in_a_secret if kind == "Secret" else in_a_map)


def test_what_a_jwt_has_to_be_arrives_in_the_server(rendered: Rendered) -> None:
    chosen = server(rendered("jwt"))
    assert chosen.jwt_issuer == "https://login.example.com/realms/finops"
    assert chosen.jwt_audience == "kubeledger"
    assert chosen.jwt_required_scopes == ("books.read", "profile")
    assert chosen.jwt_namespaces_claim == "kubeledger_namespaces"
    assert chosen.resource_url == "https://ledger.example.com/finops/mcp"
    # Clients call under the name that the metadata gives them.
    assert hosts_allowed(rendered("jwt")).allows_host("ledger.example.com")
    assert server(rendered("default")).jwt_jwks == ""


def test_the_resource_is_what_the_ingress_publishes_unless_another_url_is_named(rendered: Rendered) -> None:
    assert server(rendered("everything")).resource_url == "https://ledger.example.com/mcp"


def readable(secret: str, files: dict[str, str]) -> dict[str, object]:
    """A volume of keys of a Secret, each with the name of its file, for the group that the containers run in."""
    items = [{"key": key, "path": path} for key, path in files.items()]
    return {"secretName": secret, "defaultMode": 0o440, "items": items}


def files_of_the_server(manifests: list[Manifest], name: str) -> tuple[Path, Manifest]:
    """Where the server finds a volume of files that no other container has, and what the volume is made of."""
    (mount,) = [each for each in container_of(manifests, "mcp")["volumeMounts"] if each["name"] == name]
    (volume,) = [dict(each) for each in pod_of(manifests)["spec"]["volumes"] if each["name"] == name]
    assert mount["readOnly"] is True
    assert name not in [each["name"] for each in container_of(manifests, "collector")["volumeMounts"]]
    del volume["name"]
    return Path(mount["mountPath"]), volume


def test_prometheus_presents_a_token_where_one_is_needed(rendered: Rendered) -> None:
    (monitor,) = [each for each in rendered("auth") if each["kind"] == "ServiceMonitor"]
    endpoint, _ = monitor["spec"]["endpoints"]
    assert endpoint["authorization"] == {"type": "Bearer", "credentials": {"name": "scraper", "key": "token"}}
    (unauthorized,) = [each for each in rendered("metrics") if each["kind"] == "ServiceMonitor"]
    assert "authorization" not in unauthorized["spec"]["endpoints"][0]


def test_a_default_installation_changes_no_default_of_the_settings(rendered: Rendered) -> None:
    """The chart's are the settings' own, but for paths, address, hosts, a port for metrics, and how much is logged."""
    manifests = rendered("default")
    for name, settings in (("collector", collector_settings.SETTINGS), ("mcp", server_settings.SETTINGS)):
        defaults = {setting.name: setting.default for setting in settings}
        told = environment(container_of(manifests, name))
        differing = {each for each, value in told.items() if each in defaults and value != defaults[each]}
        assert (
            differing
            == {
                "collector": {"KL_DB_LOCATION", "KL_DATA_DIR", "KL_METRICS_HOST"},
                "mcp": {
                    "KL_MCP_DATA_DIR",
                    "KL_MCP_ALLOWED_HOSTS",
                    "KL_MCP_LISTEN_HOST",
                    "KL_MCP_METRICS_PORT",
                    "KL_MCP_LOG_LEVEL",
                },
            }[name]
        )


@pytest.mark.parametrize("rate", ["42.50", "1000000", "0.05"])
def test_a_rate_arrives_as_it_was_written(helm: Helm, tmp_path: Path, rate: str) -> None:
    for written in (rate, f'"{rate}"'):
        values = tmp_path / "values.yaml"
        values.write_text(f"billing: {{hourlyRate: {written}}}\ncollector: {{costModel: CHARGE_BACK}}\n")
        assert collector(helm.render("--values", values)).billing_hourly_rate == float(rate)
