"""Property tests have all the time they take: on a busy machine limits would fail them for the machine's sake."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("quick", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=250)
settings.load_profile("quick")

TESTS = Path(__file__).parent
# A file is one worker's: these take longest, and begun last they would leave the other workers without work.
LONG_FILES = [
    "reference/test_reference.py",
    "questions/test_questions.py",
    "simulator/test_demo.py",
    "release/test_publish.py",
    "e2e/test_five_questions.py",
    "e2e/test_bad_input.py",
    "kl_query/dataset/legacy/test_ten_tools.py",
    "collector/kubernetes/test_broken_watches.py",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; all others keep their order."""
    order = {TESTS / name: position for position, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: order.get(item.path, len(order)))
