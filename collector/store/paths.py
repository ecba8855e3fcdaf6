"""Where the store keeps what: the three forms of round-robin databases, and their paths.

cluster.rrd                                     CLUSTER
namespaces/NAME.rrd, namespaces/NAME.gpu.rrd    ENTRY, GPU
special/NAME.rrd, special/NAME.gpu.rrd          ENTRY, GPU
namespaces.json  nodes.json  rates.json  gpus.json  journal/  ledger/  lock
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from collector.errors import StoreError
from kl_core.vocabulary import BILLED_METRICS, METRICS, SOURCES, Metric

EntryKind = Literal["namespace", "special"]
KINDS: tuple[EntryKind, ...] = ("namespace", "special")

_SHORT: dict[Metric, str] = {"cpu": "cpu", "memory": "mem", "gpu": "gpu", "gpu_memory": "gpu_mem"}

CAPACITY_SOURCES: dict[Metric, str] = {metric: f"cap_{_SHORT[metric]}" for metric in METRICS}
ALLOCATABLE_SOURCES: dict[Metric, str] = {metric: f"alloc_{_SHORT[metric]}" for metric in METRICS}
USAGE_SOURCES: dict[Metric, str] = {metric: f"{_SHORT[metric]}_usage" for metric in METRICS}
REQUESTS_SOURCES: dict[Metric, str] = {metric: f"{_SHORT[metric]}_requests" for metric in BILLED_METRICS}
OBSERVED_SOURCES = {source: f"observed_{source}" for source in SOURCES}
OBSERVED_PODS = "observed_pods"
CONFIGURED_DCGM = "configured_dcgm"


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """The data sources of a kind of file, in order; cores, bytes, GPU equivalents, shares of one. Equal by identity."""

    suffix: str
    sources: tuple[str, ...]


CLUSTER = Form(
    ".rrd",
    (
        *CAPACITY_SOURCES.values(),
        *ALLOCATABLE_SOURCES.values(),
        *OBSERVED_SOURCES.values(),
        OBSERVED_PODS,
        CONFIGURED_DCGM,
    ),
)
ENTRY = Form(".rrd", ("cpu_usage", "mem_usage", "cpu_requests", "mem_requests", "measured"))
GPU = Form(".gpu.rrd", ("gpu_usage", "gpu_requests", "gpu_mem_usage"))

REGISTRY_FILE = "namespaces.json"
NODES_FILE = "nodes.json"
RATES_FILE = "rates.json"
GPUS_FILE = "gpus.json"
JOURNAL_FOLDER = "journal"
LEDGER_FOLDER = "ledger"
LOCK_FILE = "lock"
FOLDERS: dict[EntryKind, str] = {"namespace": "namespaces", "special": "special"}

_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class EntryKey(NamedTuple):
    """What databases are kept of. Special entries have their own kind because their names are legal namespace names."""

    kind: EntryKind
    name: str


class RrdFile(NamedTuple):
    """One round-robin database of the store."""

    kind: EntryKind | Literal["cluster"]
    name: str
    form: Form

    def path(self, directory: Path) -> Path:
        """Its place under the database location."""
        if self.kind == "cluster":
            return directory / "cluster.rrd"
        return directory / FOLDERS[self.kind] / f"{self.name}{self.form.suffix}"


CLUSTER_FILE = RrdFile("cluster", "", CLUSTER)


def rrd_file(path: str) -> RrdFile:
    """Return the database whose place below the database location is `path`."""
    folder, _, name = path.rpartition("/")
    kind = next((kind for kind in KINDS if FOLDERS[kind] == folder), None)
    if kind is None:
        return CLUSTER_FILE
    form = GPU if name.endswith(GPU.suffix) else ENTRY
    return RrdFile(kind, name.removesuffix(form.suffix), form)


def check_name(kind: EntryKind, name: str) -> None:
    """StoreError unless `name` is a DNS label (RFC 1123), as Kubernetes demands; it becomes part of a path."""
    if not _DNS_LABEL.fullmatch(name):
        raise StoreError(
            f"{kind} name {name!r} is not a DNS label (1 to 63 of a-z, 0-9 and '-', no '-' at either end), which "
            "every name in Kubernetes is, so nothing was stored. Check what answers at the Kubernetes endpoint"
        )
