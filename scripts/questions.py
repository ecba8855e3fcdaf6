"""Writes docs/questions.md and docs/answer.svg anew, or checks them: `python scripts/questions.py [--check]`.

Simulates a year first, which takes about half a minute.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.document import document
from benchmarks.picture import picture
from benchmarks.year import simulated_year

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main(arguments: list[str]) -> int:
    with TemporaryDirectory() as directory:
        year = simulated_year(Path(directory))
        written = {DOCS / "questions.md": document(year), DOCS / "answer.svg": picture(year)}
    stale = [path for path, text in written.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" not in arguments:
        for path in stale:
            path.write_text(written[path], encoding="utf-8")
    elif stale:
        print(f"stale: {', '.join(path.name for path in stale)}; run scripts/questions.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
