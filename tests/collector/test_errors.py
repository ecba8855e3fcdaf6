import pytest

from collector import errors
from kl_core.errors import KubeLedgerError


@pytest.mark.parametrize("name", ["SourceError", "StoreError", "PublishError", "MigrationError"])
def test_every_error_is_a_kubeledger_error_and_stands_in_the_drawn_tree(name: str) -> None:
    assert issubclass(getattr(errors, name), KubeLedgerError)
    assert name in (errors.__doc__ or "")


def test_a_source_error_names_its_source_first() -> None:
    error = errors.SourceError("metrics", "install metrics-server", 404)
    assert str(error) == "metrics: install metrics-server"
    assert (error.source, error.status) == ("metrics", 404)


@pytest.mark.parametrize(
    ("status", "cause"),
    [(401, "unauthorized"), (403, "forbidden"), (404, "not_served"), (400, "error"), (405, "error"), (503, "error"),
     (None, "error")],
)  # fmt: skip
def test_the_cause_is_that_of_the_status_unless_it_is_told(status: int | None, cause: str) -> None:
    assert errors.SourceError("metrics", "no", status).cause == cause
    assert errors.SourceError("metrics", "no", status, cause="stale").cause == "stale"
