"""KubeLedger's collector: samples a cluster, keeps what its capacity was used for, publishes it as JSON."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as _version

try:
    __version__ = _version("kubeledger")
except PackageNotFoundError:
    # Run from a source tree that was never installed.
    __version__ = "0+unknown"
