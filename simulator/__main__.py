"""`python -m simulator serve`: a simulated cluster over HTTP."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from simulator.faults import Clock, parse_time
from simulator.server import kubeconfig, serve, write_atomically
from simulator.state import Simulator
from simulator.workload import Workload, default_origin


def _time(text: str) -> int:
    try:
        return parse_time(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 2026-11-21T14:00:00Z or UNIX seconds") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="serve until interrupted")
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, default=0, help="0 (default): any free one")
    serving.add_argument(
        "--origin", type=_time, help="start of the formula; default: the start of the month 13 months ago"
    )
    serving.add_argument("--at", type=_time, help="freeze the clock at this time; default: real time")
    serving.add_argument(
        "--interval",
        type=int,
        default=300,
        choices=(300, 600, 900, 1200, 1800, 3600),
        help="seconds that usage is averaged over",
    )
    serving.add_argument("--token", help="bearer token to ask for; default: none is asked for")
    serving.add_argument("--restricted-token", help="bearer token that is answered with 403")
    serving.add_argument("--port-file", type=Path, metavar="FILE", help="write the port here once it listens")
    serving.add_argument("--kubeconfig", type=Path, metavar="FILE", help="write a kubeconfig here")
    serving.add_argument("--namespaces", type=int, metavar="N", help="a synthetic cluster of N namespaces instead")
    serving.add_argument("--pods-per-namespace", type=int, default=1, metavar="K")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; exit code 1 with one line on standard error if it cannot listen."""
    options = _parser().parse_args(arguments)
    origin = options.origin if options.origin is not None else default_origin(options.at or int(time.time()))
    if options.namespaces is None:
        workload = Workload(origin)
    else:
        workload = Workload.synthetic(origin, options.namespaces, options.pods_per_namespace)
    clock = Clock(time.time, options.at, options.interval)

    def started(url: str) -> None:
        print(f"Simulated cluster at {url}", flush=True)
        if options.kubeconfig is not None:
            write_atomically(options.kubeconfig, kubeconfig(url, options.token))
            print(f"export KUBECONFIG={options.kubeconfig.resolve()}", flush=True)
        if options.port_file is not None:
            write_atomically(options.port_file, url.rsplit(":", 1)[1] + "\n")

    simulator = Simulator(workload, clock, options.token, options.restricted_token)
    try:
        serve(simulator, options.host, options.port, started)
    except OSError as error:
        print(f"simulator: cannot listen on {options.host}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
