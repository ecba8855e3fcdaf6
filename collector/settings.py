"""The collector's settings: each declared once, as a field of `Settings`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.sampling_times import INTERVALS
from kl_core import casts, settings
from kl_core.currencies import currency
from kl_core.errors import SettingsError
from kl_core.labels import LabelSelector
from kl_core.settings import Loaded, declared, setting


@dataclass(frozen=True)
class Settings(Loaded):
    """All settings, checked. Secrets are left out of `repr`."""

    db_location: Path = setting(
        "KL_DB_LOCATION",
        "Directory of the round-robin databases.",
        casts.path,
        "~/.kubeledger/db",
    )
    data_dir: Path = setting(
        "KL_DATA_DIR",
        "Directory the dataset is published to, as JSON.",
        casts.path,
        "~/.kubeledger/data",
    )
    publish_kubeledger_layout: bool = setting(
        "KL_PUBLISH_KUBELEDGER_LAYOUT",
        "Whether the files of an existing KubeLedger or kube-opex-analytics installation are published as well, for "
        "its dashboards and scripts. It keeps that layout's meanings, its peculiarities included.",
        casts.boolean,
        "false",
    )
    kubeledger_data_dir: Path | None = setting(
        "KL_KUBELEDGER_DATA_DIR",
        "Directory those files are published to. Default: `kubeledger` in KL_DATA_DIR.",
        casts.or_none(casts.path),
    )
    """None: `kubeledger` in `data_dir`."""
    polling_interval_sec: int = setting(
        "KL_POLLING_INTERVAL_SEC",
        "Seconds between two samples, each of which stands for an interval that ends at a UTC multiple of it.",
        casts.OneOf(INTERVALS),
        "300",
    )
    cost_model: str = setting(
        "KL_COST_MODEL",
        "Cost model of answers by default: amounts, per cent of capacity, or money (needs a rate).",
        casts.OneOf(("CUMULATIVE_RATIO", "RATIO", "CHARGE_BACK")),
        "CUMULATIVE_RATIO",
    )
    billing_hourly_rate: float | None = setting(
        "KL_BILLING_HOURLY_RATE",
        "What an hour of the whole cluster costs; cost is published whenever it is set.",
        casts.or_none(casts.rate),
        aliases=("KL_HOURLY_BILLING_RATE",),
    )
    """Cost of one hour of the whole cluster; None without a rate."""
    billing_currency: str = setting(
        "KL_BILLING_CURRENCY",
        "Currency of the rate: an ISO 4217 code such as `EUR`, or a symbol, which is shown as it is but leaves open "
        "which currency it is.",
        currency,
        "$",
        aliases=("KL_BILLING_CURRENCY_SYMBOL",),
    )
    billing_resource_weights: Mapping[str, float] | None = setting(
        "KL_BILLING_RESOURCE_WEIGHTS",
        "How the rate is split over cpu, memory and gpu, such as `cpu=0.5,memory=0.3,gpu=0.2`; scaled to add up to "
        "one. Default: by capacity at OpenCost's documented prices.",
        casts.or_none(casts.weights),
    )
    """Share of the rate per metric, adding up to one; None for the default split."""
    nvidia_dcgm_endpoints: tuple[str, ...] = setting(
        "KL_NVIDIA_DCGM_ENDPOINT",
        "URLs of NVIDIA DCGM exporters, separated by commas or spaces; every address behind a name is scraped.",
        casts.endpoints,
    )
    included_namespaces: tuple[str, ...] = setting(
        "KL_INCLUDED_NAMESPACES",
        "Globs of the namespaces to charge, comma-separated. Default: all.",
        casts.globs,
    )
    """Globs; empty means every namespace."""
    excluded_namespaces: tuple[str, ...] = setting(
        "KL_EXCLUDED_NAMESPACES",
        "Globs of namespaces summed into the special entry `excluded`, comma-separated; wins over included.",
        casts.globs,
    )
    excluded_nodes: LabelSelector | None = setting(
        "KL_EXCLUDED_NODES",
        "Label selector of nodes that are no machines, such as those of virtual kubelets: neither they nor the pods on "
        "them are in any sum. Empty: every node is a machine.",
        casts.or_none(casts.label_selector),
        "type=virtual-kubelet",
        may_be_empty=True,
    )
    cluster_name: str = setting("KL_CLUSTER_NAME", "Name of the cluster in the dataset.", casts.printable, "kubernetes")
    metrics_host: str = setting(
        "KL_METRICS_HOST",
        "Address to serve /metrics and /healthz of `kl-collector run` on.",
        casts.host,
        "127.0.0.1",
    )
    metrics_port: int | None = setting(
        "KL_METRICS_PORT",
        "Port of those; 0 or empty: they are not served. One that is in use is tried again, and ticks go on.",
        casts.or_none(casts.integer(0, 65_535)),
        "9484",
        may_be_empty=True,
    )
    """None or 0: they are not served."""
    log_level: str = setting(
        "KL_LOG_LEVEL",
        "Least severe log records to write, on standard error.",
        casts.OneOf(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
        "INFO",
    )
    k8s_api_endpoint: str | None = setting(
        "KL_K8S_API_ENDPOINT",
        "URL of the Kubernetes API. Default: the service account of the pod, else the kubeconfig.",
        casts.or_none(casts.endpoint),
    )
    k8s_auth_token: str | None = setting(
        "KL_K8S_AUTH_TOKEN",
        "Bearer token for the Kubernetes API.",
        casts.or_none(casts.printable),
        secret=True,
    )
    k8s_auth_token_file: Path | None = setting(
        "KL_K8S_AUTH_TOKEN_FILE",
        "File with the bearer token; re-read when it changes.",
        casts.or_none(casts.path),
    )
    k8s_cacert: Path | None = setting(
        "KL_K8S_CACERT",
        "PEM file with the certificate authorities of the Kubernetes API.",
        casts.or_none(casts.path),
    )
    k8s_api_verify_ssl: bool = setting(
        "KL_K8S_API_VERIFY_SSL",
        "Whether the certificate of the Kubernetes API is verified.",
        casts.boolean,
        "true",
    )
    k8s_auth_client_cert: Path | None = setting(
        "KL_K8S_AUTH_CLIENT_CERT",
        "PEM file with the client certificate.",
        casts.or_none(casts.path),
    )
    k8s_auth_client_cert_key: Path | None = setting(
        "KL_K8S_AUTH_CLIENT_CERT_KEY",
        "PEM file with the client certificate's key.",
        casts.or_none(casts.path),
    )
    k8s_auth_username: str | None = setting(
        "KL_K8S_AUTH_USERNAME",
        "User name for basic authentication.",
        casts.or_none(casts.printable),
    )
    k8s_auth_password: str | None = setting(
        "KL_K8S_AUTH_PASSWORD",
        "Password for basic authentication.",
        casts.or_none(casts.printable),
        secret=True,
    )
    request_timeout_sec: float = setting(
        "KL_REQUEST_TIMEOUT_SEC",
        "Seconds a source may be silent before its request is given up.",
        casts.seconds(1, 300),
        "20",
    )
    kubeconfig: str | None = setting("KUBECONFIG", "", casts.or_none(str))
    """One or several files, separated as in PATH; None for the default file."""
    kubernetes_service_host: str | None = setting("KUBERNETES_SERVICE_HOST", "", casts.or_none(str))
    """This and the next are set by Kubernetes inside a pod."""
    kubernetes_service_port: str | None = setting("KUBERNETES_SERVICE_PORT", "", casts.or_none(str))

    @property
    def layout_dir(self) -> Path:
        """Where the files of an existing installation are published to, if they are."""
        return self.kubeledger_data_dir or self.data_dir / "kubeledger"


SETTINGS = tuple(each for each in declared(Settings) if each.help)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that `environ` gives (default: that of the process). Raises `SettingsError`."""
    loaded = settings.load(Settings, environ)
    _check_together(loaded)
    return loaded


def _check_together(settings: Settings) -> None:
    if settings.cost_model == "CHARGE_BACK" and settings.billing_hourly_rate is None:
        raise SettingsError(
            "KL_COST_MODEL is CHARGE_BACK, which needs a rate: set KL_BILLING_HOURLY_RATE to a number above 0, "
            "or choose CUMULATIVE_RATIO or RATIO."
        )
    for one, other in (
        ("k8s_auth_client_cert", "k8s_auth_client_cert_key"),
        ("k8s_auth_username", "k8s_auth_password"),
    ):
        if (getattr(settings, one) is None) != (getattr(settings, other) is None):
            raise SettingsError(f"KL_{one.upper()} and KL_{other.upper()} belong together: set both or neither.")
    credentials = [
        f"KL_{name.upper()}"
        for name in ("k8s_auth_token", "k8s_auth_token_file", "k8s_auth_username")
        if getattr(settings, name) is not None
    ]
    if len(credentials) > 1:
        raise SettingsError(f"{' and '.join(credentials)} are set, but one identity is used: keep one of them.")
