"""Which cluster is asked, and as whom: seen by a real server, through the real client library."""

import dataclasses
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.credentials import configuration
from collector.kubernetes.session import Session
from collector.settings import Settings
from kl_core.errors import SettingsError
from tests.support.certificates import self_signed
from tests.support.patience import LIMIT_SECONDS
from tests.support.scripted_http import Request, json_answer, serving


def settings(tmp_path: Path, **values: Any) -> Settings:
    """Settings with nothing set but `values`; without a kubeconfig of the machine."""
    made = Settings(db_location=tmp_path / "db", data_dir=tmp_path / "data", request_timeout_sec=5.0)
    values.setdefault("kubeconfig", str(tmp_path / "no-kubeconfig"))
    return dataclasses.replace(made, **values, explicit=frozenset(values))


def asked_as(found: Configuration) -> str:
    """The Authorization header a request with this configuration carries."""
    seen: list[Request] = []

    def script(request: Request) -> Any:
        seen.append(request)
        return json_answer({})

    with serving(script) as server:
        found.host = server.url
        session = Session(found, LIMIT_SECONDS)
        session.get_json("kubernetes", "/", {}, "ask")
        session.close()
    return seen[0].headers.get("authorization", "")


def service_account(tmp_path: Path, token: str = "sa-token") -> Path:
    directory = tmp_path / "serviceaccount"
    directory.mkdir()
    (directory / "token").write_text(token)
    certificate, _ = self_signed(tmp_path)
    (directory / "ca.crt").write_bytes(certificate.read_bytes())
    return directory


def kubeconfig(tmp_path: Path, user: dict[str, Any], server: str = "http://cluster.example:8080") -> str:
    path = tmp_path / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


def test_without_endpoint_service_account_and_kubeconfig_there_is_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No cluster to talk to") as caught:
        configuration(settings(tmp_path), tmp_path)
    assert "KL_K8S_API_ENDPOINT" in str(caught.value)
    assert str(tmp_path / "no-kubeconfig") in str(caught.value)


def test_an_explicit_endpoint_comes_before_service_account_and_kubeconfig(tmp_path: Path) -> None:
    made = settings(
        tmp_path,
        k8s_api_endpoint="http://explicit:1",
        kubernetes_service_host="10.96.0.1",
        kubernetes_service_port="443",
        kubeconfig=kubeconfig(tmp_path, {"token": "from-kubeconfig"}),
    )
    found = configuration(made, service_account(tmp_path))
    assert found.host == "http://explicit:1"
    # The service account's token is not sent over plain HTTP.
    assert asked_as(found) == ""


def test_inside_a_pod_the_service_account_comes_before_the_kubeconfig(tmp_path: Path) -> None:
    made = settings(
        tmp_path,
        kubernetes_service_host="10.96.0.1",
        kubernetes_service_port="443",
        kubeconfig=kubeconfig(tmp_path, {"token": "from-kubeconfig"}),
    )
    account = service_account(tmp_path)
    found = configuration(made, account)
    assert found.host == "https://10.96.0.1:443"
    assert found.ssl_ca_cert == str(account / "ca.crt")
    assert found.get_api_key_with_prefix("BearerToken") == "bearer sa-token"


def test_a_rotated_service_account_token_is_read_again(tmp_path: Path) -> None:
    made = settings(tmp_path, kubernetes_service_host="10.96.0.1", kubernetes_service_port="443")
    account = service_account(tmp_path, "first")
    assert configuration(made, account).get_api_key_with_prefix("BearerToken") == "bearer first"
    (account / "token").write_text("second")
    assert configuration(made, account).get_api_key_with_prefix("BearerToken") == "bearer second"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://kubernetes.default",
        "https://kubernetes.default.svc:443/",
        "https://KUBERNETES.default.svc.cluster.local.",
        "https://10.96.0.1:443",
    ],
)
def test_the_address_of_the_pod_s_own_cluster_gets_its_service_account(tmp_path: Path, endpoint: str) -> None:
    account = service_account(tmp_path)
    found = configuration(settings(tmp_path, k8s_api_endpoint=endpoint, kubernetes_service_host="10.96.0.1"), account)
    assert found.ssl_ca_cert == str(account / "ca.crt")
    assert found.get_api_key_with_prefix("BearerToken") == "Bearer sa-token"


def test_a_service_account_without_a_certificate_leaves_the_trust_of_the_system(tmp_path: Path) -> None:
    account = service_account(tmp_path)
    (account / "ca.crt").unlink()
    found = configuration(settings(tmp_path, k8s_api_endpoint="https://kubernetes.default"), account)
    assert found.ssl_ca_cert is None
    assert found.get_api_key_with_prefix("BearerToken") == "Bearer sa-token"


def test_an_ipv6_address_of_the_pod_s_own_cluster_gets_its_service_account(tmp_path: Path) -> None:
    made = settings(tmp_path, k8s_api_endpoint="https://[FD00::1]:443", kubernetes_service_host="fd00::1")
    assert configuration(made, service_account(tmp_path)).get_api_key_with_prefix("BearerToken") == "Bearer sa-token"


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize(
    "endpoint",
    [
        "https://api.production.example.com:6443",
        "https://kubernetes.default.svc.example.com",
        "https://kubernetes",
        "https://10.96.0.1.example.com",
        "https://10.96.0.10",
    ],
)
def test_another_address_never_gets_the_pod_s_service_account(tmp_path: Path, endpoint: str, verify: bool) -> None:
    made = settings(tmp_path, k8s_api_endpoint=endpoint, kubernetes_service_host="10.96.0.1", k8s_api_verify_ssl=verify)
    account = service_account(tmp_path)
    with pytest.raises(SettingsError) as caught:
        configuration(made, account)
    assert str(caught.value).startswith(f"KL_K8S_API_ENDPOINT is '{endpoint}', which is not known for an address of")
    assert "Set KL_K8S_AUTH_TOKEN_FILE" in str(caught.value)
    assert "sa-token" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "header"),
    [
        ({"k8s_auth_token": "mine"}, "Bearer mine"),
        ({"k8s_auth_username": "ada", "k8s_auth_password": "hush"}, "Basic YWRhOmh1c2g="),
    ],
)
def test_another_address_with_credentials_of_its_own_gets_those(
    tmp_path: Path, values: dict[str, str], header: str
) -> None:
    made = settings(tmp_path, k8s_api_endpoint="https://api.example.com", **values)
    found = configuration(made, service_account(tmp_path))
    assert asked_as(found) == header
    assert found.ssl_ca_cert is None


def test_the_service_account_s_token_goes_elsewhere_where_it_is_named_for_that(tmp_path: Path) -> None:
    account = service_account(tmp_path)
    made = settings(tmp_path, k8s_api_endpoint="https://10.0.0.10:6443", k8s_auth_token_file=account / "token")
    assert asked_as(configuration(made, account)) == "Bearer sa-token"


def test_outside_a_pod_an_address_may_do_without_credentials(tmp_path: Path) -> None:
    assert asked_as(configuration(settings(tmp_path, k8s_api_endpoint="https://api.example.com"), tmp_path)) == ""


def test_a_kubeconfig_token_is_sent(tmp_path: Path) -> None:
    found = configuration(settings(tmp_path, kubeconfig=kubeconfig(tmp_path, {"token": "kc"})), tmp_path)
    assert found.host == "http://cluster.example:8080"
    found.refresh_api_key_hook = None  # it would set the host again, which the test replaces by its server
    assert asked_as(found) == "Bearer kc"


def test_a_kubeconfig_exec_plugin_is_run(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps(credential)}'\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    }
    found = configuration(settings(tmp_path, kubeconfig=kubeconfig(tmp_path, user)), tmp_path)
    assert found.get_api_key_with_prefix("BearerToken") == "Bearer from-plugin"


def test_a_kubeconfig_client_certificate_is_used(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    path = kubeconfig(tmp_path, user, "https://cluster.example:6443")
    found = configuration(settings(tmp_path, kubeconfig=path), tmp_path)
    assert (found.cert_file, found.key_file) == (str(certificate), str(key))


def test_a_broken_kubeconfig_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    for text in ("{", "[]", "current-context: c\n", ""):
        path.write_text(text)
        with pytest.raises(SourceError, match="kubeconfig or service account cannot be used") as caught:
            configuration(settings(tmp_path, kubeconfig=str(path)), tmp_path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "header"),
    [
        ({"k8s_auth_token": "mine"}, "Bearer mine"),
        # base64 of ada:hush
        ({"k8s_auth_username": "ada", "k8s_auth_password": "hush"}, "Basic YWRhOmh1c2g="),
    ],
)
def test_explicit_credentials_override_those_of_the_kubeconfig(
    tmp_path: Path, values: dict[str, str], header: str
) -> None:
    found = configuration(settings(tmp_path, kubeconfig=kubeconfig(tmp_path, {"token": "kc"}), **values), tmp_path)
    assert asked_as(found) == header


def test_a_token_file_is_read_for_every_request(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    made = settings(tmp_path, k8s_api_endpoint="http://explicit:1", k8s_auth_token_file=token)
    found = configuration(made, tmp_path)
    assert asked_as(found) == "Bearer one"
    token.write_text("two\n")
    assert asked_as(found) == "Bearer two"


def test_tls_settings_override_those_of_the_kubeconfig(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    made = settings(
        tmp_path,
        kubeconfig=kubeconfig(tmp_path, {"token": "kc"}, "https://cluster.example:6443"),
        k8s_cacert=certificate,
        k8s_api_verify_ssl=False,
        k8s_auth_client_cert=certificate,
        k8s_auth_client_cert_key=key,
    )
    found = configuration(made, tmp_path)
    assert found.ssl_ca_cert == str(certificate)
    assert found.verify_ssl is False
    assert (found.cert_file, found.key_file) == (str(certificate), str(key))


@pytest.mark.parametrize("field", ["k8s_cacert", "k8s_auth_token_file", "k8s_auth_client_cert_key"])
def test_a_file_that_does_not_exist_is_named(tmp_path: Path, field: str) -> None:
    made = settings(tmp_path, k8s_api_endpoint="http://explicit:1", **{field: tmp_path / "gone"})
    with pytest.raises(SettingsError, match=f"KL_{field.upper()} is '.*gone', but there is no such file"):
        configuration(made, tmp_path)
