"""`kl-collector import DIR`: says what it is going to do, does it, and says what it did."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping

from tqdm import tqdm

from collector.books.periods import iso
from collector.errors import MigrationError
from collector.importing import importer
from collector.importing.histories import Steps, capacity_history, constant_capacity, gpu_history
from collector.importing.importer import Plan, Summary
from collector.importing.source import Database
from collector.publisher import Publisher
from collector.settings import Settings
from collector.store.ledger import Ledger


def run(arguments: argparse.Namespace, settings: Settings, clock: Callable[[], float]) -> int:
    """Exit code 0; KubeLedgerError where the import cannot be done."""
    capacity, gpus = _capacity(arguments), _gpus(arguments)
    importer.check_store(settings.db_location)
    plan = importer.make_plan(arguments.directory, capacity, gpus, settings.billing_currency_symbol, _scanning)
    sys.stdout.write(_described(plan, settings))
    if arguments.dry_run:
        sys.stdout.write("nothing was written: this was a dry run\n")
        return 0
    with Ledger.open(settings.db_location) as ledger:
        with tqdm(total=len(plan.timeline.ticks), unit=" ticks", desc="importing", disable=None) as bar:
            summary = importer.run(plan, ledger, bar.update)
        generation = Publisher(settings, ledger, clock).publish()
    sys.stdout.write(_summarised(summary) + f"published generation {generation} in {settings.data_dir}\n")
    return 0


def _capacity(arguments: argparse.Namespace) -> Steps:
    cpu, memory, path = arguments.capacity_cpu, arguments.capacity_memory, arguments.capacity_history
    if path is not None and cpu is None and memory is None:
        return capacity_history(path)
    if path is None and cpu is not None and memory is not None:
        return constant_capacity(cpu, memory)
    raise MigrationError(
        "the source has per cent of the cluster's capacity, which has to be given: either --capacity-cpu CORES and "
        "--capacity-memory BYTES (such as 64 and 256Gi), or --capacity-history FILE where it changed"
    )


def _gpus(arguments: argparse.Namespace) -> Mapping[str, Steps] | None:
    return None if arguments.gpu_history is None else gpu_history(arguments.gpu_history)


def _scanning(databases: list[Database]) -> Iterator[Database]:
    yield from tqdm(databases, unit=" files", desc="reading", leave=False, disable=None)


def _described(plan: Plan, settings: Settings) -> str:
    source, line = plan.source, plan.timeline
    ticks = line.ticks
    with_gpus = len(source.gpu) if plan.gpus is not None else 0
    capacity = ", ".join(
        f"{cpu:g} cores and {memory / 2**30:g} GiB" + (f" from {iso(since)}" if since else "")
        for since, (cpu, memory) in zip(plan.capacity.since, plan.capacity.values, strict=True)
    )
    lines = [
        f"from      {source.directory} (is only read)",
        f"into      {settings.db_location}",
        f"entries   {len(source.usage)} namespaces, {len(source.rf)} with requests, {with_gpus} with GPUs",
        f"period    up to {iso(ticks[-1])}, from {iso(ticks[0])}",
        f"ticks     {len(line.hourly)} of an hour, then {len(line.fine)} of 5 minutes",
        f"capacity  {capacity}",
        f"rates     {len(plan.rates)} change(s) of the hourly rate",
        *(f"note      {warning}" for warning in plan.warnings),
    ]
    return "\n".join(lines) + "\n"


def _summarised(summary: Summary) -> str:
    text = f"stored {summary.stored} ticks; {summary.present} were there already\n"
    if summary.missed:
        text += (
            f"{summary.missed} ticks of the source are missing and cannot be added, a collector has stored later ones: "
            "import into an empty KL_DB_LOCATION to have them\n"
        )
    return text
