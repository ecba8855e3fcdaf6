"""Settings of kl-mcp."""

from __future__ import annotations

from pathlib import Path

import pytest

from kl_core.errors import SettingsError
from kl_mcp.settings import SETTINGS, load


@pytest.mark.requirement("KL-X-1")
def test_without_flags_and_variables_the_documented_defaults_hold() -> None:
    settings = load({}, [])

    assert settings.data_dir == Path("~/.kubeledger/data").expanduser()
    assert (settings.transport, settings.host, settings.port) == ("http", "127.0.0.1", 5484)
    assert (settings.allowed_hosts, settings.allowed_origins) == ((), ())
    assert settings.system_namespace_prefixes == ("kube-", "openshift-")
    assert (settings.share_namespaces, settings.share_idle, settings.cost_multiplier) == ((), False, 1.0)
    assert settings.log_level is None  # which is left to the transport
    assert (settings.tokens_file, settings.audit_log) == (None, "")
    assert (settings.max_requests, settings.max_request_bytes, settings.client_timeout) == (256, 256 * 1024, 20)
    assert (settings.tls_cert_file, settings.tls_key_file, settings.metrics_port) == (None, None, None)
    assert (settings.jwt_jwks, settings.jwt_issuer, settings.jwt_audience, settings.resource_url) == ("", "", "", "")
    assert (settings.jwt_required_scopes, settings.jwt_namespaces_claim) == ((), "")


def test_a_flag_wins_over_its_variable_and_a_variable_over_the_default() -> None:
    environ = {"KL_MCP_LISTEN_PORT": "6000", "KL_MCP_LISTEN_HOST": "0.0.0.0"}

    settings = load(environ, ["--port", "7000"])

    assert (settings.port, settings.host) == (7000, "0.0.0.0")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"KL_DATA_DIR": "/collector"}, "/collector"),
        ({"KL_DATA_DIR": "/collector", "KL_MCP_DATA_DIR": "/mine"}, "/mine"),
        ({"KL_DATA_DIR": "/collector", "KL_MCP_DATA_DIR": ""}, "/collector"),
    ],
)
def test_the_collectors_directory_is_used_unless_the_server_has_its_own(environ: dict[str, str], expected: str) -> None:
    assert load(environ, []).data_dir == Path(expected)


def test_lists_are_separated_by_commas_and_spaces_around_names_do_not_count() -> None:
    settings = load({"KL_MCP_ALLOWED_HOSTS": "a.example, b.example:8080 ,", "KL_MCP_ALLOWED_ORIGINS": "https://c/"}, [])

    assert settings.allowed_hosts == ("a.example", "b.example:8080")
    assert settings.allowed_origins == ("https://c",)


def test_sharing_is_set_by_variables_or_flags() -> None:
    environ = {"KL_SHARE_NAMESPACES": "kube-*, infra,infra", "KL_SHARE_IDLE": "TRUE", "KL_COST_MULTIPLIER": "1.15"}

    settings = load(environ, [])
    assert settings.share_namespaces == ("kube-*", "infra")
    assert (settings.share_idle, settings.cost_multiplier) == (True, 1.15)

    flagged = load(environ, ["--share-namespaces", "ops", "--share-idle", "no", "--cost-multiplier", "2"])
    assert (flagged.share_namespaces, flagged.share_idle, flagged.cost_multiplier) == (("ops",), False, 2.0)


@pytest.mark.parametrize("jwks", ["https://idp.example/keys", "http://127.0.0.1:8080/keys", "/etc/keys.json"])
def test_keys_come_over_https_from_this_machine_or_from_a_file(jwks: str) -> None:
    environ = {"KL_MCP_JWT_ISSUER": "https://idp.example", "KL_MCP_RESOURCE_URL": "https://k.example/mcp"}

    assert load({**environ, "KL_MCP_JWT_JWKS": jwks}, []).jwt_jwks == jwks


def test_share_idle_needs_no_value() -> None:
    settings = load({}, ["--share-idle", "--port", "7000"])

    assert (settings.share_idle, settings.port) == (True, 7000)


@pytest.mark.parametrize(
    ("environ", "argv", "named"),
    [
        ({"KL_MCP_LISTEN_PORT": "http"}, [], ["KL_MCP_LISTEN_PORT='http'", "0 to 65535"]),
        ({"KL_MCP_LISTEN_PORT": "65536"}, [], ["65536", "0 to 65535"]),
        ({"KL_MCP_LISTEN_PORT": "٥٤"}, [], ["KL_MCP_LISTEN_PORT", "0 to 65535"]),
        ({}, ["--port", "-1"], ["--port"]),
        ({"KL_MCP_TRANSPORT": "sse"}, [], ["KL_MCP_TRANSPORT='sse'", "one of http, stdio"]),
        ({}, ["--transport", "pipe"], ["--transport='pipe'", "one of http, stdio"]),
        ({"KL_MCP_LISTEN_HOST": "fe80::1%eth0"}, [], ["KL_MCP_LISTEN_HOST", "zone"]),
        ({"KL_MCP_LISTEN_HOST": "http://x"}, [], ["KL_MCP_LISTEN_HOST", "without scheme"]),
        ({"KL_MCP_LOG_LEVEL": "loud"}, [], ["KL_MCP_LOG_LEVEL='loud'", "one of debug, info"]),
        ({"KL_MCP_ALLOWED_HOSTS": "https://x"}, [], ["KL_MCP_ALLOWED_HOSTS", "host names"]),
        ({"KL_MCP_ALLOWED_ORIGINS": "x.example"}, [], ["KL_MCP_ALLOWED_ORIGINS", "https://"]),
        ({"KL_MCP_ALLOWED_ORIGINS": "https://x.example/path"}, [], ["KL_MCP_ALLOWED_ORIGINS", "https://"]),
        ({"KL_MCP_ALLOWED_HOSTS": "[x.example"}, [], ["KL_MCP_ALLOWED_HOSTS", "host names"]),
        ({"KL_DATA_DIR": "a\0b"}, [], ["KL_DATA_DIR", "NUL"]),
        ({"KL_SHARE_NAMESPACES": "!infra"}, [], ["KL_SHARE_NAMESPACES='!infra'", "cannot be negated"]),
        ({"KL_SHARE_NAMESPACES": "{a,b}"}, [], ["KL_SHARE_NAMESPACES", "braces"]),
        ({"KL_SHARE_NAMESPACES": "kube-* infra"}, [], ["KL_SHARE_NAMESPACES", "separated by commas"]),
        ({}, ["--share-namespaces", "x" * 257], ["--share-namespaces", "1 to 256 characters"]),
        ({}, ["--share-namespaces", "a" * 250 + ",b" * 4_876], ["--share-namespaces", "10,000 characters"]),
        ({"KL_MCP_TOKENS_FILE": "a\0b"}, [], ["KL_MCP_TOKENS_FILE", "NUL"]),
        ({"KL_MCP_AUDIT_LOG": "a\0b"}, [], ["KL_MCP_AUDIT_LOG", "NUL"]),
        ({"KL_MCP_MAX_REQUESTS": "0"}, [], ["KL_MCP_MAX_REQUESTS='0'", "1 to 100000"]),
        ({"KL_MCP_MAX_REQUEST_BYTES": "1e6"}, [], ["KL_MCP_MAX_REQUEST_BYTES", "1024 to 67108864"]),
        ({"KL_MCP_CLIENT_TIMEOUT": "20s"}, [], ["KL_MCP_CLIENT_TIMEOUT", "1 to 3600"]),
        ({"KL_MCP_TLS_CERT_FILE": "/tls/tls.crt"}, [], ["KL_MCP_TLS_KEY_FILE is not set"]),
        ({}, ["--tls-key-file", "/tls/tls.key"], ["KL_MCP_TLS_CERT_FILE is not set"]),
        ({"KL_MCP_METRICS_PORT": "metrics"}, [], ["KL_MCP_METRICS_PORT='metrics'", "0 to 65535"]),
        ({"KL_MCP_METRICS_PORT": "5484"}, [], ["KL_MCP_METRICS_PORT=5484", "main port"]),
        ({"KL_MCP_JWT_JWKS": "http://idp.example/jwks"}, [], ["KL_MCP_JWT_JWKS", "https URL"]),
        ({"KL_MCP_JWT_JWKS": "https://[/jwks"}, [], ["KL_MCP_JWT_JWKS", "https URL"]),
        ({"KL_MCP_JWT_JWKS": "http://localhost.idp.example/jwks"}, [], ["KL_MCP_JWT_JWKS", "could be anybody's"]),
        ({"KL_MCP_JWT_JWKS": "http://127.0.0.1@idp.example/jwks"}, [], ["KL_MCP_JWT_JWKS", "could be anybody's"]),
        ({"KL_MCP_JWT_JWKS": "file:///keys.json"}, [], ["KL_MCP_JWT_JWKS", "the name of a file"]),
        ({"KL_MCP_JWT_JWKS": "/keys.json"}, [], ["KL_MCP_JWT_ISSUER and KL_MCP_RESOURCE_URL", "set it too"]),
        ({"KL_MCP_JWT_ISSUER": "https://idp.example"}, [], ["KL_MCP_JWT_ISSUER is set, but not KL_MCP_JWT_JWKS"]),
        ({"KL_MCP_JWT_AUDIENCE": "kubeledger"}, [], ["KL_MCP_JWT_AUDIENCE is set, but not KL_MCP_JWT_JWKS"]),
        ({}, ["--jwt-required-scopes", "read"], ["KL_MCP_JWT_REQUIRED_SCOPES is set, but not KL_MCP_JWT_JWKS"]),
        ({"KL_MCP_JWT_NAMESPACES_CLAIM": "ns"}, [], ["KL_MCP_JWT_NAMESPACES_CLAIM is set, but not KL_MCP_JWT_JWKS"]),
        ({"KL_MCP_JWT_ISSUER": "idp.example"}, [], ["KL_MCP_JWT_ISSUER cannot be used", "https://"]),
        ({"KL_MCP_RESOURCE_URL": "https:///mcp"}, [], ["KL_MCP_RESOURCE_URL", "https://"]),
        ({"KL_MCP_RESOURCE_URL": "https://k .example/mcp"}, [], ["KL_MCP_RESOURCE_URL", "https://"]),
        ({"KL_SHARE_IDLE": "maybe"}, [], ["KL_SHARE_IDLE='maybe'", "true or false"]),
        ({"KL_COST_MULTIPLIER": "0"}, [], ["KL_COST_MULTIPLIER='0'", "above 0"]),
        ({"KL_COST_MULTIPLIER": "-1.2"}, [], ["KL_COST_MULTIPLIER", "above 0"]),
        ({"KL_COST_MULTIPLIER": "1,15"}, [], ["KL_COST_MULTIPLIER", "1.15"]),
        ({"KL_COST_MULTIPLIER": "15%"}, [], ["KL_COST_MULTIPLIER", "1.15"]),
        ({"KL_COST_MULTIPLIER": "inf"}, [], ["KL_COST_MULTIPLIER", "above 0"]),
        ({}, ["--cost-multiplier", "nan"], ["--cost-multiplier='nan'", "above 0"]),
        ({}, ["--cost-multiplier", "1_0"], ["--cost-multiplier", "above 0"]),
        ({}, ["--cost-multiplier", "٣"], ["--cost-multiplier", "above 0"]),
        ({}, ["--cost-multiplier"], ["--cost-multiplier", "--help"]),
        ({}, ["--prot", "1"], ["--prot", "--port", "--help"]),
        ({}, ["/data"], ["'/data'", "--help"]),
        ({}, ["--port"], ["--port", "--help"]),
    ],
)
def test_nonsense_is_refused_in_one_line_that_names_setting_and_remedy(
    environ: dict[str, str], argv: list[str], named: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ, argv)

    message = str(caught.value)
    assert "\n" not in message
    for part in named:
        assert part in message


def test_help_names_every_setting_with_variable_flag_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load({}, ["--help"])

    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for setting in SETTINGS:
        assert setting.flag in text
        assert setting.name in text
        assert setting.default in text
    assert "claude mcp add" in text


@pytest.mark.parametrize(
    ("environ", "argv"),
    [
        ({"KL_MCP_JWT_JWKS": "https://kl:hunter2hunter2@idp.example/jwks"}, []),
        ({"KL_MCP_JWT_JWKS": "https:/kl:hunter2hunter2@idp.example/jwks"}, []),
        ({"KL_MCP_JWT_JWKS": "http://idp.example/jwks?key=hunter2hunter2"}, []),
        ({"KL_MCP_JWT_ISSUER": "https://kl:hunter2hunter2@idp.example"}, []),
        ({"KL_MCP_RESOURCE_URL": "https://hunter2hunter2@k.example/mcp"}, []),
        ({}, ["--jwt-jwks", "https://kl:hunter2hunter2@idp.example/jwks"]),
        ({}, ["--jwt-jwk=https://kl:hunter2hunter2@idp.example/jwks"]),
    ],
)
def test_a_password_in_an_address_is_refused_and_not_printed(environ: dict[str, str], argv: list[str]) -> None:
    usable = {"KL_MCP_JWT_ISSUER": "https://idp.example", "KL_MCP_RESOURCE_URL": "https://k.example/mcp"}
    with pytest.raises(SettingsError) as refused:
        load({**usable, "KL_MCP_JWT_JWKS": "https://idp.example/jwks", **environ}, argv)

    assert "hunter2" not in str(refused.value)
