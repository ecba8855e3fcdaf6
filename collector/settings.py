"""The collector's settings: one table, and the only reader of the environment.

`load(os.environ)` gives a frozen `Settings` or raises `SettingsError`. An empty value counts as unset. Every `KL_`
name is also accepted with the prefix `KOA_` of earlier releases, with a deprecation notice in `Settings.deprecations`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collector.casts import CASTS, Kind
from kl_core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: documented, and read in one way only."""

    name: str
    default: str
    help: str
    kind: Kind
    allowed: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        """The attribute of `Settings` that holds it."""
        return _FIELD_NAMES.get(self.name, self.name.removeprefix("KL_").lower())


_FIELD_NAMES = {"KL_NVIDIA_DCGM_ENDPOINT": "nvidia_dcgm_endpoints"}

SETTINGS: tuple[Setting, ...] = (
    Setting("KL_DB_LOCATION", "~/.kubeledger/db", "Directory of the round-robin databases.", "path"),
    Setting("KL_DATA_DIR", "~/.kubeledger/data", "Directory the dataset is published to, as JSON.", "path"),
    Setting(
        "KL_PUBLISH_KUBELEDGER_LAYOUT",
        "false",
        "Whether the files of an existing KubeLedger or kube-opex-analytics installation are published as well, for "
        "its dashboards and scripts. It keeps that layout's meanings, its peculiarities included.",
        "flag",
    ),
    Setting(
        "KL_KUBELEDGER_DATA_DIR",
        "",
        "Directory those files are published to. Default: `kubeledger` in KL_DATA_DIR.",
        "path",
    ),
    Setting(
        "KL_POLLING_INTERVAL_SEC",
        "300",
        "Seconds between two samples; samples are taken at UTC multiples of it.",
        "choice",
        allowed=("300", "600", "900", "1800", "3600"),
    ),
    Setting(
        "KL_COST_MODEL",
        "CUMULATIVE_RATIO",
        "Cost model of answers by default: amounts, per cent of capacity, or money (needs a rate).",
        "choice",
        allowed=("CUMULATIVE_RATIO", "RATIO", "CHARGE_BACK"),
    ),
    Setting(
        "KL_BILLING_HOURLY_RATE",
        "",
        "What an hour of the whole cluster costs; cost is published whenever it is set.",
        "rate",
        aliases=("KL_HOURLY_BILLING_RATE",),
    ),
    Setting("KL_BILLING_CURRENCY_SYMBOL", "$", "Currency of the rate, as it is to be shown.", "text"),
    Setting(
        "KL_BILLING_RESOURCE_WEIGHTS",
        "",
        "How the rate is split over cpu, memory and gpu, such as `cpu=0.5,memory=0.3,gpu=0.2`; "
        "scaled to add up to one. Default: by capacity at OpenCost's documented prices.",
        "weights",
    ),
    Setting(
        "KL_NVIDIA_DCGM_ENDPOINT",
        "",
        "URLs of NVIDIA DCGM exporters, separated by commas or spaces; every address behind a name is scraped.",
        "urls",
    ),
    Setting("KL_INCLUDED_NAMESPACES", "", "Globs of the namespaces to charge, comma-separated. Default: all.", "globs"),
    Setting(
        "KL_EXCLUDED_NAMESPACES",
        "",
        "Globs of namespaces summed into the special entry `excluded`, comma-separated; wins over included.",
        "globs",
    ),
    Setting("KL_CLUSTER_NAME", "kubernetes", "Name of the cluster in the dataset.", "text"),
    Setting(
        "KL_LOG_LEVEL",
        "INFO",
        "Least severe log records to write, on standard error.",
        "choice",
        allowed=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    ),
    Setting(
        "KL_K8S_API_ENDPOINT",
        "",
        "URL of the Kubernetes API. Default: the service account of the pod, else the kubeconfig.",
        "url",
    ),
    Setting("KL_K8S_AUTH_TOKEN", "", "Bearer token for the Kubernetes API.", "secret"),
    Setting("KL_K8S_AUTH_TOKEN_FILE", "", "File with the bearer token; re-read when it changes.", "path"),
    Setting("KL_K8S_CACERT", "", "PEM file with the certificate authorities of the Kubernetes API.", "path"),
    Setting("KL_K8S_API_VERIFY_SSL", "true", "Whether the certificate of the Kubernetes API is verified.", "flag"),
    Setting("KL_K8S_AUTH_CLIENT_CERT", "", "PEM file with the client certificate.", "path"),
    Setting("KL_K8S_AUTH_CLIENT_CERT_KEY", "", "PEM file with the client certificate's key.", "path"),
    Setting("KL_K8S_AUTH_USERNAME", "", "User name for basic authentication.", "text"),
    Setting("KL_K8S_AUTH_PASSWORD", "", "Password for basic authentication.", "secret"),
    Setting("KL_REQUEST_TIMEOUT_SEC", "20", "Seconds a source may be silent before its request is given up.", "number"),
)


@dataclass(frozen=True)
class Settings:
    """All settings, checked. Secrets are left out of `repr`."""

    db_location: Path
    data_dir: Path
    publish_kubeledger_layout: bool = False
    kubeledger_data_dir: Path | None = None
    """None: `kubeledger` in `data_dir`."""
    polling_interval_sec: int = 300
    cost_model: str = "CUMULATIVE_RATIO"
    billing_hourly_rate: float | None = None
    """Cost of one hour of the whole cluster; None without a rate."""
    billing_currency_symbol: str = "$"
    billing_resource_weights: Mapping[str, float] | None = None
    """Share of the rate per metric, adding up to one; None for the default split."""
    nvidia_dcgm_endpoints: tuple[str, ...] = ()
    included_namespaces: tuple[str, ...] = ()
    """Globs; empty means every namespace."""
    excluded_namespaces: tuple[str, ...] = ()
    cluster_name: str = "kubernetes"
    log_level: str = "INFO"
    k8s_api_endpoint: str | None = None
    k8s_auth_token: str | None = field(default=None, repr=False)
    k8s_auth_token_file: Path | None = None
    k8s_cacert: Path | None = None
    k8s_api_verify_ssl: bool = True
    k8s_auth_client_cert: Path | None = None
    k8s_auth_client_cert_key: Path | None = None
    k8s_auth_username: str | None = None
    k8s_auth_password: str | None = field(default=None, repr=False)
    request_timeout_sec: float = 20.0
    kubeconfig: str | None = None
    """`KUBECONFIG`: one or several files, separated as in PATH; None for the default file."""
    kubernetes_service_host: str | None = None
    kubernetes_service_port: str | None = None
    """`KUBERNETES_SERVICE_HOST` and `_PORT`, which Kubernetes sets inside a pod."""
    explicit: frozenset[str] = frozenset()
    """Names of the fields that the environment set."""
    deprecations: tuple[str, ...] = ()
    """Sentences about old names that were used; to be logged as warnings."""

    @property
    def layout_dir(self) -> Path:
        """Where the files of an existing installation are published to, if they are."""
        return self.kubeledger_data_dir or self.data_dir / "kubeledger"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from `environ` (default: that of the process); `SettingsError` for the first value that is no use."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    deprecations: list[str] = []
    explicit: set[str] = set()
    for setting in SETTINGS:
        name, text = _find(setting, environ, deprecations)
        if text:
            explicit.add(setting.field)
        value = CASTS[setting.kind](name, text or setting.default, setting.allowed, environ.get("HOME"))
        if value is not None:
            values[setting.field] = value
    settings = Settings(
        **values,
        kubeconfig=environ.get("KUBECONFIG") or None,
        kubernetes_service_host=environ.get("KUBERNETES_SERVICE_HOST") or None,
        kubernetes_service_port=environ.get("KUBERNETES_SERVICE_PORT") or None,
        explicit=frozenset(explicit),
        deprecations=tuple(deprecations),
    )
    _check_together(settings)
    return settings


def _find(setting: Setting, environ: Mapping[str, str], deprecations: list[str]) -> tuple[str, str]:
    """Name and value the environment gives, current names before old ones; the setting's own name and '' if none."""
    spellings = (setting.name, *setting.aliases)
    current = [name for name in spellings if environ.get(name, "").strip()]
    old_names = [name.replace("KL_", "KOA_", 1) for name in spellings]
    old = [name for name in old_names if environ.get(name, "").strip()]
    if len({environ[name].strip() for name in current}) > 1:
        raise SettingsError(
            f"{' and '.join(current)} are two spellings of one setting and differ. Keep {setting.name}."
        )
    for name in old:
        verdict = f"ignored, because {current[0]} is set" if current else "still read"
        deprecations.append(f"{name} is deprecated and {verdict}: rename it to {setting.name}.")
    name = (current or old or [setting.name])[0]
    return name, environ.get(name, "").strip()


def _check_together(settings: Settings) -> None:
    if settings.cost_model == "CHARGE_BACK" and settings.billing_hourly_rate is None:
        raise SettingsError(
            "KL_COST_MODEL is CHARGE_BACK, which needs a rate: set KL_BILLING_HOURLY_RATE to a number above 0, "
            "or choose CUMULATIVE_RATIO or RATIO."
        )
    pairs = (
        ("k8s_auth_client_cert", "k8s_auth_client_cert_key"),
        ("k8s_auth_username", "k8s_auth_password"),
    )
    for one, other in pairs:
        if (getattr(settings, one) is None) != (getattr(settings, other) is None):
            raise SettingsError(f"KL_{one.upper()} and KL_{other.upper()} belong together: set both or neither.")
    credentials = [
        f"KL_{name.upper()}"
        for name in ("k8s_auth_token", "k8s_auth_token_file", "k8s_auth_username")
        if getattr(settings, name) is not None
    ]
    if len(credentials) > 1:
        raise SettingsError(f"{' and '.join(credentials)} are set, but one identity is used: keep one of them.")
