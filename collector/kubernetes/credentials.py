"""Where the cluster is and who asks: explicit settings, else the pod's service account, else the kubeconfig.

The `kubernetes` client library reads kubeconfig (token, client certificate, exec plugins) and the service account,
whose rotating token it reads again every minute. `KL_K8S_…` settings override what it found. A configuration is made
anew for every tick, so that a changed kubeconfig, certificate or exec credential is noticed too.

The service account's token is for the cluster that the pod runs in, and sent to no other address unless it is named as
the token file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, kube_config
from kubernetes.config.incluster_config import SERVICE_CERT_FILENAME, SERVICE_TOKEN_FILENAME, InClusterConfigLoader
from urllib3.util import make_headers

from collector.errors import SourceError
from collector.settings import Settings
from kl_core.errors import SettingsError

SERVICE_ACCOUNT = Path(SERVICE_TOKEN_FILENAME).parent
DEFAULT_KUBECONFIG = "~/.kube/config"
# The Service of the API server. No other suffix: `kubernetes.default.svc.example.com` can be anybody's.
IN_CLUSTER_NAMES = frozenset({"kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"})


def configuration(settings: Settings, service_account: Path = SERVICE_ACCOUNT) -> Configuration:
    """Client configuration for the cluster that `settings` mean.

    Raises `SettingsError` where there is no cluster to talk to or a named file is missing, `SourceError` where
    credentials cannot be loaded now but may be later.
    """
    config = Configuration()
    if settings.k8s_api_endpoint:
        config.host = settings.k8s_api_endpoint
        _borrow_service_account(config, settings, service_account)
    elif _in_cluster(settings, service_account):
        _load(lambda: _load_service_account(config, settings, service_account))
    else:
        _load(lambda: _load_kubeconfig(config, settings))
    _override(config, settings)
    # Requests are repeated by the session, which knows which ones may be.
    config.retries = False
    return config


def _in_cluster(settings: Settings, service_account: Path) -> bool:
    token = service_account / Path(SERVICE_TOKEN_FILENAME).name
    return bool(settings.kubernetes_service_host and settings.kubernetes_service_port and token.is_file())


def _load_service_account(config: Configuration, settings: Settings, service_account: Path) -> None:
    environ = {
        "KUBERNETES_SERVICE_HOST": settings.kubernetes_service_host,
        "KUBERNETES_SERVICE_PORT": settings.kubernetes_service_port,
    }
    token = service_account / Path(SERVICE_TOKEN_FILENAME).name
    certificate = service_account / Path(SERVICE_CERT_FILENAME).name
    loader = InClusterConfigLoader(str(token), str(certificate), environ=environ)  # type: ignore[no-untyped-call]
    loader.load_and_set(config)  # type: ignore[no-untyped-call]


def _borrow_service_account(config: Configuration, settings: Settings, service_account: Path) -> None:
    """Inside a pod, the explicit address of its own cluster gets the service account's credentials, over TLS only.

    Raises `SettingsError` for an https address elsewhere that has no credentials of its own.
    """
    own = (settings.k8s_auth_token, settings.k8s_auth_token_file, settings.k8s_auth_username)
    token = service_account / Path(SERVICE_TOKEN_FILENAME).name
    if any(own) or settings.k8s_auth_client_cert is not None or not token.is_file() or not _is_https(config):
        return
    if not _is_own_cluster(settings):
        raise SettingsError(
            f"KL_K8S_API_ENDPOINT is {settings.k8s_api_endpoint!r}, which is not known for an address of the cluster "
            f"that this pod runs in, and there are no credentials for it. Set KL_K8S_AUTH_TOKEN_FILE or another "
            f"KL_K8S_AUTH_… setting. If it is the same cluster, unset KL_K8S_API_ENDPOINT, or set "
            f"KL_K8S_AUTH_TOKEN_FILE to {token}."
        )
    _use_token_file(config, token)
    certificate = service_account / Path(SERVICE_CERT_FILENAME).name
    if certificate.is_file():
        config.ssl_ca_cert = str(certificate)


def _is_own_cluster(settings: Settings) -> bool:
    host = (urlsplit(settings.k8s_api_endpoint or "").hostname or "").removesuffix(".")
    service_host = (settings.kubernetes_service_host or "").strip("[]").lower()
    return host in IN_CLUSTER_NAMES or (host != "" and host == service_host)


def _is_https(config: Configuration) -> bool:
    return str(config.host).startswith("https://")


def _load_kubeconfig(config: Configuration, settings: Settings) -> None:
    paths = [path for path in (settings.kubeconfig or DEFAULT_KUBECONFIG).split(os.pathsep) if path]
    if not any(Path(path).expanduser().is_file() for path in paths):
        raise SettingsError(
            f"No cluster to talk to: KL_K8S_API_ENDPOINT is not set, this is not a pod with a service account, and "
            f"there is no kubeconfig at {', '.join(paths)}. Set KL_K8S_API_ENDPOINT, or point KUBECONFIG at a file."
        )
    kube_config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=os.pathsep.join(paths), client_configuration=config, persist_config=False
    )


def _load(load: Callable[[], None]) -> None:
    try:
        load()
    except (ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise SourceError(
            "kubernetes",
            f"the kubeconfig or service account cannot be used ({reason}). Correct it, or set KL_K8S_API_ENDPOINT.",
        ) from error


def _override(config: Configuration, settings: Settings) -> None:
    for field in ("k8s_cacert", "k8s_auth_token_file", "k8s_auth_client_cert", "k8s_auth_client_cert_key"):
        path = getattr(settings, field)
        if path is not None and not path.is_file():
            raise SettingsError(f"KL_{field.upper()} is {str(path)!r}, but there is no such file. Correct the path.")
    if settings.k8s_cacert:
        config.ssl_ca_cert, config.ca_cert_data = str(settings.k8s_cacert), None
    if "k8s_api_verify_ssl" in settings.explicit:
        config.verify_ssl = settings.k8s_api_verify_ssl
    if settings.k8s_auth_client_cert:
        config.cert_file, config.key_file = str(settings.k8s_auth_client_cert), str(settings.k8s_auth_client_cert_key)
    if settings.k8s_auth_token:
        _use_header(config, f"Bearer {settings.k8s_auth_token}")
    elif settings.k8s_auth_token_file:
        _use_token_file(config, settings.k8s_auth_token_file)
    elif settings.k8s_auth_username:
        credentials = f"{settings.k8s_auth_username}:{settings.k8s_auth_password}"
        _use_header(config, make_headers(basic_auth=credentials)["authorization"])


def _use_header(config: Configuration, authorization: str) -> None:
    config.refresh_api_key_hook = None
    config.api_key["BearerToken"] = authorization


def _use_token_file(config: Configuration, path: Path) -> None:
    """Read the token for every request: it is small, and the kubelet replaces it when it pleases."""

    def read(into: Configuration) -> None:
        try:
            token = path.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise SourceError("kubernetes", f"the token file {path} cannot be read: {error}. Correct it.") from error
        into.api_key["BearerToken"] = f"Bearer {token}"

    read(config)
    config.refresh_api_key_hook = read  # type: ignore[assignment]
