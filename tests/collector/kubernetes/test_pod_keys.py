import sys
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from collector.kubernetes.pod_keys import PodKeys

PAIRS = st.lists(st.tuples(st.text("ab-", max_size=4), st.text("ab-", max_size=4)))


@given(PAIRS, PAIRS)
def test_it_holds_what_was_added_and_nothing_else(added: list[tuple[str, str]], others: list[tuple[str, str]]) -> None:
    keys = PodKeys()
    seen: set[tuple[str, str]] = set()
    for pair in added:
        assert keys.add(*pair) is (pair not in seen)
        seen.add(pair)
    assert len(keys) == len(seen)
    assert all(pair in keys for pair in added)
    assert all((pair in keys) == (pair in seen) for pair in others)


def test_the_border_between_namespace_and_name_counts() -> None:
    keys = PodKeys()
    keys.add("a", "bc")
    assert ("ab", "c") not in keys


def test_a_pod_takes_a_few_bytes() -> None:
    tracemalloc.start()
    try:
        keys = PodKeys()
        empty = tracemalloc.get_traced_memory()[0]
        for number in range(50_000):
            keys.add("shop", f"web-{number}")
        taken = tracemalloc.get_traced_memory()[0] - empty
    finally:
        tracemalloc.stop()
    assert len(keys) == 50_000
    assert taken / 50_000 < 12, f"{taken} bytes on {sys.version}"
