"""What `kl-collector verify` and `kl-collector export` are told on the command line."""

import argparse
import re
from pathlib import Path

from kl_core.calendar import read_iso

FORMATS = ("csv", "jsonl", "parquet")
STEPS = ("hour", "day")


def add_verify(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `verify`."""
    _add_days(parser, "verify")
    parser.add_argument(
        "--head",
        metavar="HASH",
        type=_head,
        help="the chain of a line, from a report, the manifest, /metrics or the log: up to that line the ledger is "
        "proven to be what it was then. Without it nobody can tell a ledger that was written anew",
    )


def add_export(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `export`."""
    _add_days(parser, "export")
    parser.add_argument("--format", choices=FORMATS, default="csv", help="default: csv")
    parser.add_argument("--by", choices=STEPS, default="hour", help="rows of hours, or of UTC days (default: hour)")
    parser.add_argument("--output", metavar="FILE", type=Path, help="default: standard output; parquet needs a file")


def _add_days(parser: argparse.ArgumentParser, verb: str) -> None:
    parser.add_argument("--from", dest="first", metavar="DATE", type=_date, help=f"first day to {verb}, as 2026-10-03")
    parser.add_argument("--to", dest="last", metavar="DATE", type=_date, help=f"last day to {verb}, included")


def _date(text: str) -> str:
    try:
        read_iso(f"{text}T00:00:00Z")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2026-10-03") from None
    return text


def _head(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text.strip().lower()):
        raise argparse.ArgumentTypeError("a head has 64 hexadecimal digits") from None
    return text.strip().lower()
