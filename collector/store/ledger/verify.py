"""Proves a ledger, or names its first line that is not what was written. Takes no lock and writes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from collector.errors import DamagedDayError
from collector.store.ledger import chain
from collector.store.ledger.day import LedgerDay
from collector.store.ledger.day_file import DayFile
from collector.store.ledger.days import chosen_files, load
from collector.store.ledger.form import UnobservedDays
from collector.store.ledger.rules import first_fault
from collector.store.ledger.writing import day_name
from kl_core.calendar import DAY, HOUR, iso, read_iso

Proof = Literal["proven", "consistent", "bad"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a ledger is. Of a `bad` one `fault` names the first bad line; the counts are of the days before."""

    proof: Proof
    """`proven`: up to the line whose chain is the given head. `consistent`: no head was given to hold it against."""
    days: int
    lines: int
    head: str
    """The chain of the last line of those days."""
    fault: DamagedDayError | None = None
    proven_until: str | None = None
    """Up to when it is proven, such as `2026-10-03T15:00:00Z`."""


def verify(
    directory: Path,
    first: str | None = None,
    last: str | None = None,
    head: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Verify the ledger under a database location, or its days from `first` to `last` (`2026-10-03`).

    From a first day on the chain before it is taken as its header states it. `head` is the chain of a line of these
    days, kept elsewhere. `progress` is told how many of how many days are done.

    StoreError where there is no such day, or a file cannot be read.
    """
    chosen, newest = chosen_files(directory, first, last)
    state = _Verification(head, stated=first is not None)
    try:
        for done, file in enumerate(chosen, 1):
            # A collector may end the newest day, and compress it, after it was read here.
            is_over = file is not newest or not file.plain.exists()
            state.take(file, load(file, is_newest=file is newest), is_over=is_over)
            if progress is not None:
                progress(done, len(chosen))
        return state.verdict(chosen[-1])
    except DamagedDayError as error:
        return Verdict("bad", state.days, state.lines, state.chain, error)


class _Verification:
    """How far it is."""

    def __init__(self, head: str | None, *, stated: bool) -> None:
        self.days = self.lines = 0
        self.chain = chain.BEGINNING
        self._head, self._stated = head, stated
        self._before: LedgerDay | None = None
        self._proven_until: str | None = None

    def take(self, file: DayFile, day: LedgerDay, *, is_over: bool) -> None:
        """Hold a day against the one before it and against the rules. DamagedDayError."""
        self._check_beginning(file, day)
        fault = first_fault(day)
        if fault is not None:
            hour, what = fault
            raise DamagedDayError(str(file.path), hour + 2, what)
        if is_over and day.end % DAY:
            raise DamagedDayError(str(file.path), len(day.chains) + 1, f"{iso(day.end)} is missing")
        if self._head in day.chains:
            # The header of a day says nothing of its hours.
            self._proven_until = iso(int(day.starts[0]) + day.chains.index(self._head) * HOUR)
        self.days += 1
        self.lines += len(day.chains)
        self.chain = day.chains[-1]
        self._before = day

    def verdict(self, newest: DayFile) -> Verdict:
        """Return the verdict on days without a fault. DamagedDayError where the head is of none of their lines."""
        if self._head is not None and self._proven_until is None:
            raise DamagedDayError(str(newest.path), None, f"no line up to here has the head {self._head}")
        proof: Proof = "consistent" if self._head is None else "proven"
        return Verdict(proof, self.days, self.lines, self.chain, proven_until=self._proven_until)

    def _check_beginning(self, file: DayFile, day: LedgerDay) -> None:
        before = self._before
        if before is None:
            if not self._stated and day.previous != chain.BEGINNING:
                raise DamagedDayError(
                    str(file.path),
                    1,
                    f"it follows the line {day.previous}, of which there is no file. If older days were given up, "
                    f"verify with --from {day.date}",
                )
            return
        if day.previous != before.chains[-1]:
            raise DamagedDayError(
                str(file.path), 1, f"it follows the line {day.previous}, {before.date} ends with {before.chains[-1]}"
            )
        expected, midnight = _days_between(before, day), read_iso(f"{day.date}T00:00:00Z")
        if day.unobserved_days != expected:
            raise DamagedDayError(str(file.path), 1, "its unobserved days are not those between it and the file before")
        if int(day.starts[0]) != midnight:
            raise DamagedDayError(str(file.path), 2, f"{iso(midnight)} is missing")


def _days_between(before: LedgerDay, day: LedgerDay) -> UnobservedDays | None:
    last, midnight = int(before.starts[0]) // DAY * DAY, read_iso(f"{day.date}T00:00:00Z")
    return None if midnight - last == DAY else UnobservedDays(day_name(last + DAY), day_name(midnight - DAY))
