"""GPUs that pods hold by resource claims, which are asked for only where there are any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from threading import Event

from collector.errors import SourceError
from collector.kubernetes.deadline import Deadline, LateError, Task
from collector.kubernetes.resource_claims import GROUP, ClaimReader
from collector.kubernetes.session_maker import SessionMaker
from collector.observations import BlindSpot, Pod


class ClaimedGpus:
    """Reads the claims of pods, in a thread which a stop need not wait for."""

    def __init__(self, sessions: SessionMaker, reading_sec: float, stop: Event) -> None:
        """`reading_sec` is for one reading with its repetitions; `stop` ends all waiting."""
        self._sessions = sessions
        self._reading_sec = reading_sec
        self._stop = stop
        self._claims = ClaimReader()

    def of(self, pods: Iterable[Pod]) -> tuple[Mapping[str, float | None] | None, tuple[BlindSpot, ...]]:
        """Return GPUs by `Pod.identity`, None where claims could not be read, and what is not known of them."""
        claiming = [pod for pod in pods if pod.claims]
        if not claiming:
            return {}, ()
        deadline = Deadline(self._reading_sec, self._stop)

        def read() -> Mapping[str, float | None]:
            with closing(self._sessions.session(deadline)) as session:
                return self._claims.read(session, claiming)

        try:
            return Task(read, "claims").result(deadline), self._claims.blind_spots()
        except SourceError as error:
            failure = error
        except LateError:
            reason = f"/apis/{GROUP} was not read {deadline.wording()}. Check the API server and the network."
            failure = SourceError("kubernetes", reason, cause="timeout")
        return None, (self._claims.unread(failure, len(claiming)),)
