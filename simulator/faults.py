"""What a simulator can be told to do wrong, and its clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from simulator.dcgm import DcgmFault
from simulator.shapes import HOUR, STEP


class PathFault(BaseModel):
    """What happens to requests whose path starts with `prefix`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prefix: Annotated[str, Field(pattern="^/")]
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    delay_seconds: Annotated[float, Field(ge=0)] = 0.0
    truncate: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of the body that is sent before the connection breaks."""
    times: Annotated[int, Field(ge=1)] | None = None
    """How many requests it befalls; None: all."""


class Faults(BaseModel):
    """All faults in force; the default is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: Literal["absent", "unavailable", "partial"] | None = None
    """`absent`: the API group does not exist (404); `unavailable`: 503; `partial`: some pods are not measured."""
    metrics_known_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Under `partial`: the share of each namespace's pods, first by name, that is measured (rounded up)."""
    dcgm: DcgmFault | None = None
    expire_page: Annotated[int, Field(ge=2)] | None = None
    """The page of a paged listing whose continue token has expired (410 Gone)."""
    expire_times: Annotated[int, Field(ge=1)] = 1
    """How many requests that befalls."""
    watch: Literal["forbidden", "expired", "cut", "silent"] | None = None
    """`forbidden`: 403; `expired`: 410 in the stream; `cut`: the stream ends; `silent`: nothing comes any more."""
    watch_times: Annotated[int, Field(ge=1)] | None = None
    """How many streams `expired` and `cut` befall; None: all."""
    paths: tuple[PathFault, ...] = ()


def parse_time(text: str) -> int:
    """UNIX seconds of an ISO 8601 time (UTC unless it says otherwise) or of a number of seconds, else ValueError."""
    if text.lstrip("-").isdigit():
        return int(text)
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


class ClockOrder(BaseModel):
    """A change to the clock; a field that is not given stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: str | int | None = None
    """ISO 8601 or UNIX seconds: freezes the clock there."""
    advance_seconds: int = 0
    """Moves a frozen clock."""
    real_time: bool = False
    interval: Literal[300, 600, 900, 1200, 1800, 3600] | None = None
    """Seconds over which the shown usage is averaged; what is shown ends at a multiple of it."""


@dataclass
class Clock:
    """Time as the simulated cluster sees it: the wall clock, or frozen."""

    wall: Callable[[], float]
    frozen: int | None = None
    interval: int = STEP

    def now(self) -> int:
        """UNIX seconds."""
        return int(self.wall()) if self.frozen is None else self.frozen

    @property
    def end(self) -> int:
        """End of the interval that is shown: the one that goes on; at its very end it still does."""
        return -(-self.now() // self.interval) * self.interval

    def obey(self, order: ClockOrder) -> None:
        """Apply an order; ValueError if its time cannot be read."""
        if order.interval is not None and HOUR % order.interval == 0:
            self.interval = order.interval
        if order.real_time:
            self.frozen = None
        if order.at is not None:
            self.frozen = parse_time(str(order.at))
        if order.advance_seconds:
            self.frozen = self.now() + order.advance_seconds
