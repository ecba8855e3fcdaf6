"""What the answers to questions are made of: numbers, what they are in, and rows that are made when they are read.

Numbers are as exact as they were reckoned: NaN is unknown, and nothing is rounded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeVar, overload

from pydantic import Field, GetPydanticSchema

from kl_query.numbers import Array

T = TypeVar("T")


def doc(text: str) -> Any:
    """Return what says of a field, in its `Annotated`, what it is."""
    return Field(description=text)


class Amount(Enum):
    """What a number is in, or what the amounts inside a block are in."""

    IN_UNIT = "the unit of the answer, or the `amount_unit` of the block around it"
    MONEY = "the dataset's currency"
    OTHER = "no unit of amounts"


Number = float | None
Instant = Annotated[str, doc("ISO 8601, UTC")]
MEAN_UNIT = "cores, GiB, GPUs or currency_per_hour; of the kubeledger layout per cent, as in metadata.unit"
UNIT = "in metadata.unit; null: unknown"
SCOPE = "cluster (sum of all namespaces), namespace, namespaces (one series each), aggregate (one sum)"
InUnit = Annotated[Number, Amount.IN_UNIT]
InMoney = Annotated[Number, Amount.MONEY]
Value = Annotated[InUnit, doc(f"Amount over the window, {UNIT}")]
PerBucket = Annotated[Array, GetPydanticSchema(lambda _, handler: handler(list[Number]))]
"""One number a bucket."""
Values = Annotated[PerBucket, doc(f"One amount a bucket, {UNIT}"), Amount.IN_UNIT]
RecordedSince = Annotated[
    Instant | None,
    doc("First sample in the record; a namespace first seen then may be older than that. null: unknown"),
]
MetricField = Annotated[str, doc("cpu, memory, gpu, gpu_memory, or total (money over all metrics)")]
ScaleField = Annotated[str, doc("hourly_7d, daily_14d or monthly_12m")]
DimensionField = Annotated[str, doc("usage, or requests (what the scheduler set aside)")]
DateField = Annotated[str | None, doc("The buckets answered: one, or FIRST..LAST with both ends; null: no data")]
Dates = Annotated[Sequence[str], doc("Start of each bucket, oldest first")]


@dataclass(frozen=True, slots=True, eq=False)
class LazyRows(Sequence[T]):
    """As many rows as there are, each made by `row` when it is read.

    `then` takes an answer and the rows of it that are shown, and returns it with what follows from which these are.
    """

    length: int
    row: Callable[[int], T]
    what: str = "namespaces"
    """What the rows are."""
    brief: int | None = None
    """How many say the most, to who does not ask for more; None: all do."""
    then: Callable[[Any, Sequence[T]], Any] | None = None

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self.length

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        """Make a row, or some."""
        places = range(self.length)[index]
        return self.row(places) if isinstance(places, int) else [self.row(place) for place in places]
