"""For which seconds of an hour each of its ticks stands, which sources were observed in them, and why not others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from collector.accounting.hour_extent import Extent
from collector.hour import HourAmount
from collector.model import TickSample, UnobservedCause
from kl_core.vocabulary import SOURCES, Source


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive seconds of an hour that one tick stands for, or that none does."""

    seconds: int
    tick: TickSample | None
    """None where the hour has no tick at all."""
    is_covered: bool = True
    """False where nobody sampled: then `tick` is the next one, else the one before."""

    def has(self, source: Source) -> bool:
        """Say whether a source is configured; the others than dcgm always are.

        Where nobody sampled it counts as it is in the tick, and without any tick as not configured.
        """
        return source != "dcgm" or (self.tick is not None and self.tick.observed[source] is not None)

    def cause(self, source: Source) -> UnobservedCause | None:
        """Return why a configured source was not observed, None where it was."""
        if self.tick is None or not self.is_covered:
            return "collector_down"
        return None if self.tick.observed[source] else self.tick.causes.get(source, "error")


@dataclass(frozen=True, slots=True)
class HourCoverage:
    """What an hour consists of."""

    stretches: tuple[Stretch, ...]

    @property
    def covered(self) -> Iterator[tuple[TickSample, int]]:
        """Return the ticks, each with the seconds of the hour that it stands for."""
        return (
            (stretch.tick, stretch.seconds)
            for stretch in self.stretches
            if stretch.tick is not None and stretch.is_covered
        )

    @property
    def listed(self) -> Iterator[tuple[TickSample, int]]:
        """Return those in which the cluster was observed."""
        return ((tick, seconds) for tick, seconds in self.covered if tick.observed["kubernetes"])

    def together(self, *sources: Source) -> int:
        """Return the seconds in which all of some sources were observed."""
        return sum(seconds for tick, seconds in self.covered if all(tick.observed[source] for source in sources))

    @property
    def observed(self) -> dict[Source, HourAmount]:
        """Return the seconds in which each source was observed, None of one that was never configured."""
        return {source: self.together(source) if self._was_configured(source) else None for source in SOURCES}

    @property
    def unobserved(self) -> dict[Source, Mapping[UnobservedCause, int]]:
        """Return the seconds in which a source was not observed though configured, by cause; none where it always was.

        A source that was not observed in a tick that names no cause has the cause `error`; what no tick stands for has
        `collector_down`.
        """
        by_source: dict[Source, Mapping[UnobservedCause, int]] = {}
        for source in SOURCES:
            seconds: dict[UnobservedCause, int] = {}
            for stretch in self.stretches:
                cause = stretch.cause(source) if stretch.has(source) else None
                if cause is not None:
                    seconds[cause] = seconds.get(cause, 0) + stretch.seconds
            if seconds:
                by_source[source] = seconds
        return by_source

    def _was_configured(self, source: Source) -> bool:
        return source != "dcgm" or any(stretch.has(source) for stretch in self.stretches)


def cover(extent: Extent, ticks: Sequence[TickSample], before: int | None) -> HourCoverage:
    """Return what each tick of an hour stands for: (max(time - interval, the tick before, start of the hour), time].

    `ticks` are in order of time, all within the extent; of several for a time the first wins. `before` is the time of
    the tick before them, None where there is none or it is not known. Raises ValueError for a tick of another hour.
    """
    return HourCoverage(tuple(_stretches(extent, ticks, before)))


def _stretches(extent: Extent, ticks: Sequence[TickSample], before: int | None) -> Iterable[Stretch]:
    reached, newest = extent.start, max(extent.start, before or 0)
    for tick in ticks:
        if not extent.start < tick.time <= extent.end:
            raise ValueError(f"the tick {tick.time} is not of the hour that begins at {extent.start}")
        begin = max(tick.time - tick.interval, newest)
        if begin >= tick.time:
            continue
        if begin > reached:
            yield Stretch(begin - reached, tick, is_covered=False)
        yield Stretch(tick.time - begin, tick)
        reached = newest = tick.time
    if reached < extent.end:
        yield Stretch(extent.end - reached, ticks[-1] if ticks else None, is_covered=False)
