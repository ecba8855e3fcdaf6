"""Writes docs/questions.md anew, or checks that it is current: `python scripts/questions.py [--check]`.

Simulates a year first, which takes about half a minute.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.document import document
from benchmarks.year import simulated_year

PAGE = Path(__file__).resolve().parent.parent / "docs" / "questions.md"


def main(arguments: list[str]) -> int:
    with TemporaryDirectory() as directory:
        written = document(simulated_year(Path(directory)))
    if "--check" not in arguments:
        PAGE.write_text(written, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != written:
        print(f"stale: {PAGE.name}; run scripts/questions.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
