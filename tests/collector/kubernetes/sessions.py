"""Sessions to a server that answers from a script."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes.client import Configuration

from collector.errors import SourceError
from collector.kubernetes.session import Session
from tests.support.patience import LIMIT_SECONDS
from tests.support.unhurried import Unhurried


@contextmanager
def session_to(url: str, timeout_sec: float = LIMIT_SECONDS, **options: Any) -> Iterator[Session]:
    configuration = Configuration(host=url, retries=False)
    for name, value in options.pop("configuration", {}).items():
        setattr(configuration, name, value)
    session = Session(configuration, timeout_sec, **{"deadline": Unhurried(), **options})
    try:
        yield session
    finally:
        session.close()


def failure_of(session: Session, source: Any = "kubernetes") -> SourceError:
    with pytest.raises(SourceError) as caught:
        session.get_json(source, "/api/v1/pods", {"limit": "500"}, "list pods in the whole cluster")
    assert "\n" not in str(caught.value)
    return caught.value
