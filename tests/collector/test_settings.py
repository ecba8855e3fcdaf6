from pathlib import Path

import pytest

from collector.settings import load
from kl_core.errors import SettingsError
from kl_core.labels import parse_selector


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = load({})
    assert settings.db_location == Path.home() / ".kubeledger/db"
    assert settings.data_dir == Path.home() / ".kubeledger/data"
    assert settings.polling_interval_sec == 300
    assert settings.cost_model == "CUMULATIVE_RATIO"
    assert settings.billing_hourly_rate is None
    assert settings.billing_currency == "$"
    assert settings.billing_resource_weights is None
    assert settings.nvidia_dcgm_endpoints == ()
    assert settings.excluded_nodes == parse_selector("type=virtual-kubelet")
    assert settings.k8s_api_verify_ssl is True
    assert settings.explicit == frozenset()
    assert settings.notices == ()


def test_the_old_name_of_the_currency_is_read_and_of_two_that_differ_neither() -> None:
    assert load({"KL_BILLING_CURRENCY_SYMBOL": "€"}).billing_currency == "€"
    assert load({"KL_BILLING_CURRENCY": "eur", "KL_BILLING_CURRENCY_SYMBOL": "eur"}).billing_currency == "EUR"
    with pytest.raises(SettingsError, match=r"two spellings of one setting and differ\. Keep KL_BILLING_CURRENCY\."):
        load({"KL_BILLING_CURRENCY": "EUR", "KL_BILLING_CURRENCY_SYMBOL": "€"})
    with pytest.raises(SettingsError, match="KL_BILLING_CURRENCY='EUX' cannot be used: it must be an active ISO 4217"):
        load({"KL_BILLING_CURRENCY": "EUX"})


def test_all_settings_are_read() -> None:
    settings = load(
        {
            "KL_DB_LOCATION": "/var/db",
            "KL_DATA_DIR": "/var/data",
            "KL_POLLING_INTERVAL_SEC": "900",
            "KL_COST_MODEL": "charge_back",
            "KL_BILLING_HOURLY_RATE": "12.50",
            "KL_BILLING_CURRENCY": "EUR",
            "KL_BILLING_RESOURCE_WEIGHTS": "cpu=0.5, memory=0.3, gpu=0.2",
            "KL_NVIDIA_DCGM_ENDPOINT": "http://a:9400/metrics, http://b:9400/ http://a:9400/metrics",
            "KL_INCLUDED_NAMESPACES": "team-*, shop",
            "KL_EXCLUDED_NAMESPACES": "kube-*",
            "KL_EXCLUDED_NODES": "type in (virtual-kubelet, fargate)",
            "KL_CLUSTER_NAME": "prod",
            "KL_LOG_LEVEL": "debug",
            "KL_K8S_API_ENDPOINT": "https://10.0.0.1:6443/",
            "KL_K8S_AUTH_TOKEN": "secret-token",
            "KL_K8S_CACERT": "/etc/ca.crt",
            "KL_K8S_API_VERIFY_SSL": "no",
            "KL_K8S_AUTH_CLIENT_CERT": "/etc/c.crt",
            "KL_K8S_AUTH_CLIENT_CERT_KEY": "/etc/c.key",
            "KL_REQUEST_TIMEOUT_SEC": "7.5",
            "KUBECONFIG": "/etc/kube/config",
            "KUBERNETES_SERVICE_HOST": "10.96.0.1",
            "KUBERNETES_SERVICE_PORT": "443",
        }
    )
    assert (settings.db_location, settings.data_dir) == (Path("/var/db"), Path("/var/data"))
    assert (settings.polling_interval_sec, settings.cost_model) == (900, "CHARGE_BACK")
    assert (settings.billing_hourly_rate, settings.billing_currency) == (12.5, "EUR")
    assert settings.billing_resource_weights == pytest.approx({"cpu": 0.5, "memory": 0.3, "gpu": 0.2})
    assert settings.nvidia_dcgm_endpoints == ("http://a:9400/metrics", "http://b:9400")
    assert settings.included_namespaces == ("team-*", "shop")
    assert settings.excluded_namespaces == ("kube-*",)
    assert settings.excluded_nodes == parse_selector("type in (virtual-kubelet,fargate)")
    assert (settings.cluster_name, settings.log_level) == ("prod", "DEBUG")
    assert (settings.k8s_api_endpoint, settings.k8s_auth_token) == ("https://10.0.0.1:6443", "secret-token")
    assert (settings.k8s_cacert, settings.k8s_api_verify_ssl) == (Path("/etc/ca.crt"), False)
    assert settings.k8s_auth_client_cert_key == Path("/etc/c.key")
    assert settings.request_timeout_sec == 7.5
    assert settings.kubeconfig == "/etc/kube/config"
    assert settings.kubernetes_service_host == "10.96.0.1"
    assert "k8s_api_verify_ssl" in settings.explicit


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("KL_POLLING_INTERVAL_SEC", "60", "one of 300, 600, 900, 1200, 1800, 3600"),
        ("KL_POLLING_INTERVAL_SEC", "5m", "one of 300, 600, 900, 1200, 1800, 3600"),
        ("KL_COST_MODEL", "FREE", "CUMULATIVE_RATIO, RATIO, CHARGE_BACK"),
        ("KL_BILLING_HOURLY_RATE", "12,50", "a number above 0"),
        ("KL_BILLING_HOURLY_RATE", "nan", "a number above 0"),
        ("KL_BILLING_HOURLY_RATE", "1e400", "a number above 0"),
        ("KL_BILLING_HOURLY_RATE", "1_0", "a number above 0"),
        ("KL_BILLING_HOURLY_RATE", "٣", "a number above 0"),
        ("KL_BILLING_HOURLY_RATE", "-3", "a number above 0"),
        ("KL_BILLING_RESOURCE_WEIGHTS", "cpu=1,disk=2", "cpu=, memory= and gpu="),
        ("KL_BILLING_RESOURCE_WEIGHTS", "cpu=1,cpu=2", "cpu=, memory= and gpu="),
        ("KL_BILLING_RESOURCE_WEIGHTS", "cpu=-1", "cpu=, memory= and gpu="),
        ("KL_BILLING_RESOURCE_WEIGHTS", "cpu=0", "cpu=, memory= and gpu="),
        ("KL_BILLING_RESOURCE_WEIGHTS", "half", "cpu=, memory= and gpu="),
        ("KL_BILLING_RESOURCE_WEIGHTS", "cpu=1,memory=a", "cpu=, memory= and gpu="),
        ("KL_BILLING_RESOURCE_WEIGHTS", "cpu=1e308,memory=1e308", "cpu=, memory= and gpu="),
        ("KL_NVIDIA_DCGM_ENDPOINT", "dcgm:9400", "a URL"),
        ("KL_K8S_API_ENDPOINT", "10.0.0.1", "a URL"),
        ("KL_K8S_API_ENDPOINT", "https://host:port", "a URL"),
        ("KL_K8S_API_ENDPOINT", "ftp://host", "a URL"),
        ("KL_K8S_API_ENDPOINT", "https://host/?a=b", "without user, password and query"),
        ("KL_K8S_API_ENDPOINT", "https://a b", "a URL"),
        ("KL_EXCLUDED_NAMESPACES", "!kube-*", "globs"),
        ("KL_INCLUDED_NAMESPACES", "a b", "globs"),
        ("KL_EXCLUDED_NODES", "type in ()", "label selector"),
        ("KL_K8S_API_VERIFY_SSL", "maybe", "true or false"),
        ("KL_REQUEST_TIMEOUT_SEC", "0.9", "seconds from 1 to 300"),
        ("KL_REQUEST_TIMEOUT_SEC", "300.1", "seconds from 1 to 300"),
        ("KL_REQUEST_TIMEOUT_SEC", "long", "seconds from 1 to 300"),
        ("KL_DB_LOCATION", "~nobody-of-this-name/db", "a path in full"),
        ("KL_LOG_LEVEL", "loud", "DEBUG, INFO"),
        ("KL_CLUSTER_NAME", "a\nb", "control characters"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed_and_what_to_do(name: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({name: value})
    message = str(caught.value)
    assert name in message
    assert allowed in message
    assert "\n" not in message
    assert message.endswith("Correct it or unset it.")


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_selector_of_nodes_excludes_none(empty: str) -> None:
    assert load({"KL_EXCLUDED_NODES": empty}).excluded_nodes is None


@pytest.mark.parametrize("seconds", [each for each in range(1, 7201) if 3600 % each == 0 or each in (0, 3601, 7200)])
def test_an_interval_is_one_of_six_divisors_of_an_hour_and_all_others_are_refused_with_those(seconds: int) -> None:
    if seconds in (300, 600, 900, 1200, 1800, 3600):
        assert load({"KL_POLLING_INTERVAL_SEC": str(seconds)}).polling_interval_sec == seconds
    else:
        with pytest.raises(SettingsError, match="one of 300, 600, 900, 1200, 1800, 3600"):
            load({"KL_POLLING_INTERVAL_SEC": str(seconds)})


def test_charge_back_without_a_rate_is_refused() -> None:
    with pytest.raises(SettingsError, match="needs a rate: set KL_BILLING_HOURLY_RATE"):
        load({"KL_COST_MODEL": "CHARGE_BACK"})


@pytest.mark.parametrize("rate", ["0", "-1", "-1.0"])
def test_zero_and_minus_one_are_no_rate_as_in_earlier_releases(rate: str) -> None:
    assert load({"KL_BILLING_HOURLY_RATE": rate}).billing_hourly_rate is None
    with pytest.raises(SettingsError, match="needs a rate"):
        load({"KL_BILLING_HOURLY_RATE": rate, "KL_COST_MODEL": "CHARGE_BACK"})


def test_a_rate_is_allowed_with_any_cost_model() -> None:
    assert load({"KL_BILLING_HOURLY_RATE": "3", "KL_COST_MODEL": "RATIO"}).billing_hourly_rate == 3.0


def test_the_other_spelling_of_the_rate_is_accepted() -> None:
    assert load({"KL_HOURLY_BILLING_RATE": "4"}).billing_hourly_rate == 4.0


def test_two_spellings_that_differ_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"KL_BILLING_HOURLY_RATE and KL_HOURLY_BILLING_RATE are two spellings"):
        load({"KL_HOURLY_BILLING_RATE": "4", "KL_BILLING_HOURLY_RATE": "5"})


def test_weights_are_scaled_to_add_up_to_one_and_unnamed_metrics_get_nothing() -> None:
    # 3 : 1 -> 0.75 : 0.25
    weights = load({"KL_BILLING_RESOURCE_WEIGHTS": "cpu=3,memory=1"}).billing_resource_weights
    assert weights == {"cpu": 0.75, "memory": 0.25, "gpu": 0.0}


@pytest.mark.parametrize(
    "environ",
    [
        {"KL_K8S_AUTH_CLIENT_CERT": "/c"},
        {"KL_K8S_AUTH_CLIENT_CERT_KEY": "/k"},
        {"KL_K8S_AUTH_USERNAME": "u"},
        {"KL_K8S_AUTH_PASSWORD": "p"},
    ],
)
def test_half_a_credential_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="belong together: set both or neither"):
        load({**environ})


def test_two_identities_are_refused() -> None:
    with pytest.raises(SettingsError, match="KL_K8S_AUTH_TOKEN and KL_K8S_AUTH_TOKEN_FILE are set"):
        load({"KL_K8S_AUTH_TOKEN": "hush", "KL_K8S_AUTH_TOKEN_FILE": "/t"})


def test_a_password_in_an_address_is_refused_and_not_printed() -> None:
    for address in ("https://ada:hush@host", "https:/ada:hush@host"):
        with pytest.raises(SettingsError) as caught:
            load({"KL_K8S_API_ENDPOINT": address})
        assert "hush" not in str(caught.value)
