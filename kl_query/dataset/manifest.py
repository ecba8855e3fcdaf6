"""Turns a parsed `dataset.json` and nodes file into model objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kl_core.vocabulary import (
    COST_MODELS,
    DATA_FILE,
    MANIFEST,
    METRICS,
    PARTS,
    SCHEMA_VERSION,
    SOURCES,
    Metric,
)
from kl_query.dataset.fields import (
    Json,
    MalformedError,
    entry,
    given,
    member,
    moment,
    moment_or_none,
    number,
    one_of,
    typed,
)
from kl_query.dataset.model import BlindSpot, CollectorClock, Dataset, Namespace, Node, Nodes, Rate
from kl_query.warnings.unmeasured import GPU_NOT_SEEN, blind_spot
from kl_query.warnings.warning import Detail, Plain

_METRICS: dict[str, Metric] = {metric: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A data file as the manifest names it."""

    name: Plain
    size: int
    sha256: str


def read_manifest(document: Json) -> tuple[Dataset, Mapping[str, FileRecord]]:
    """Return the dataset without its scales and nodes, and the files that hold them. Raises MalformedError."""
    last = given(document, "last_sample_at", dict)
    files = given(document, "files", dict)
    records = {part: _file(member(files, part, "files"), part) for part in PARTS}
    producer = given(document, "producer", dict)
    name, version = (typed(producer.get(key), str, f"producer.{key}") for key in ("name", "version"))
    unmeasured = _unmeasured(document.get("unmeasured"))
    currency = member(document, "currency", "the file")
    return (
        Dataset(
            layout="native",
            cost_model=one_of(member(document, "cost_model", "the file"), COST_MODELS, "cost_model"),
            currency=None if currency is None else typed(currency, str, "currency"),
            cluster=given(document, "cluster", str),
            producer=f"{name} {version}",
            producer_version=version,
            generation=given(document, "generation", int),
            polling_interval_seconds=typed(
                member(document, "polling_interval_seconds", "the file"), int, "polling_interval"
            ),
            generated_at=moment(member(document, "generated_at", "the file"), "generated_at"),
            collector_clock=_clock(document.get("clock_disagrees")),
            unmeasured=unmeasured,
            has_unseen_gpus=any(GPU_NOT_SEEN in reasons for reasons in (unmeasured or {}).values()),
            blind_spots=_blind_spots(document.get("blind_spots")),
            last_sample_at={
                s: moment_or_none(member(last, s, "last_sample_at"), f"last_sample_at.{s}") for s in SOURCES
            },
            metrics=_metrics(member(document, "metrics", "the file")),
            rates=tuple(_rate(rate) for rate in given(document, "rates", list)),
            namespaces=_namespaces(member(document, "namespaces", "the file")),
            files={"manifest": MANIFEST, **{part: record.name for part, record in records.items()}},
        ),
        records,
    )


def read_nodes(document: Json) -> Nodes:
    """Return the nodes of a parsed nodes file. Raises MalformedError."""
    nodes = given(document, "nodes", list)
    return Nodes(moment_or_none(member(document, "at", "the file"), "at"), tuple(_node(node) for node in nodes))


def check_version(document: Json) -> None:
    """Raise MalformedError unless a file is of the schema version this server reads."""
    version = given(document, "schema_version", int)
    if version > SCHEMA_VERSION:
        raise MalformedError(
            "its schema_version is {version}, newer than the {read} this kl-mcp reads: upgrade kl-mcp",
            version=version,
            read=SCHEMA_VERSION,
        )
    if version != SCHEMA_VERSION:
        raise MalformedError("its schema_version is {version}, not {read}", version=version, read=SCHEMA_VERSION)


def _metrics(value: Any) -> tuple[Metric, ...]:
    published = {one_of(metric, _METRICS, "metrics") for metric in typed(value, list, "metrics")}
    return tuple(metric for metric in METRICS if metric in published)


def _clock(value: Any) -> CollectorClock | None:
    if value is None:
        return None
    clock = typed(value, dict, "clock_disagrees")
    witnesses = typed(clock.get("contradicted_by"), list, "clock_disagrees.contradicted_by")
    return CollectorClock(
        moment(clock.get("detected_at"), "clock_disagrees.detected_at"),
        typed(clock.get("ahead_seconds"), int, "clock_disagrees.ahead_seconds"),
        tuple(typed(witness, str, "clock_disagrees.contradicted_by") for witness in witnesses),
    )


def _unmeasured(value: Any) -> dict[str, dict[str, int]] | None:
    if value is None:
        return None
    return {
        name: {reason: typed(pods, int, f"unmeasured.{name}") for reason, pods in typed(of_one, dict, name).items()}
        for name, of_one in typed(value, dict, "unmeasured").items()
    }


def _blind_spots(value: Any) -> tuple[BlindSpot, ...] | None:
    if value is None:
        return None
    spots = [typed(spot, dict, "blind_spots") for spot in typed(value, list, "blind_spots")]
    pairs = [[typed(spot.get(key), str, f"blind_spots.{key}") for key in ("code", "text")] for spot in spots]
    return tuple(BlindSpot(code, blind_spot(code, description)) for code, description in pairs)


def _file(value: Any, part: str) -> FileRecord:
    record = typed(value, dict, f"files.{part}")
    name = typed(record.get("name"), str, f"files.{part}.name")
    if not DATA_FILE.fullmatch(name):
        raise MalformedError(
            "{place} is {name}, not a plain data file name",
            place=entry(f"files.{part}.name"),
            name=Detail(repr(name[:60]), Plain("something else")),
        )
    return FileRecord(
        Plain(name),
        typed(record.get("size"), int, f"files.{part}.size"),
        typed(record.get("sha256"), str, f"files.{part}.sha256"),
    )


def _rate(value: Any) -> Rate:
    rate = typed(value, dict, "rates")
    weights = rate.get("weights")
    return Rate(
        moment(rate.get("effective"), "rates.effective"),
        number(rate.get("rate"), "rates.rate"),
        typed(rate.get("currency"), str, "rates.currency"),
        None
        if weights is None
        else {k: number(v, f"rates.weights.{k}") for k, v in typed(weights, dict, "weights").items()},
    )


def _namespaces(value: Any) -> dict[str, Namespace]:
    table: dict[str, Namespace] = {}
    for item in typed(value, list, "namespaces"):
        record = typed(item, dict, "namespaces")
        name = typed(record.get("name"), str, "namespaces.name")
        table[name] = Namespace(
            name,
            moment(record.get("first_seen"), f"{name}.first_seen"),
            moment(record.get("last_seen"), f"{name}.last_seen"),
            typed(record.get("active"), bool, f"{name}.active"),
            {
                label: _history(values, name)
                for label, values in typed(record.get("labels"), dict, f"{name}.labels").items()
            },
        )
    return table


def _history(value: Any, name: str) -> tuple[tuple[str | None, int], ...]:
    place = f"{name}.labels"
    entries = [typed(entry, dict, place) for entry in typed(value, list, place)]
    return tuple(
        (
            None if entry.get("value") is None else typed(entry["value"], str, place),
            moment(entry.get("first_seen"), f"{place}.first_seen"),
        )
        for entry in entries
    )


def _node(value: Any) -> Node:
    node = typed(value, dict, "nodes")
    name = typed(node.get("name"), str, "nodes.name")
    return Node(
        name,
        typed(node.get("ready"), bool, f"{name}.ready"),
        typed(node.get("schedulable"), bool, f"{name}.schedulable"),
        typed(node.get("pods"), int, f"{name}.pods"),
        *(_resources(node.get(key), f"{name}.{key}") for key in ("capacity", "allocatable", "usage", "requests")),
    )


def _resources(value: Any, place: str) -> dict[str, float | None]:
    return {
        key: None if amount is None else number(amount, f"{place}.{key}")
        for key, amount in typed(value, dict, place).items()
    }
