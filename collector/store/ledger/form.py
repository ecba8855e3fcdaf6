"""The form of a ledger's lines, member by member in their order; `spec/ledger` is the same as JSON Schema.

What is equal to its default is left out. The chain is no member here: `chain` puts it behind the others.
"""

import json
import re
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from collector.hour import HourAmount, Origin
from collector.model import CapacityType, StoredSpecial, UnmeasuredReason, UnobservedCause
from kl_core.vocabulary import Metric, Source

SCHEMA: Literal["kubeledger.ledger/1"] = "kubeledger.ledger/1"

ColumnOfAmounts = list[int | None]
"""One element a name of the day, in the order of names; null is unknown."""
AmountIfGiven = int | None | UnsetType
AmountField = Literal["usage", "requests", "charged", "usage_matched", "requests_matched"]
AMOUNT_FIELDS: tuple[AmountField, ...] = ("usage", "requests", "charged", "usage_matched", "requests_matched")


class _Form(Struct, forbid_unknown_fields=True, omit_defaults=True):
    pass


class LedgerCluster(Struct, frozen=True, forbid_unknown_fields=True):
    """Which cluster a ledger is of."""

    name: str
    uid: str | None
    """Of the namespace `kube-system`; None where it may not be read."""
    created: str | None
    """When that namespace was created, such as `2026-10-03T14:00:00Z`."""


class UnobservedDays(_Form, omit_defaults=False):
    """Days without a file."""

    first: str
    last: str


class NamedLabels(_Form, omit_defaults=False):
    """A namespace that follows in the order of names."""

    name: str
    labels: dict[str, str]


class NodeLine(_Form):
    """What a node is from here on. Thousandths of cores and GPUs, and MiB."""

    name: str
    instance_type: str | None = None
    zone: str | None = None
    pool: str | None = None
    capacity_type: CapacityType | None = None
    labels: dict[str, str] = {}
    capacity: dict[Metric, HourAmount] = {}
    allocatable: dict[Metric, HourAmount] = {}


class Header(_Form, omit_defaults=False):
    """The first line of a day."""

    schema: Literal["kubeledger.ledger/1"]
    date: str
    cluster: LedgerCluster
    previous: str
    unobserved_days: UnobservedDays | None
    namespaces: list[NamedLabels]
    nodes: list[NodeLine]


class RateLine(_Form, omit_defaults=False):
    """The rate in force: currency per hour of the whole cluster."""

    rate: float
    currency: str
    weights: dict[Metric, float] | None


class MetricColumns(_Form):
    """Of namespaces; `charged` is what it is above `requests`."""

    usage: ColumnOfAmounts | None = None
    requests: ColumnOfAmounts | None = None
    charged: ColumnOfAmounts | None = None
    usage_matched: ColumnOfAmounts | None = None
    requests_matched: ColumnOfAmounts | None = None


class UsageColumn(_Form):
    """Of namespaces, where nothing can be requested."""

    usage: ColumnOfAmounts | None = None


class MetricAmounts(_Form):
    """The same as `MetricColumns`, of a special entry."""

    usage: AmountIfGiven = UNSET
    requests: AmountIfGiven = UNSET
    charged: AmountIfGiven = UNSET
    usage_matched: AmountIfGiven = UNSET
    requests_matched: AmountIfGiven = UNSET


class UsageAmount(_Form):
    """The same as `UsageColumn`, of a special entry."""

    usage: AmountIfGiven = UNSET


class SpecialLine(_Form):
    """What a special entry came to."""

    cpu: MetricAmounts | None = None
    memory: MetricAmounts | None = None
    gpu: MetricAmounts | None = None
    gpu_memory: UsageAmount | None = None
    measured: AmountIfGiven = UNSET
    gpu_measured: AmountIfGiven = UNSET
    unmeasured: dict[UnmeasuredReason, int] = {}
    storage: dict[str, HourAmount] = {}


class NodeMetricColumns(_Form):
    """Of nodes."""

    usage: ColumnOfAmounts | None = None
    requests: ColumnOfAmounts | None = None


class NodeColumns(_Form, kw_only=True):
    """Of nodes, in the order in which the day names them."""

    cpu: NodeMetricColumns | None = None
    memory: NodeMetricColumns | None = None
    gpu: NodeMetricColumns | None = None
    gpu_memory: UsageColumn | None = None
    present: list[int]
    pods: list[int]


class PerMetric(_Form, omit_defaults=False):
    """Of the cluster; null is unknown."""

    cpu: HourAmount
    memory: HourAmount
    gpu: HourAmount
    gpu_memory: HourAmount


class PerSource(_Form, omit_defaults=False):
    """Seconds observed; null for a source that is not configured."""

    kubernetes: HourAmount
    metrics: HourAmount
    dcgm: HourAmount


class Bill(_Form):
    """Millionths of the currency."""

    cpu: int | None = None
    memory: int | None = None
    gpu: int | None = None


class HourLine(_Form, kw_only=True):
    """A closed hour. HourAmounts as in `collector.hour`; what a member is that is absent, `spec/ledger` says."""

    hour: str
    origin: Origin
    names: list[NamedLabels] = []
    labels: dict[str, dict[str, str]] = {}
    node_changes: list[NodeLine] = []
    observed: PerSource
    pods_observed: int
    unobserved: dict[Source, dict[UnobservedCause, int]] = {}
    storage_observed: HourAmount = None
    capacity: PerMetric
    allocatable: PerMetric
    rate: RateLine | None = None
    bill: Bill | None = None
    cpu: MetricColumns | None = None
    memory: MetricColumns | None = None
    gpu: MetricColumns | None = None
    gpu_memory: UsageColumn | None = None
    measured: ColumnOfAmounts | None = None
    gpu_measured: ColumnOfAmounts | None = None
    unmeasured: dict[UnmeasuredReason, dict[str, int]] = {}
    storage: dict[str, ColumnOfAmounts] = {}
    gone: list[int] = []
    special: dict[StoredSpecial, SpecialLine] = {}
    nodes: NodeColumns | None = None


_HEADER = msgspec.json.Decoder(Header)
_HOUR = msgspec.json.Decoder(HourLine)
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")


def encode(line: Header | HourLine) -> bytes:
    """Return a line without its chain, in ASCII."""
    content = msgspec.json.encode(line)
    if content.isascii():
        return content
    # Only text has such characters, where their escapes mean the same.
    return _BEYOND_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], content.decode()).encode()


def decode_header(body: bytes) -> Header:
    """Return the first line of a day. ValueError for what is none."""
    return _HEADER.decode(body)


def decode_hour(body: bytes) -> HourLine:
    """Return another line. ValueError for what is none."""
    return _HOUR.decode(body)
