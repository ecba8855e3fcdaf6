"""Reads SECURITY.md, its sentences and the rows of its tables, and what is said to show each."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.spec.document import ROOT

PAGE = ROOT / "SECURITY.md"
SHOWN_BY = ROOT / "tests" / "spec" / "security_sentences.txt"
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


def shown_by() -> list[tuple[str, list[str]]]:
    """Return the beginning of each sentence with the tests that show it, or with the reason in brackets."""
    shown: list[tuple[str, list[str]]] = []
    for line in SHOWN_BY.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            shown[-1][1].append(line.strip())
        elif line and not line.startswith("#"):
            shown.append((line, []))
    return shown
