"""What tests of the Kubernetes API are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.kubernetes_api import KubernetesApi, serving_cluster
from tests.support.kubernetes_objects import container, pod


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with serving_cluster() as made:
        made.put("pods", *(pod(container(cpu="1"), name=name) for name in ("a", "b")))
        yield made
