"""`kl-collector import DIR`: says what it is going to do, does it, and says what it did."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tqdm import tqdm

from collector.errors import MigrationError
from collector.import_legacy import importer
from collector.import_legacy.capacity_history import Steps, capacity_history, constant_capacity, gpu_history
from collector.import_legacy.importer import ImportPlan
from collector.import_legacy.progress import Standing, amounts, check_store, standing
from collector.import_legacy.ticks import Timeline
from collector.opening import opened
from collector.publish.publication_lock import PublicationLock
from collector.publish.publisher import Publisher
from collector.settings import Settings
from kl_core.calendar import iso


def run(arguments: argparse.Namespace, settings: Settings, clock: Callable[[], float]) -> None:
    """Import and publish. KubeLedgerError where that cannot be done."""
    capacity = _capacity(arguments)
    gpus = None if arguments.gpu_history is None else gpu_history(arguments.gpu_history)
    _check_places(arguments.directory, settings)
    check_store(settings.db_location)
    plan = importer.make_plan(
        arguments.directory,
        capacity,
        gpus,
        settings.billing_currency,
        partial(tqdm, unit=" files", desc="reading", leave=False, disable=None),
        open_hour=arguments.with_open_hour,
    )
    state = standing(settings.db_location, plan.timeline, plan.made)
    print(_described(plan, settings, state), flush=True)
    if arguments.dry_run:
        print("nothing was written: this was a dry run")
        return
    with PublicationLock(settings) as place, opened(settings.db_location, settings.cluster_name) as store:
        there = state.present
        with tqdm(total=there + state.left, initial=there, unit=" ticks", desc="importing", disable=None) as bar:
            state, stored = importer.run(plan, store, bar.update)
        print(_summarised(state, stored), "publishing", sep="\n", flush=True)
        generation = Publisher(settings, store, clock, place).publish()
    layout = " and, for existing dashboards, KubeLedger's layout" if settings.publish_kubeledger_layout else ""
    print(f"published generation {generation}{layout} in {settings.data_dir}")
    print(f"next: kl-mcp --data-dir {settings.data_dir}, and kl-collector run with the same settings")


def _capacity(arguments: argparse.Namespace) -> Steps:
    cpu, memory, path = arguments.capacity_cpu, arguments.capacity_memory, arguments.capacity_history
    if path is not None and cpu is None and memory is None:
        return capacity_history(path)
    if path is None and cpu is not None and memory is not None:
        return constant_capacity(cpu, memory)
    given = {"--capacity-cpu": cpu, "--capacity-memory": memory, "--capacity-history": path}
    raise MigrationError(
        "the source has per cent of the cluster's capacity, which has to be given: either --capacity-cpu CORES and "
        "--capacity-memory BYTES (such as 64 and 256Gi), or --capacity-history FILE where it changed. Given: "
        + (" and ".join(name for name, value in given.items() if value is not None) or "none of them")
    )


def _check_places(source: Path, settings: Settings) -> None:
    """MigrationError where something would be written into the source, as when both have one setting."""
    places = {
        "KL_DB_LOCATION": settings.db_location,
        "KL_DATA_DIR": settings.data_dir,
        "KL_KUBELEDGER_DATA_DIR": settings.kubeledger_data_dir,
    }
    for name, place in places.items():
        if place is not None and place.expanduser().resolve().is_relative_to(source.resolve()):
            raise MigrationError(
                f"{name} is {place}, in the directory that is to be imported, which is only read. Set it to another "
                "directory"
            )


def _described(plan: ImportPlan, settings: Settings, state: Standing) -> str:
    source, line = plan.source, plan.timeline
    with_requests = len(source.usage.keys() & source.rf.keys())
    with_gpus = len(source.usage.keys() & source.gpu.keys() & (plan.made.gpus or {}).keys())
    already = f", {state.present} are there already" if state.held else ""
    lines = [
        "plan of the import",
        f"  from        {source.directory} (is only read)",
        f"  into        {settings.db_location}" + (f" (goes on after {iso(state.held)})" if state.held else ""),
        f"  namespaces  {len(source.usage)}, of which {with_requests} with requests and {with_gpus} with GPUs",
        f"  period      {iso(line.begin)} to {iso(line.ticks[-1])}, {len(line.hours)} closed hours",
        f"  open hour   {_open_hour(line)}",
        f"  ticks       {state.left} to be stored{already}",
        f"  capacity    {amounts(plan.made.capacity)}",
        f"  rate        {_rate(plan, settings)}",
        *(f"  note        {warning}" for warning in (*plan.warnings, *state.notes)),
    ]
    return "\n".join(lines)


def _open_hour(line: Timeline) -> str:
    steps = len(list(line.open_steps()))
    if steps:
        return f"{steps * 5} minutes, as they stand: if the source goes on, this hour will differ from its own"
    minutes = (line.newest - line.closed_until) // 60
    if not minutes:
        return "none"
    return (
        f"{minutes} minutes, left out: repeat the import when the hour is over, or add --with-open-hour if the source "
        "is stopped"
    )


def _rate(plan: ImportPlan, settings: Settings) -> str:
    """Return the source's rate, and what comes after it, which no import decides."""
    text = "none was recorded"
    if plan.rates:
        newest, changes = plan.rates[-1], len(plan.rates) - 1
        text = f"{newest.rate:g} {newest.currency} an hour" + (f", after {changes} change(s)" if changes else "")
    rate = settings.billing_hourly_rate
    set_to = "not set, which ends charging" if rate is None else f"{rate:g} {settings.billing_currency} an hour"
    return f"{text}; from the collector's start on KL_BILLING_HOURLY_RATE: {set_to}"


def _summarised(state: Standing, stored: int) -> str:
    missed = (
        f"\n{state.missed} ticks of the source are missing and cannot be added, a collector has stored later ones: "
        "import into an empty KL_DB_LOCATION to have them"
    )
    return f"stored {stored} ticks; {state.present} were there already" + (missed if state.missed else "")
