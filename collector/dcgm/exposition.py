"""GPUs as NVIDIA's DCGM exporter reports them, in Prometheus' text format.

Fields: `DCGM_FI_DEV_GPU_UTIL` (per cent), `DCGM_FI_PROF_GR_ENGINE_ACTIVE` (0 to 1, the only one a MIG instance has),
`DCGM_FI_DEV_FB_USED` and `_FREE` (MiB), or their names in the exporter's 1.x-compatible set. A series is of one
device: a GPU by `UUID`, or an instance of it by `GPU_I_ID`. A GPU that several pods share is reported once per pod.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from collector.errors import SourceError
from collector.mig_profiles import is_mig_profile, profile_share
from collector.observations import GpuDevice

log = logging.getLogger(__name__)

MIB = 2**20

_UTILISATION = "DCGM_FI_DEV_GPU_UTIL"
_ENGINE_ACTIVE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
_USED = "DCGM_FI_DEV_FB_USED"
_FREE = "DCGM_FI_DEV_FB_FREE"
# The largest plausible value: DCGM writes a blank as a number near 2**31 or 2**63.
_LIMITS = {_UTILISATION: 100.0, _ENGINE_ACTIVE: 1.0, _USED: 2.0**24, _FREE: 2.0**24}
# `etc/1.x-compatibility-metrics.csv` of the exporter.
_FIELDS = {name: name for name in _LIMITS} | {
    "dcgm_gpu_utilization": _UTILISATION,
    "dcgm_fi_prof_gr_engine_active": _ENGINE_ACTIVE,
    "dcgm_fb_used": _USED,
    "dcgm_fb_free": _FREE,
}

# The 1.x-compatible pages write `uuid`, the newest exporters `hostname`.
_UUID_LABELS = ("UUID", "uuid")
_HOST_LABELS = ("Hostname", "hostname")
# A Prometheus that scraped the exporter keeps its labels as `exported_…` and puts the exporter's own pod in `pod`;
# the exporter's old names come last.
_HOLDER_LABELS = (
    ("exported_namespace", "exported_pod"),
    ("namespace", "pod"),
    ("pod_namespace", "pod_name"),
)

_EXPORTER = "dcgm-exporter"

_DeviceKey = tuple[str, str, str | None]
"""Host name, GPU UUID, and instance id on MIG."""


@dataclass(slots=True)
class _Reading:
    """What the series of one device said so far."""

    labels: Mapping[str, str]
    values: dict[str, float] = field(default_factory=dict)
    holders: dict[tuple[str, str], None] = field(default_factory=dict)


def parse_exposition(text: str) -> tuple[GpuDevice, ...]:
    """Return the devices of one exporter's page.

    `SourceError` when it is no Prometheus text. A page without the fields above has no devices. A device without a
    plausible value of a field has None for it; a line that cannot be read costs the value that it should have told.
    """
    readings: dict[_DeviceKey, _Reading] = {}
    for sample in _samples(text):
        _read(readings, _FIELDS[sample.name], sample.labels, sample.value)
    return merge((_device(key, reading) for key, reading in readings.items()), each_host=True)


def _samples(text: str) -> list[Sample]:
    wanted = _wanted(text)
    try:
        return _parsed(wanted)
    except ValueError as error:
        samples, odd = _line_by_line(wanted)
        if not samples:
            raise SourceError(
                "dcgm", f"the page is not Prometheus text ({error}). Check that it is a DCGM exporter's."
            ) from error
        log.warning("dcgm: %d lines of a page cannot be read (%s); what they should tell is unknown", odd, error)
        return samples


def _line_by_line(text: str) -> tuple[list[Sample], int]:
    """Return the samples of the lines that can be read, and how many cannot."""
    samples: list[Sample] = []
    odd = 0
    for line in text.splitlines():
        try:
            samples += _parsed(line + "\n")
        except ValueError:
            odd += 1
    return samples, odd


def _parsed(text: str) -> list[Sample]:
    families = text_string_to_metric_families(text)
    return [sample for family in families for sample in family.samples if sample.name in _FIELDS]


def _wanted(text: str) -> str:
    """Return the lines of the fields that are read, a few of the hundreds.

    All of a text that has none, to be judged whole.
    """
    lines = [line for line in text.splitlines() if line.startswith(tuple(_FIELDS))]
    return "\n".join(lines) + "\n" if lines else text


def _read(readings: dict[_DeviceKey, _Reading], name: str, labels: Mapping[str, str], value: float) -> None:
    uuid = _device_name(labels)
    if not uuid:
        return
    key = (_first(labels, _HOST_LABELS), uuid, labels.get("GPU_I_ID") or None)
    reading = readings.setdefault(key, _Reading(labels))
    if math.isfinite(value) and 0 <= value <= _LIMITS[name]:
        reading.values.setdefault(name, value)
    holder = _holder(labels)
    if holder:
        reading.holders[holder] = None


def _device_name(labels: Mapping[str, str]) -> str:
    """Return the GPU's UUID, or else its number on its host; empty for a series of no GPU."""
    number = labels.get("device") or labels.get("gpu")
    return _first(labels, _UUID_LABELS) or (f"{_first(labels, _HOST_LABELS)}/{number}" if number else "")


def _first(labels: Mapping[str, str], names: Iterable[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def _holder(labels: Mapping[str, str]) -> tuple[str, str] | None:
    for namespace_label, pod_label in _HOLDER_LABELS:
        if pod_label in labels:
            namespace, pod = labels.get(namespace_label), labels[pod_label]
            return (namespace, pod) if namespace and pod and not _is_exporter(labels, pod) else None
    return None


def _is_exporter(labels: Mapping[str, str], pod: str) -> bool:
    """Whether `pod` is the exporter, which Prometheus (known by `job` and `instance`) names on a GPU nobody holds."""
    return "job" in labels and "instance" in labels and _EXPORTER in pod


def _device(key: _DeviceKey, reading: _Reading) -> GpuDevice:
    host, uuid, instance = key
    labels, values = reading.labels, reading.values
    profile = labels.get("GPU_I_PROFILE", "") if instance else ""
    # After a partitioning an exporter can name an instance without its profile (NVIDIA/dcgm-exporter#714).
    has_profile = instance is None or is_mig_profile(profile)
    if not has_profile:
        log.warning(
            "dcgm: GPU_I_PROFILE of instance %s of %s is %r, expected one such as '1g.5gb': its use is unknown. Update "
            "the exporter, or restart it after the GPU was partitioned.",
            instance,
            uuid,
            profile,
        )
    return GpuDevice(
        node=host,
        uuid=uuid,
        instance=instance,
        share=profile_share(profile, labels.get("modelName", "")) if has_profile else None,
        utilisation=_utilisation(values, instance),
        memory_used=_bytes(values.get(_USED)),
        memory_free=_bytes(values.get(_FREE)),
        holders=tuple(reading.holders),
    )


def _utilisation(values: Mapping[str, float], instance: str | None) -> float | None:
    """Return a whole GPU's utilisation; an instance's share of active cycles, as utilisation is not defined on MIG."""
    if instance is None and _UTILISATION in values:
        return values[_UTILISATION] / 100
    return values.get(_ENGINE_ACTIVE)


def _bytes(mebibytes: float | None) -> float | None:
    return None if mebibytes is None else mebibytes * MIB


def merge(devices: Iterable[GpuDevice], *, each_host: bool = False) -> tuple[GpuDevice, ...]:
    """Each device once, or once for `each_host` that reports it, with the holders of all its reports.

    A GPU whose instances are reported too is left out: its use is theirs.
    """
    merged: dict[tuple[str, str, str | None], GpuDevice] = {}
    for device in devices:
        key = (device.node if each_host else "", device.uuid, device.instance)
        known = merged.get(key)
        merged[key] = _complete(known, device) if known else device
    partitioned = {device.uuid for device in merged.values() if device.instance is not None}
    return tuple(device for device in merged.values() if device.instance or device.uuid not in partitioned)


def _complete(known: GpuDevice, other: GpuDevice) -> GpuDevice:
    """`known`, with what only `other` knew."""
    return replace(
        known,
        share=other.share if known.share is None else known.share,
        utilisation=other.utilisation if known.utilisation is None else known.utilisation,
        memory_used=other.memory_used if known.memory_used is None else known.memory_used,
        memory_free=other.memory_free if known.memory_free is None else known.memory_free,
        holders=tuple(dict.fromkeys((*known.holders, *other.holders))),
    )
