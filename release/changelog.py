"""The section `Unreleased` of the changelog becomes that of a version."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEADING = "## Unreleased"


class ChangelogError(Exception):
    """The changelog is not ready for the release; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Released:
    """The changelog with the version in it, and what it says of the version."""

    text: str
    notes: str


def release(text: str, version: str, date: str) -> Released:
    """Move what is unreleased to `version`. Raises `ChangelogError` where there is nothing, or the version is there."""
    if re.search(rf"^## {re.escape(version)}\b", text, re.MULTILINE):
        raise ChangelogError(f"CHANGELOG.md has a section {version} already. Raise the version in kl_mcp/__init__.py.")
    before, heading, rest = text.partition(f"{HEADING}\n")
    notes, following, older = rest.partition("\n## ")
    if not heading or not re.search(r"^\* ", notes, re.MULTILINE):
        raise ChangelogError(f"CHANGELOG.md lists nothing under `{HEADING}`. Write there what has changed.")
    section = f"## {version} – {date}\n{notes}"
    return Released(f"{before}{heading}\n{section}{following}{older}", notes.strip() + "\n")
