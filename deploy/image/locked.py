"""Prints the part of requirements.lock that some packages need, with its hashes: `locked.py LOCK [NAME...]`.

Without names: what the product itself needs, and nothing that only its development does. The lock names behind every
package the packages it is there for (`# via`), of which this takes the closure.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

PRODUCT = "kubeledger (pyproject.toml)"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def blocks(lock: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    """`(name, requirement with hashes, what it is there for)` of every package; a name comes once a marker."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock.strip()):
        lines = block.splitlines()
        comments = [line.strip().lstrip("#").strip().removeprefix("via").strip() for line in lines if "#" in line]
        requirement = "\n".join(line for line in lines if "#" not in line)
        yield _name(lines[0]), requirement, frozenset(map(_parent, filter(None, comments)))


def closure(lock: str, roots: Sequence[str] = ()) -> str:
    """The requirements of `roots` (default: of the product), as a requirements file."""
    packages = list(blocks(lock))
    unknown = set(roots) - {name for name, _, _ in packages}
    if unknown:
        raise SystemExit(f"locked.py: {', '.join(sorted(unknown))} not in the lock; resolve it anew with `make lock`")
    wanted = set(roots) or {PRODUCT}
    before = 0
    while len(wanted) != before:
        before = len(wanted)
        wanted |= {name for name, _, parents in packages if parents & wanted}
    return "".join(f"{requirement}\n" for name, requirement, _ in packages if name in wanted)


def _name(text: str) -> str:
    match = _NAME.match(text)
    if match is None:
        raise SystemExit(f"locked.py: {text!r} is no line of a lock")
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def _parent(comment: str) -> str:
    return comment if "(" in comment else _name(comment)


if __name__ == "__main__":
    sys.stdout.write(closure(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2:]))
