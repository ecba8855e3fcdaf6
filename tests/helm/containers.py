"""What a rendered container is told by its environment, resolved as the kubelet resolves it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

POD_ADDRESS = "10.244.0.2"
SECRETS: Mapping[str, Mapping[str, str]] = {"cluster-rate": {"hourly-rate": "42.50\n"}}
"""Secrets that the value files refer to; with the line break that `--from-file` leaves."""
FIELDS: Mapping[str, str] = {"status.podIP": POD_ADDRESS}


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Names and values; `$(NAME)` stands for a variable defined before it."""
    known: dict[str, str] = {}
    for entry in container["env"]:
        known[entry["name"]] = _value(entry, known)
    return known


def _value(entry: Mapping[str, Any], known: Mapping[str, str]) -> str:
    if "value" in entry:
        assert isinstance(entry["value"], str), f"{entry['name']} is no string"
        return re.sub(r"\$\(([^)]+)\)", lambda match: known.get(match[1], match[0]), entry["value"])
    source = entry["valueFrom"]
    if "fieldRef" in source:
        return FIELDS[source["fieldRef"]["fieldPath"]]
    reference = source["secretKeyRef"]
    return SECRETS[reference["name"]][reference["key"]]
