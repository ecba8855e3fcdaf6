"""Reads SECURITY.md: its sentences, and the rows of its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.spec.document import ROOT

PAGE = ROOT / "SECURITY.md"
BLOCKS = re.compile(r"\n\s*\n|\n(?=\* |\|)")
END_OF_SENTENCE = re.compile(r"(?<=\.)(?:\*\*)?\s+(?=[A-Z*`/])")
NO_PROSE = re.compile(r"#|    |\|[- |]+$|\| (?:what|who|if) \|")
"""Beginnings of headings, of what is set as code, and of the first lines of tables."""


def sentences() -> Iterator[str]:
    """Yield each sentence of the page without its marks, and each row of a table as one."""
    for block in BLOCKS.split(PAGE.read_text(encoding="utf-8")):
        if not block.strip() or NO_PROSE.match(block):
            continue
        text = " ".join(block.removeprefix("* ").split())
        yield from (text.strip("| ") for text in ([text] if text.startswith("|") else END_OF_SENTENCE.split(text)))
