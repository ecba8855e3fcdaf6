"""The changelog at a release."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from release.changelog import ChangelogError, release

CHANGELOG = """\
# Changelog

All changes.

## Unreleased

### Added

* A thing.

## 0.1.0 – 2026-01-02

* The first.
"""


def test_what_is_unreleased_becomes_the_version_and_the_heading_stays_for_what_follows() -> None:
    released = release(CHANGELOG, "0.2.0", "2026-12-01")
    assert (
        released.text
        == """\
# Changelog

All changes.

## Unreleased

## 0.2.0 – 2026-12-01

### Added

* A thing.

## 0.1.0 – 2026-01-02

* The first.
"""
    )
    assert released.notes == "### Added\n\n* A thing.\n"


def test_the_first_version_has_nothing_below_it() -> None:
    released = release("# Changelog\n\n## Unreleased\n\n* All.\n", "0.1.0", "2026-12-01")
    assert released.text == "# Changelog\n\n## Unreleased\n\n## 0.1.0 – 2026-12-01\n\n* All.\n"


@pytest.mark.parametrize(
    ("text", "version", "message"),
    [
        (CHANGELOG, "0.1.0", "CHANGELOG.md has a section 0.1.0 already. Raise the version in kl_mcp/__init__.py."),
        ("# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n* The first.\n", "0.2.0", "lists nothing under"),
        ("# Changelog\n", "0.1.0", "lists nothing under"),
    ],
)
def test_a_version_that_is_there_and_a_release_without_changes_are_refused(
    text: str, version: str, message: str
) -> None:
    with pytest.raises(ChangelogError, match=message.replace(".", r"\.")):
        release(text, version, "2026-12-01")


def test_a_first_version_fixes_nothing_that_anybody_had() -> None:
    text = (Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(r"^## \d", text, re.MULTILINE):
        assert "### Fixed" not in text
