"""docs/architecture.md names modules and folders that are there, and its walk passes every room of the collector."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WALK = "A pod's CPU, from the API to the published file"


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:collector|docs|kl_\w+|tests)/[\w./]+)`", PAGE))))
def test_each_path_it_names_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_a_pods_cpu_passes_every_room_of_the_collector_in_the_order_that_the_linter_holds() -> None:
    walk = PAGE.partition(f"## {WALK}\n")[2].partition("\n## ")[0]
    rooms = re.findall(r"^\| `collector/(\w+)/", walk, re.MULTILINE)
    assert list(dict.fromkeys(rooms)) == ["kubernetes", "accounting", "store", "books", "publish"]
