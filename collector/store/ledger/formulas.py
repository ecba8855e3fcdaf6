"""What follows from a closed hour by the formulas that belong to `kubeledger.ledger/1`. All is in whole numbers.

Of a metric, `amounts` being those of all namespaces and stored special entries:

    non-allocatable = capacity − allocatable
    rest            = allocatable − Σ known amounts
    cost of a row   = bill × 1000 × amount ÷ capacity, rounded half to even
    cost of rest    = bill × 1000 − Σ costs of known amounts − cost of non-allocatable

The rest is idle where every amount is known. Where one is not, idle is unknown, and of usage the rest is the special
entry `unmeasured`. So the amounts of an hour add up to its capacity, and the costs to its bill.

A bill is in millionths of the currency, a cost in thousand-millionths (10⁻⁹). None is unknown.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np

from collector.hour import HourAmount
from collector.store.ledger.day import UNKNOWN, Integers

COSTS_A_BILL = 1000
"""How many units of a cost a unit of a bill is."""
_LIMB_BITS = 16
_MAX_CAPACITY = 1 << (62 - _LIMB_BITS)
"""Up to here a remainder and a limb fit into 64 bits together."""


@dataclass(frozen=True, slots=True)
class Split:
    """Where the capacity of a metric, or its bill, went beside the rows. They add up, with the rows, to all of it."""

    idle: HourAmount
    unmeasured: HourAmount
    """The rest where an amount of usage is unknown; None where idle is known, and for requests and charged."""
    non_allocatable: HourAmount


def millionths(rate: float) -> int:
    """Return a rate in millionths of the currency, half to even, of the number as it is written."""
    with localcontext(prec=400):
        return int((Decimal(repr(rate)) * 10**6).quantize(Decimal(1), ROUND_HALF_EVEN))


def split_amounts(amounts: Integers, capacity: HourAmount, allocatable: HourAmount, *, measured: bool = True) -> Split:
    """Return what is left of a capacity. `measured` says that the amounts are usage."""
    if capacity is None or allocatable is None:
        return Split(None, None, None)
    return _with_rest(amounts, allocatable - sum(_known(amounts)), capacity - allocatable, measured=measured)


def split_bill(
    bill: HourAmount, amounts: Integers, capacity: HourAmount, allocatable: HourAmount, *, measured: bool = True
) -> Split:
    """Return what of a bill is left beside the costs of these amounts."""
    if bill is None or capacity is None or allocatable is None:
        return Split(None, None, None)
    non_allocatable = cost(bill, capacity - allocatable, capacity)
    spent = sum(cost(bill, amount, capacity) for amount in _known(amounts))
    rest = bill * COSTS_A_BILL - spent - non_allocatable
    return _with_rest(amounts, rest, non_allocatable, measured=measured)


def cost(bill: int, amount: int, capacity: int) -> int:
    """Return what an amount costs of the bill for a capacity; nothing where there is no capacity."""
    if not capacity:
        return 0
    cost, remainder = divmod(bill * COSTS_A_BILL * amount, capacity)
    return cost + (2 * remainder > capacity or (2 * remainder == capacity and cost % 2))


def costs(bill: int, amounts: Integers, capacity: int) -> Integers:
    """Return the `cost` of each amount from 0 on, unknown where it is. OverflowError for one that has 64 bits."""
    known = amounts != UNKNOWN
    plain = np.where(known, amounts, 0)
    if not capacity:
        return np.where(known, 0, UNKNOWN)
    most = bill * COSTS_A_BILL * int(plain.max(initial=0)) // capacity
    if capacity > _MAX_CAPACITY or most >= 2**62:
        exact = [cost(bill, amount, capacity) for amount in plain.tolist()]
        return np.where(known, np.array(exact, np.int64), UNKNOWN)
    times, part = divmod(bill * COSTS_A_BILL, capacity)
    # part × amount ÷ capacity, by long division: part × amount needs more than 64 bits.
    quotient, remainder = np.zeros_like(plain), np.zeros_like(plain)
    for shift in reversed(range(0, max(int(plain.max(initial=0)).bit_length(), 1), _LIMB_BITS)):
        limb = plain >> shift & ((1 << _LIMB_BITS) - 1)
        digit, remainder = np.divmod((remainder << _LIMB_BITS) + part * limb, capacity)
        quotient = (quotient << _LIMB_BITS) + digit
    floor = quotient + times * plain
    above = remainder > capacity - remainder
    tie = (remainder == capacity - remainder) & (floor % 2 == 1)
    return np.where(known, floor + (above | tie), UNKNOWN)


def _known(amounts: Integers) -> list[int]:
    """Return the known ones as numbers that no sum is too large for."""
    known: list[int] = amounts[amounts != UNKNOWN].tolist()
    return known


def _with_rest(amounts: Integers, rest: int, non_allocatable: int, *, measured: bool) -> Split:
    if (amounts != UNKNOWN).all():
        return Split(rest, None, non_allocatable)
    return Split(None, rest if measured else None, non_allocatable)
