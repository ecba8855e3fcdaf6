"""Turns a parsed `dataset.json` and nodes file into model objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from kl_core.calendar import bucket_start
from kl_core.vocabulary import (
    COST_MODELS,
    DATA_FILE,
    HISTORY,
    HISTORY_FILE,
    MANIFEST,
    METRICS,
    PARTS,
    SCALES,
    SOURCES,
)
from kl_query.dataset.fields import (
    Json,
    MalformedError,
    array_of,
    check_version,
    given,
    member,
    moment,
    named,
    number,
    one_of,
    or_none,
    parsed,
    read,
    record,
)
from kl_query.dataset.history import HistoryFile
from kl_query.dataset.model import BlindSpot, CollectorClock, Dataset, Namespace, Node, Nodes, Rate
from kl_query.warnings.unmeasured import GPU_NOT_SEEN, blind_spot
from kl_query.warnings.warning import Detail, Plain


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A data file as the manifest names it."""

    name: Plain
    size: int
    sha256: str


def read_manifest(document: Json) -> tuple[Dataset, Mapping[str, FileRecord]]:
    """Return the dataset without its scales and nodes, and the files that hold them. Raises MalformedError.

    One of them, where there is any, is the index of the history.
    """
    check_version(document)
    files = given(document, "files", dict)
    records = {part: given(files, part, _FILE, "files") for part in PARTS}
    if HISTORY in files:
        records[HISTORY] = given(files, HISTORY, _FILE, "files")
    last = given(document, "last_sample_at", dict)
    producer = given(document, "producer", record(dict[str, str], name=str, version=str))
    unmeasured = read(document.get("unmeasured"), or_none(_unmeasured), "unmeasured")
    published = given(document, "metrics", array_of(partial(one_of, allowed=dict(zip(METRICS, METRICS, strict=True)))))
    return (
        Dataset(
            layout="native",
            cost_model=given(document, "cost_model", partial(one_of, allowed=COST_MODELS)),
            currency=given(document, "currency", or_none(str)),
            cluster=given(document, "cluster", str),
            producer="{name} {version}".format_map(producer),
            producer_version=producer["version"],
            generation=given(document, "generation", int),
            polling_interval_seconds=read(member(document, "polling_interval_seconds"), int, "polling_interval"),
            generated_at=given(document, "generated_at", moment),
            collector_clock=read(document.get("clock_disagrees"), or_none(_CLOCK), "clock_disagrees"),
            unmeasured=unmeasured,
            has_unseen_gpus=any(GPU_NOT_SEEN in reasons for reasons in (unmeasured or {}).values()),
            blind_spots=read(document.get("blind_spots"), or_none(array_of(_BLIND_SPOT)), "blind_spots"),
            last_sample_at={source: given(last, source, or_none(moment), "last_sample_at") for source in SOURCES},
            metrics=tuple(metric for metric in METRICS if metric in published),
            rates=given(document, "rates", array_of(_RATE)),
            namespaces={each.name: each for each in given(document, "namespaces", array_of(named(_NAMESPACE)))},
            files={"manifest": MANIFEST, **{part: record.name for part, record in records.items()}},
        ),
        records,
    )


def read_index(content: memoryview) -> tuple[HistoryFile, ...]:
    """Return the files of the history that an index names, oldest first. Raises MalformedError."""
    document = read(parsed(content), dict, "the file")
    check_version(document)
    files = given(document, "files", array_of(_HISTORY_FILE))
    for scale in {file.scale for file in files}:
        spans = [(file.start, file.end) for file in files if file.scale == scale]
        bounds = [bound for span in spans for bound in span]
        if sorted(bounds) != bounds or any(start == end for start, end in spans):
            raise MalformedError("its files of {scale} overlap or are not in order", scale=Plain(scale))
        if any(bucket_start(scale, bound) != bound for bound in bounds):
            raise MalformedError("its files of {scale} do not begin and end with a bucket", scale=Plain(scale))
    return files


def read_nodes(content: memoryview) -> Nodes:
    """Return the nodes of a nodes file. Raises MalformedError."""
    document = read(parsed(content), dict, "the file")
    check_version(document)
    return Nodes(at=given(document, "at", or_none(moment)), nodes=given(document, "nodes", array_of(named(_NODE))))


def _file_name(value: Any, place: str) -> Plain:
    name = read(value, str, place)
    if not DATA_FILE.fullmatch(name):
        raise MalformedError(
            "{place} is {name}, not a plain data file name",
            place=place,
            name=Detail(repr(name[:60]), Plain("something else")),
        )
    return Plain(name)


def _history_name(value: Any, place: str) -> Plain:
    name = read(value, str, place)
    if not HISTORY_FILE.fullmatch(name):
        raise MalformedError("{place} is no name of a file of the history", place=place)
    return Plain(name)


def _unmeasured(value: Any, place: str) -> dict[str, dict[str, int]]:
    return {
        name: {reason: read(pods, int, f"{place}.{name}") for reason, pods in read(of_one, dict, name).items()}
        for name, of_one in read(value, dict, place).items()
    }


def _blind_spot(code: str, text: str) -> BlindSpot:
    return BlindSpot(code, blind_spot(code, text))


def _weights(value: Any, place: str) -> dict[str, float]:
    return {key: number(weight, f"{place}.{key}") for key, weight in read(value, dict, "weights").items()}


def _labels(value: Any, place: str) -> dict[str, tuple[tuple[str | None, int], ...]]:
    labels = read(value, dict, place)
    return {label: read(history, array_of(_label_value), place) for label, history in labels.items()}


def _label_value(value: Any, place: str) -> tuple[str | None, int]:
    since = read(value, dict, place)
    return read(since.get("value"), or_none(str), place), read(since.get("first_seen"), moment, f"{place}.first_seen")


def _resources(value: Any, place: str) -> dict[str, float | None]:
    resources = read(value, dict, place)
    return {key: None if amount is None else number(amount, f"{place}.{key}") for key, amount in resources.items()}


_FILE = record(FileRecord, name=_file_name, size=int, sha256=str)
_HISTORY_FILE = record(
    HistoryFile,
    name=_history_name,
    size=int,
    sha256=str,
    scale=partial(one_of, allowed=dict(zip(SCALES, SCALES, strict=True))),
    start=moment,
    end=moment,
    currency=or_none(str),
)
_CLOCK = record(CollectorClock, contradicted_by=array_of(str), detected_at=moment, ahead_seconds=int)
_BLIND_SPOT = record(_blind_spot, code=str, text=str)
_RATE = record(Rate, effective=moment, rate=number, currency=str, weights=or_none(_weights))
_NAMESPACE = record(Namespace, name=str, first_seen=moment, last_seen=moment, active=bool, labels=_labels)
_NODE = record(
    Node,
    name=str,
    ready=bool,
    schedulable=bool,
    pods=int,
    **dict.fromkeys(("capacity", "allocatable", "usage", "requests"), _resources),
)
