"""`kl-collector`: `run`, `once`, `health`, `import`, `verify` and `export`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from collector import __version__, health, heartbeat
from collector.clock import Clock, boot_time
from collector.disk_use import measure
from collector.health import Health
from collector.settings import SETTINGS, Settings, load
from collector.store.ledger import arguments as ledger_arguments
from kl_core import logs
from kl_core.calendar import iso
from kl_core.casts import OneOf
from kl_core.errors import KubeLedgerError, SettingsError

if TYPE_CHECKING:
    from collector.metrics import Meter
    from collector.tick import Collector

_log = logging.getLogger(__name__)

OK, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

_DESCRIPTION = """\
Samples a Kubernetes cluster (Kubernetes API, metrics-server, NVIDIA DCGM exporters), keeps what its capacity was used
for in round-robin databases, and publishes the books as JSON for `kl-mcp`.
"""

_COMMANDS: Mapping[str, str] = {
    "run": "do every tick as it comes due, until SIGTERM or Ctrl-C",
    "once": "do the tick that is due now and exit: 0 if the cluster answered (or the tick is stored already), 1 if not "
    "(then nothing is stored, and it can be repeated), if the tick is more than five minutes late, or if the API "
    "server's clock is another",
    "health": "say whether `run` collects on the same KL_DB_LOCATION: 0 if its heartbeat is younger than three polling "
    "intervals, the newest sample at which the cluster answered (before the first: the start) is not older than that, "
    "and nothing contradicts the clock; 1 if not",
    "import": "take over the history of an existing KubeLedger or kube-opex-analytics installation, and publish it",
    "verify": "prove the ledger of closed hours in KL_DB_LOCATION, or name its first line that is not what was "
    "written: 0 if it is proven or consistent, 1 if not",
    "export": "write the ledger's amounts and costs as rows for a spreadsheet, DuckDB or a warehouse",
}


class _NotDoneError(KubeLedgerError):
    """A command that did not do what it was asked, or was asked and has to answer no."""


def main(
    argv: Sequence[str] | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock = time.time,
    boot: Clock = boot_time,
) -> int:
    """Run the command and return the exit code: 0, 1 where something failed, 2 for wrong settings or usage.

    Raises ModuleNotFoundError where a command needs a library of the collector that is not installed.
    """
    arguments = _parser().parse_args(argv)
    commands: Mapping[str, Callable[[Settings], None]] = {
        "run": lambda settings: _run(settings, clock, boot),
        "once": lambda settings: _once(settings, clock, boot),
        "health": lambda settings: _health(settings, boot, live=arguments.live),
        "import": lambda settings: _import(arguments, settings, clock),
        "verify": lambda settings: _ledger(arguments, settings),
        "export": lambda settings: _ledger(arguments, settings),
    }
    try:
        settings = load(environ)
        logs.set_up(settings.log_level, (settings.k8s_auth_token, settings.k8s_auth_password))
        for notice in settings.notices:
            _log.warning("%s", notice)
        commands[arguments.command](settings)
    except KubeLedgerError as error:
        sys.stderr.write(f"kl-collector: {error}\n")
        return MISUSED if isinstance(error, SettingsError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kl-collector",
        description=_DESCRIPTION,
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kl-collector {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="{" + ",".join(_COMMANDS) + "}", required=True)
    for name, text in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=_settings_help(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in _ARGUMENTS:
            _ARGUMENTS[name](command)
    return parser


def _settings_help() -> str:
    lines = ["settings (environment variables):"]
    for setting in SETTINGS:
        lines.append(f"  {setting.name}" + (f" (default: {setting.default})" if setting.default else ""))
        allowed = f" One of {setting.cast.wording}." if isinstance(setting.cast, OneOf) else ""
        lines.extend(textwrap.wrap(setting.help + allowed, 100, initial_indent=" " * 6, subsequent_indent=" " * 6))
    return "\n".join(lines)


def _add_import_arguments(parser: argparse.ArgumentParser) -> None:
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


def _add_health_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--live",
        action="store_true",
        help="ask about the heartbeat alone, for a liveness probe: a restart makes no cluster answer and puts no clock "
        "right, and the new process has no earlier tick to judge it by",
    )


_ARGUMENTS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "health": _add_health_arguments,
    "import": _add_import_arguments,
    "verify": ledger_arguments.add_verify,
    "export": ledger_arguments.add_export,
}


def _run(settings: Settings, clock: Clock, boot: Clock) -> None:
    from collector.loop import Loop
    from collector.metrics import Meter

    stop, interval, file = Event(), settings.polling_interval_sec, settings.db_location / heartbeat.FILE
    directories = {"store": settings.db_location, "dataset": settings.data_dir}
    meter = Meter(interval, lambda: measure(settings.db_location, directories))
    with _stopped_by_signals(stop), _collector(settings, clock, boot, meter, watching_until=stop) as collector:
        _announce(settings, collector, clock)
        with _served(settings, meter, lambda: health.examine(file, boot, interval)):
            Loop(collector, interval, stop, heartbeat=file, clock=clock, boot=boot, meter=meter).run()
    _log.info("stopped")


def _served(settings: Settings, meter: Meter, examine: Callable[[], Health]) -> AbstractContextManager[object]:
    from collector.metrics_server import MetricsServer

    if not settings.metrics_port:
        return nullcontext()
    return MetricsServer(settings.metrics_host, settings.metrics_port, meter, examine)


def _once(settings: Settings, clock: Clock, boot: Clock) -> None:
    from collector.loop import MAX_DELAY_SEC
    from collector.sampling_times import due_at

    with _collector(settings, clock, boot) as collector:
        now, interval = clock(), settings.polling_interval_sec
        due = due_at(now, interval)
        if collector.last_tick is not None and collector.last_tick >= due:
            behind = collector.check_clock()
            if behind is not None:
                raise _NotDoneError(f"nothing is stored: {behind}")
            # The publication may have been what failed the last time.
            generation = collector.publish()
            sys.stdout.write(
                f"tick {iso(due)} is stored already (newest: {iso(collector.last_tick)}); published again as "
                f"generation {generation}\n"
            )
            return
        if now - due > MAX_DELAY_SEC:
            raise _NotDoneError(
                f"nothing is stored: tick {iso(due)} was due {now - due:.0f} s ago, and what is seen now is not of the "
                f"interval that ended then. The next is due at {iso(due + interval)}: repeat `once` within "
                f"{MAX_DELAY_SEC:.0f} s of it (cron can, every {interval // 60} minutes), or leave it to "
                "`kl-collector run`"
            )
        # A failed tick that is not stored loses nothing, the next one fills it in as unobserved; stored it would stand
        # in the way of a second try.
        collector.read_usage(due)
        report = collector.tick(due, keep_unobserved=False)
    if report.refused is not None:
        raise _NotDoneError(f"nothing is stored: {report.refused}")
    if not report.observed:
        raise _NotDoneError(
            f"nothing is stored for tick {iso(due)}: the cluster could not be listed, for the reason logged above. Put "
            "that right and repeat the command: it need not wait for the next tick"
        )
    sys.stdout.write(f"tick {iso(due)} is stored; published generation {report.generation} in {settings.data_dir}\n")


def _import(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> None:
    from collector.import_legacy import command

    command.run(arguments, settings, clock)


def _ledger(arguments: argparse.Namespace, settings: Settings) -> None:
    from collector.store.ledger import commands

    commands.COMMANDS[arguments.command](arguments, settings.db_location)


def _health(settings: Settings, boot: Clock, *, live: bool) -> None:
    file = settings.db_location / heartbeat.FILE
    state = health.examine(file, boot, settings.polling_interval_sec, live=live)
    if state.problem is not None:
        raise _NotDoneError(str(state))
    sys.stdout.write(f"{state}\n")


@contextmanager
def _collector(
    settings: Settings, clock: Clock, boot: Clock, meter: Meter | None = None, watching_until: Event | None = None
) -> Iterator[Collector]:
    # The libraries behind these take half a second to import, which `health` and `--help` need not spend.
    from collector.opening import opened
    from collector.publish.publication_lock import PublicationLock
    from collector.snapshot import LiveSources
    from collector.tick import Collector

    # Settings that lead to no cluster begin no database, and a collector that is refused its place watches nothing.
    watching = watching_until is not None
    sources = LiveSources(settings, boot=boot, clock=clock, watching=watching, stop=watching_until, meter=meter)
    file, began = settings.db_location / heartbeat.FILE, boot()

    def beat() -> None:
        with suppress(OSError):
            heartbeat.give(file, boot(), began, None)

    stored = opened(settings.db_location, settings.cluster_name, beat if watching else lambda: None)
    with PublicationLock(settings) as place, stored as store, sources:
        yield Collector(settings, sources, store, clock, boot, place=place, stop=watching_until, meter=meter)


def _announce(settings: Settings, collector: Collector, clock: Clock) -> None:
    from collector.loop import MAX_DELAY_SEC
    from collector.sampling_times import due_at

    interval, now = settings.polling_interval_sec, clock()
    due = due_at(now, interval)
    is_stored = collector.last_tick is not None and collector.last_tick >= due
    _log.info(
        "kl-collector %s: cluster %s at %s; databases in %s; publishing to %s; every %d s, %s",
        __version__,
        settings.cluster_name,
        _endpoint(settings),
        settings.db_location,
        settings.data_dir,
        interval,
        f"next tick {iso(due + interval)}" if is_stored or now - due > MAX_DELAY_SEC else f"tick {iso(due)} now",
    )


def _endpoint(settings: Settings) -> str:
    if settings.k8s_api_endpoint:
        return settings.k8s_api_endpoint
    if settings.kubernetes_service_host:
        return f"https://{settings.kubernetes_service_host}:{settings.kubernetes_service_port} (service account)"
    return f"the current context of {settings.kubeconfig or '~/.kube/config'}"


@contextmanager
def _stopped_by_signals(stop: Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; a second one ends the process as usual."""
    with ExitStack() as handlers_before:

        def ask_to_stop(number: int, _frame: object) -> None:
            _log.info("%s: stopping after the tick in progress", signal.Signals(number).name)
            handlers_before.close()
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            handlers_before.callback(signal.signal, number, signal.getsignal(number))
            signal.signal(number, ask_to_stop)
        yield
