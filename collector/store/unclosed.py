"""The ticks that no line of the ledger stands for yet, and the hours of them that are over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from collector.accounting.hour_fold import closed_hour
from collector.hour import ClosedHour, HourRate, Origin
from collector.model import TickSample
from collector.store.journal import Batch
from collector.store.rates import RateHistory
from kl_core.calendar import HOUR, floor_day, floor_hour, hour_of_tick
from kl_core.vocabulary import BILLED_METRICS


class Unclosed:
    """Ticks in order of time. `since` is the end of the newest hour in the ledger, None while that is empty."""

    def __init__(self, since: int | None) -> None:
        self.since = since
        self._ticks: list[tuple[Origin, TickSample]] = []
        self._before: int | None = None
        """The tick before the first."""

    def take(self, batches: Iterable[Batch]) -> None:
        """Add the ticks of batches that are stored, but for those whose hour is closed."""
        for batch in batches:
            left = [sample for sample in batch.samples if self.since is None or sample.time > self.since]
            if left and not self._ticks:
                earlier = [sample.time for sample in batch.samples if sample.time < left[0].time]
                self._before = earlier[-1] if earlier else batch.after
            self._ticks += [(batch.origin, sample) for sample in left]

    def lack_hours(self, last_tick: int | None) -> bool:
        """Say whether of hours that have ended by the newest stored tick, and have no line, the ticks are missing.

        So it is where the ledger was lost, or is that of a backup: the journal reaches back to the newest line only.
        """
        since, first = self.since or 0, self._ticks[0][1].time if self._ticks else None
        if first is None:
            return last_tick is not None and since < floor_hour(last_tick)
        return self._before is not None and since < self._before and since < hour_of_tick(first)

    def over(self, last_tick: int, rates: RateHistory) -> list[ClosedHour]:
        """Return the hours that have ended by a tick, in order, and those between them in which nobody sampled.

        Whole days in which nobody did are left out.
        """
        if not self._ticks:
            return []
        first = hour_of_tick(self._ticks[0][1].time)
        begin = first if self.since is None else self.since
        by_hour = {hour: [*group] for hour, group in groupby(self._ticks, key=lambda tick: hour_of_tick(tick[1].time))}
        days = {floor_day(begin - 1), *map(floor_day, by_hour)}
        hours = [hour for hour in range(begin, floor_hour(last_tick), HOUR) if floor_day(hour) in days]
        return [*self._closed(hours, by_hour, rates)]

    def forget(self, until: int | None) -> None:
        """Drop the ticks up to `until`, the end of the newest hour in the ledger, None while that is empty.

        Of hours that are over together a full disk may let in the first ones only.
        """
        if until is None:
            return
        dropped = [sample.time for _, sample in self._ticks if sample.time <= until]
        self._ticks = self._ticks[len(dropped) :]
        self._before = dropped[-1] if dropped else self._before
        self.since = until

    def _closed(
        self, hours: Sequence[int], by_hour: dict[int, list[tuple[Origin, TickSample]]], rates: RateHistory
    ) -> Iterator[ClosedHour]:
        before = self._before
        for hour in hours:
            ticks = by_hour.get(hour, [])
            samples = [sample for _, sample in ticks]
            origin: Origin = "import" if any(origin == "import" for origin, _ in ticks) else "collector"
            yield closed_hour(hour, samples, rate=rate_in(rates, hour), origin=origin, before=before)
            before = samples[-1].time if samples else before


def rate_in(rates: RateHistory, hour: int) -> HourRate | None:
    """Return the rate in force in an hour, None without one."""
    changes = [change for change in rates if change.effective <= hour]
    if not changes or changes[-1].rate <= 0:
        return None
    newest = changes[-1]
    weights = None if newest.weights is None else {m: newest.weights[m] for m in BILLED_METRICS if m in newest.weights}
    return HourRate(newest.rate, newest.currency, weights)
