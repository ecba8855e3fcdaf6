"""No test depends on how fast the machine is: `tests/support/patience.py` says how tests wait."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
STOPWATCHES = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "process_time_ns"}
LIMITS = {"timeout", "read_timeout_seconds"}
LIMITING = {"fail_after", "move_on_after"}
AWAITING = {"wait", "join"}
ALLOWED = {
    "support/patience.py": "the one place that waits by a clock",
    "support/turned_clock.py": "makes a clock for the server",
    "support/kubernetes_api.py": "ends watches when they time out, as the API server does",
    "support/aging.py": "makes a clock for the server",
    "collector/publish/test_generation.py": "sleeps before a kill, which may come at any moment",
    "collector/store/test_killed_store.py": "sleeps before a kill, which may come at any moment",
}


def hurried(source: str) -> Iterator[tuple[int, str]]:
    """Line and reason of what depends on the speed of the machine."""
    tree = ast.parse(source)
    for block in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            yield from _slept(getattr(block, field, None))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and _name(node) in STOPWATCHES:
            yield node.lineno, "takes the time: wait for a condition, or turn a clock"
        if isinstance(node, ast.Assert) and any(map(_is_elapsed, ast.walk(node))):
            yield node.lineno, "asserts how much time has passed"
        if isinstance(node, ast.Call):
            yield from _limited(node)


def _slept(block: object) -> Iterator[tuple[int, str]]:
    """Sleeps of threads; those of coroutines, before an assertion."""
    statements = block if isinstance(block, list) else []
    for number, statement in enumerate(statements):
        expression = statement.value if isinstance(statement, ast.Expr) else None
        awaited = isinstance(expression, ast.Await)
        call = expression.value if isinstance(expression, ast.Await) else expression
        if not isinstance(call, ast.Call) or _name(call.func) != "sleep" or _number(call.args[0]) == 0:
            continue
        if not awaited or any(isinstance(each, ast.Assert) for each in statements[number + 1 : number + 2]):
            yield statement.lineno, "sleeps where it could wait for what is to happen"


def _is_elapsed(node: ast.AST) -> bool:
    minuend = node.left if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) else None
    return isinstance(minuend, ast.Call) and ast.unparse(minuend) == "time.time()"


def _limited(call: ast.Call) -> Iterator[tuple[int, str]]:
    """Numbers where LIMIT_SECONDS belongs."""
    numbers = [keyword.value for keyword in call.keywords if keyword.arg in LIMITS]
    numbers += call.args[:1] if _name(call.func) in LIMITING | AWAITING else []
    numbers += call.args[1:2] if _name(call.func) in {"wait_for", "create_connection"} else []
    if any(_number(each) is not None for each in numbers):
        yield call.lineno, "has a limit of its own: LIMIT_SECONDS is the one for all"


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _number(node: ast.expr) -> float | None:
    found = node.value if isinstance(node, ast.Constant) else None
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def test_no_test_depends_on_the_speed_of_the_machine() -> None:
    files = {str(path.relative_to(TESTS)): path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py")}
    found = [f"{name}:{line} {why}" for name, text in sorted(files.items()) for line, why in hurried(text)]

    assert [each for each in found if each.partition(":")[0] not in ALLOWED] == []
    assert {each.partition(":")[0] for each in found} >= set(ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        "started = time.monotonic()",
        "from time import perf_counter\nbefore = perf_counter()",
        "assert time.time() - before < 2",
        "time.sleep(0.3)\nassert happened",
        "while not done:\n    time.sleep(0.1)",
        "async def f():\n    await anyio.sleep(0.05)\n    assert happened",
        "subprocess.run(command, timeout=30)",
        "process.wait(3)",
        "thread.join(5)",
        "with anyio.fail_after(10): pass",
        "socket.create_connection(address, 10)",
    ],
)
def test_what_depends_on_it_is_found(source: str) -> None:
    assert list(hurried(source)) != []


@pytest.mark.parametrize(
    "source",
    [
        "now = int(time.time())",
        "assert certificate.not_after > time.time()",
        "os.utime(file, (time.time() - age, time.time() - age))",
        "async def f():\n    await asyncio.sleep(0)\n    assert happened",
        "process.wait(LIMIT_SECONDS)\nprocess.wait()",
        '", ".join(names)',
        "subprocess.run(command, timeout=LIMIT_SECONDS)",
    ],
)
def test_what_does_not_is_left_alone(source: str) -> None:
    assert list(hurried(source)) == []
