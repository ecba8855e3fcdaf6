"""Answers as plain JSON values: numbers rounded, null where unknown, every block an object with its fields in order.

How a type is written is worked out once, from its declared fields.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Annotated, Any, TypeAlias, get_args, get_origin, get_type_hints

import numpy as np

from kl_query.fields import Amount, LazyRows
from kl_query.numbers import MONEY, rounded
from kl_query.warnings.warning import DataWarning

Write: TypeAlias = Callable[[Any, str | None], Any]
"""Takes a value and what the amounts in it are in; returns plain JSON."""
_FIXED: Mapping[Amount | None, str | None] = {Amount.MONEY: MONEY, Amount.OTHER: None}
"""What amounts are in that are not in the unit around them."""


def plain(value: Any, unit: str | None) -> Any:
    """Return an answer, or a block or row of one, whose amounts are in `unit`. Rows to be made are left out."""
    kind: Any = type(value)
    return _writer(kind, None)(value, unit)


@cache
def _writer(declared: Any, amount: Amount | None) -> Write:
    origin, inner = get_origin(declared), get_args(declared)
    if origin is Annotated:
        return _writer(inner[0], next((each for each in inner[1:] if isinstance(each, Amount)), amount))
    if type(None) in inner:
        write_known = _writer(next(each for each in inner if each is not type(None)), amount)
        return lambda value, unit: None if value is None else write_known(value, unit)
    if is_dataclass(declared) and declared is not DataWarning:
        return _block_writer(declared, amount)
    if origin in (Sequence, Mapping, np.ndarray):
        write = _writer(float if origin is np.ndarray else inner[-1], amount)
        return {
            Sequence: lambda rows, unit: [] if isinstance(rows, LazyRows) else [write(row, unit) for row in rows],
            Mapping: lambda values, unit: {key: write(value, unit) for key, value in values.items()},
            np.ndarray: lambda numbers, unit: [write(number, unit) for number in numbers.tolist()],
        }[origin]
    if declared is float:
        fixed = _FIXED.get(amount)
        return rounded if amount is Amount.IN_UNIT else lambda value, _: rounded(value, fixed)
    return lambda value, _: value.text if declared is DataWarning else declared(value)


def _block_writer(declared: Any, amount: Amount | None) -> Write:
    hints = get_type_hints(declared, include_extras=True)
    writers = [(field.name, _writer(hints[field.name], None)) for field in fields(declared)]
    has_unit = hasattr(declared, "amount_unit")

    def write(value: Any, unit: str | None) -> dict[str, Any]:
        inside = value.amount_unit if has_unit else _FIXED.get(amount, unit)
        return {name: write_field(getattr(value, name), inside) for name, write_field in writers}

    return write
