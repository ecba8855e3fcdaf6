"""Arguments of `kl-collector import`, without the libraries that the command itself needs."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="directory of the existing databases; only read")
    parser.add_argument("--capacity-cpu", metavar="CORES", help="the cluster's CPU capacity, such as 64")
    parser.add_argument("--capacity-memory", metavar="BYTES", help="the cluster's memory capacity, such as 256Gi")
    parser.add_argument("--capacity-history", metavar="FILE", type=Path, help="CSV or JSON rows: from, cpu, memory")
    parser.add_argument(
        "--gpu-history", metavar="FILE", type=Path, help="CSV or JSON rows: from, namespace, gpus, gpu_memory"
    )
    parser.add_argument(
        "--with-open-hour",
        action="store_true",
        help="import the minutes of the open hour too: for the last import, when the existing installation is stopped",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and write nothing")
