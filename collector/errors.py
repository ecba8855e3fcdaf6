"""What can go wrong in the collector, as one small tree.

    KubeLedgerError
    ├── SettingsError   a setting is wrong or missing: nothing was started, the operator has to change it (kl_core)
    ├── SourceError     a source (`kubernetes`, `metrics`, `dcgm`) did not answer properly: unknown for this tick
    ├── StoreError      the RRDs or the files beside them cannot be read, written or locked
    │   ├── DamagedError   an RRD is damaged, foreign or not this user's
    │   ├── DamagedDayError   a day of the ledger is not what was written
    │   ├── NoSpaceError   the disk, a quota or a limit on file sizes is full
    │   └── InUseError     another collector holds the directory
    ├── PublishError    the dataset cannot be written where it is published
    └── MigrationError  an existing installation's databases cannot be imported as asked

Every message is one line that names the input, what was allowed and what to do, and never holds a secret.
"""

from collections.abc import Mapping

from collector.model import UnobservedCause
from kl_core.errors import KubeLedgerError
from kl_core.vocabulary import Source

_CAUSES: Mapping[int | None, UnobservedCause] = {401: "unauthorized", 403: "forbidden", 404: "not_served"}
"""By HTTP status."""


class SourceError(KubeLedgerError):
    """A source that failed in this tick, with the reason and the remedy in `message`."""

    def __init__(
        self, source: Source, message: str, status: int | None = None, cause: UnobservedCause | None = None
    ) -> None:
        """`cause` is what books say of the reason; without one it is what `status` says."""
        super().__init__(f"{source}: {message}")
        self.source = source
        self.message = message
        self.status = status
        """HTTP status of the refused request, None when there was no HTTP answer."""
        self.cause = cause or _CAUSES.get(status, "error")
        """Why the source told nothing."""


class StoreError(KubeLedgerError):
    """The store under the database location cannot be opened, locked, read or written."""


class DamagedError(StoreError):
    """A round-robin database that is at fault itself, as `cause` says."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class DamagedDayError(StoreError):
    """A day of the ledger that is not what was written: in `line` of `file`, None for all of it, is the `fault`."""

    def __init__(self, file: str, line: int | None, fault: str) -> None:
        place = f"{file}, line {line}" if line is not None else str(file)
        super().__init__(f"{place}: {fault}. Nothing was changed. Restore the file from a backup")
        self.file = file
        self.line = line
        self.fault = fault


class NoSpaceError(StoreError):
    """A file of the store that does not fit on its disk."""


class InUseError(StoreError):
    """A directory that another collector holds; `holder` is what it wrote into the lock file."""

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class PublishError(KubeLedgerError):
    """The dataset cannot be written to the publication directory."""


class MigrationError(KubeLedgerError):
    """Databases of an existing installation, or what was said about them, that cannot be imported."""
