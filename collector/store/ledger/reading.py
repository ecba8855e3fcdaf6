"""From the lines of a day to its matrices. Each is held against the chain and the form; nothing is corrected.

A line at fault raises `LineError`.
"""

from collections.abc import Sequence

import numpy as np

from collector.hour import HourRate
from collector.store.ledger import chain
from collector.store.ledger.day import Integers, LedgerDay
from collector.store.ledger.form import Header, HourLine, decode_header, decode_hour
from collector.store.ledger.line_error import LineError
from collector.store.ledger.matrices import MatrixReader, per_hour
from collector.store.ledger.named import read_named
from kl_core.calendar import DAY, HOUR, read_iso
from kl_core.vocabulary import BILLED_METRICS, METRICS, SOURCES


def read_day(lines: Sequence[bytes], date: str) -> LedgerDay:
    """Return the day `date` (`2026-10-03`) whose file has these lines, without newlines. Raises LineError."""
    if len(lines) < 2:
        raise LineError(len(lines) + 1, "it is missing: a day has a header and an hour at least")
    header, first = _header(lines[0], date)
    chains, hours = [first], []
    for number, line in enumerate(lines[1:], 2):
        try:
            body, stated = chain.split(line)
            chain.check(chains[-1], body, stated)
            hours.append(decode_hour(body))
        except ValueError as error:
            raise LineError(number, str(error)) from error
        chains.append(stated)
    return _day(header, hours, _starts(hours, date), tuple(chains))


def _header(line: bytes, date: str) -> tuple[Header, str]:
    try:
        body, stated = chain.split(line)
        header = decode_header(body)
        chain.check(header.previous, body, stated)
        _midnight(header.date)
    except ValueError as error:
        raise LineError(1, str(error)) from error
    if header.date != date:
        raise LineError(1, f"it is of {header.date}, in the file of {date}")
    return header, stated


def _midnight(date: str) -> int:
    return read_iso(f"{date}T00:00:00Z")


def _starts(hours: Sequence[HourLine], date: str) -> Integers:
    starts: list[int] = []
    midnight = _midnight(date)
    for number, hour in enumerate(hours, 2):
        try:
            start = read_iso(hour.hour)
        except ValueError as error:
            raise LineError(number, f"{hour.hour!r} is no hour") from error
        if start % HOUR or not midnight <= start < midnight + DAY or (starts and start != starts[-1] + HOUR):
            raise LineError(number, f"{hour.hour} is not the hour that stands here")
        starts.append(start)
    return np.array(starts, np.int64)


def _day(header: Header, hours: Sequence[HourLine], starts: Integers, chains: tuple[str, ...]) -> LedgerDay:
    named = read_named(header, hours)
    reader = MatrixReader(hours, named)
    return LedgerDay(
        date=header.date,
        cluster=header.cluster,
        previous=header.previous,
        unobserved_days=header.unobserved_days,
        chains=chains,
        starts=starts,
        origins=tuple(hour.origin for hour in hours),
        namespaces=reader.namespaces(),
        named=named.names_by_hour,
        labels=named.labels_by_hour,
        special=reader.special(),
        nodes=reader.nodes(),
        observed={source: per_hour([getattr(hour.observed, source) for hour in hours]) for source in SOURCES},
        pods_observed=reader.pods_observed,
        storage_observed=reader.storage_observed,
        unobserved=tuple(hour.unobserved for hour in hours),
        capacity=reader.capacity,
        allocatable={metric: per_hour([getattr(hour.allocatable, metric) for hour in hours]) for metric in METRICS},
        rates=tuple(_rate(hour) for hour in hours),
        bill={metric: per_hour([getattr(hour.bill, metric, None) for hour in hours]) for metric in BILLED_METRICS},
    )


def _rate(hour: HourLine) -> HourRate | None:
    return None if hour.rate is None else HourRate(hour.rate.rate, hour.rate.currency, hour.rate.weights)
