"""What a tenant is told follows from whose namespaces a warning names, not from its words nor from their names.

Every scene is published twice: the namespaces of others are called by words that nothing else has in it, and by English
words. To the tenant both must be the same to the byte, as warnings are worded and with every word of them replaced.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Formatter

import pytest

import kl_mcp
import kl_query
from kl_mcp.access.callers import Caller
from kl_query.warnings import warning as core
from kl_query.warnings.codes import Code
from kl_query.warnings.warning import DataWarning, Names, Text, Visible
from tests.kl_query.warnings import legacy, published
from tests.kl_query.warnings.doors import EVERYBODY, TENANT, Scene, answers, shown_in

WORDS = ("cannot", "data", "hour", "metrics", "min", "next", "the")
SECRETS = ("qaqqqq", "qbqq", "qcqq", "qdqqqqq", "qeq", "qfqq", "qgq")
"""As long as the words, and in the same order, so that nothing else about the answers differs."""
CASES: dict[str, Callable[[Path, Sequence[str]], Iterator[Scene]]] = {
    case.__name__: case
    for case in (
        published.whole,
        published.young,
        published.parts,
        published.came,
        published.silent,
        published.clocks,
        published.damaged,
        published.absent,
        published.past,
        published.replaced,
        published.unforeseen,
        legacy.sums,
        legacy.broken,
        legacy.windows,
    )
}
CALLERS = {"tenant": TENANT, "everybody": EVERYBODY}
MARK = "¤"
Scenes = Mapping[str, Sequence[Scene]]
Reword = Callable[[], None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


def _scenes(place: Path, names: Sequence[str]) -> Scenes:
    return {name: [*case(place / names[0] / name, names)] for name, case in CASES.items()}


@pytest.fixture(scope="module")
def secret(place: Path) -> Scenes:
    return _scenes(place, SECRETS)


@pytest.fixture(scope="module")
def english(place: Path) -> Scenes:
    return _scenes(place, WORDS)


def _reworded(template: str) -> str:
    """Return a template with its slots and none of its words."""
    parts = [MARK]
    for literal, slot, form, _ in Formatter().parse(template):
        parts.append(re.sub(r"\w+", "~", literal))
        parts += [] if slot is None else [f"{{{slot}{':' if form else ''}{form}}}"]
    return "".join(parts)


@pytest.fixture
def reword(monkeypatch: pytest.MonkeyPatch) -> Reword:
    """Return a function that replaces every word of every warning."""
    filled = core.filled
    return lambda: monkeypatch.setattr(core, "filled", lambda template, values: filled(_reworded(template), values))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[DataWarning]:
    """Return the list of all warnings that are shown from now on."""
    seen: list[DataWarning] = []
    show = DataWarning.shown

    def spy(self: DataWarning, visible: Visible) -> str:
        seen.append(self)
        return show(self, visible)

    monkeypatch.setattr(DataWarning, "shown", spy)
    return seen


def _written(scene: Scene, caller: Caller, place: Path) -> list[tuple[str, str]]:
    """Return the answers as text, without where the scene was published."""
    found = answers(scene, caller)
    return [
        (asked, re.sub(rf"{place}/({SECRETS[0]}|{WORDS[0]})", "/place", json.dumps(answer, ensure_ascii=False)))
        for asked, answer in found
    ]


@pytest.mark.parametrize("caller", CALLERS)
def test_every_warning_there_is_is_shown_in_some_scene(secret: Scenes, shown: list[DataWarning], caller: str) -> None:
    for scenes in secret.values():
        for scene in scenes:
            answers(scene, CALLERS[caller])

    assert {code.name for code in Code} - {warning.code.name for warning in shown} == set()


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("worded", ["as worded", "reworded"])
@pytest.mark.parametrize("case", CASES)
def test_what_a_tenant_is_told_does_not_depend_on_what_others_are_called(
    secret: Scenes, english: Scenes, reword: Reword, place: Path, case: str, worded: str
) -> None:
    if worded == "reworded":
        reword()
    for first, second in zip(secret[case], english[case], strict=True):
        told = _written(first, TENANT, place)
        assert told == _written(second, TENANT, place)
        assert [asked for asked, answer in told if any(name in answer for name in SECRETS)] == []


@pytest.mark.requirement("KL-S-6")
def test_in_the_same_scenes_others_are_named_to_who_may_see_everything(
    secret: Scenes, shown: list[DataWarning], place: Path
) -> None:
    """Without this the test above could pass because nobody is ever named."""
    for case in ("whole", "parts", "came", "damaged", "replaced", "broken", "windows"):
        texts = [answer for scene in secret[case] for _, answer in _written(scene, EVERYBODY, place)]
        assert any(name in text for name in SECRETS for text in texts), case
    shown.clear()
    for scene in (*secret["whole"], *secret["parts"], *secret["windows"]):
        answers(scene, TENANT)
    counted = {warning.code for warning in shown if _withholds(warning.said)}
    assert counted >= {Code.BUCKETS_UNKNOWN, Code.PODS_UNMEASURED, Code.TREND_LEAVES_OUT, Code.VALUES_ABSENT}


def _withholds(said: Text) -> bool:
    """Whether a text counts a namespace that has no name in what a tenant sees."""
    names = [name for slot in said.slots.values() if isinstance(slot, Names) for name, _ in slot.pairs]
    parts = [slot for slot in said.slots.values() if isinstance(slot, Text)]
    return any(not isinstance(name, str) for name in names) or any(map(_withholds, parts))


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("case", CASES)
def test_a_tenant_is_told_as_much_of_a_load_as_who_may_see_everything(english: Scenes, case: str) -> None:
    for scene in english[case]:
        first, second = (dict(answers(scene, caller)) for caller in CALLERS.values())
        for door in ("describe_dataset {}", "readyz"):
            if door in first:
                assert len(shown_in(first[door])) == len(shown_in(second[door]))
        assert bool(first["readyz"]["reason"]) == bool(second["readyz"]["reason"])


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("case", CASES)
def test_every_sentence_of_every_warning_is_one_that_can_be_reworded(
    secret: Scenes, reword: Reword, case: str, caller: str
) -> None:
    """No query and no loader makes a sentence of its own, which the other tests would not reword."""
    reword()
    for scene in secret[case]:
        told = [text for _, answer in answers(scene, CALLERS[caller]) for text in shown_in(answer)]
        assert [text for text in told if not text.startswith(MARK)] == []


PACKAGES = [Path(place) for package in (kl_query, kl_mcp) for place in package.__path__]
PATHS = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
TEMPLATED = {"text", "MalformedError", "AbsentError", "EmptyListError", "_RefusedError"}
"""What takes a template as its last argument without a name."""


def _calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of a function by its bare name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node


@pytest.mark.requirement("KL-S-6")
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_template_is_written_out_so_that_names_reach_it_through_slots_alone(path: Path) -> None:
    templates = [call.args[-1] for name, call in _calls(path) if name in TEMPLATED and call.args]
    assert [ast.unparse(template) for template in templates if not _is_written_out(template)] == []


def _is_written_out(template: ast.expr) -> bool:
    if isinstance(template, ast.IfExp):
        return _is_written_out(template.body) and _is_written_out(template.orelse)
    return isinstance(template, ast.Constant)


def test_the_words_of_every_code_are_written_out() -> None:
    (codes,) = (node for node in ast.parse(inspect.getsource(Code)).body if isinstance(node, ast.ClassDef))
    templates = [node.value for node in codes.body if isinstance(node, ast.Assign)]
    assert len(templates) == len(Code)
    assert [ast.unparse(template) for template in templates if not _is_written_out(template)] == []


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_warning_gets_a_value_for_each_slot_of_its_words_and_for_no_other(path: Path) -> None:
    calls = [call for name, call in _calls(path) if name == "warning"]
    named = [(call, ast.unparse(call.args[0])) for call in calls]
    wrong = []
    for call, code in named:
        given = {keyword.arg for keyword in call.keywords}
        # What is made of a code in a variable, or of slots from a function, the scenes above show.
        if code.startswith("Code.") and None not in given:
            slots = {slot for _, slot, _, _ in Formatter().parse(Code[code.removeprefix("Code.")].value) if slot}
            wrong += [(code, given)] if given != slots else []
    assert wrong == []
