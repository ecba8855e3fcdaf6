"""Which namespaces a call is about: exact names, globs, system and application."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from kl_core.globs import MAX_GLOB_CHARS, MAX_PATTERNS, broken_rule
from kl_query.dataset.model import Dataset, Scale
from kl_query.errors import ToolArgumentError, quoted
from kl_query.unmatched import LISTING, globs_of_each, matching, pattern_as_name, unknown_name, unknown_pattern
from kl_query.warnings.warning import RowId

EVERYTHING = "*"
"""How series name the sum of all namespaces; not a legal namespace name."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The namespaces of a call. `scope` is cluster (none were named), namespace, namespaces, or aggregate."""

    scope: str
    names: tuple[str, ...]
    label: str
    """What one series over all of them is called."""

    @property
    def single(self) -> bool:
        """Say whether the answer is one series."""
        return self.scope != "namespaces"

    def rows(self, scale: Scale) -> Sequence[RowId]:
        """Return whose amounts the call is about; over the cluster also those that may not be named."""
        return scale.rows if self.scope == "cluster" else self.names


def listed(dataset: Dataset) -> list[str]:
    """Return the names an answer may show, in order."""
    return list(dataset.names)


def select(
    dataset: Dataset, namespace: str | None, namespaces: Sequence[str] | None, *, aggregate: bool = False
) -> Selection:
    """Resolve `namespace` or `namespaces`. Raises ToolArgumentError for both at once and for what does not exist."""
    if namespace is not None and namespaces is not None:
        raise ToolArgumentError(
            "conflicting_arguments",
            "namespaces",
            "namespace and namespaces cannot be used together: namespace takes one exact name, namespaces takes "
            "several names or globs.",
            allowed="namespace or namespaces, not both",
            corrections=[{"namespace": None, "namespaces": list(dict.fromkeys([namespace, *namespaces]))}],
        )
    if namespace is not None:
        name = _exact(dataset, namespace)
        return Selection("namespace", (name,), name)
    if namespaces is None:
        return Selection("cluster", tuple(listed(dataset)), EVERYTHING)
    names = tuple(match(dataset, namespaces, "namespaces"))
    label = ",".join(_in_any_case(dataset, listed(dataset), each) or each for each in namespaces)
    return Selection("aggregate" if aggregate else "namespaces", names, label)


def match(dataset: Dataset, patterns: Iterable[str], argument: str) -> list[str]:
    """Return the names that match any pattern, each once and in order.

    Raises ToolArgumentError where one matches nothing, but of a dataset that knows no namespace yet.
    """
    names = listed(dataset)
    checked = check_patterns(patterns, argument, names)
    matched = {pattern: _matching(dataset, names, pattern) for pattern in checked}
    idle = [pattern for pattern, matches in matched.items() if not matches]
    if idle and dataset.total_namespaces:
        raise unknown_pattern(names, checked, idle, argument)
    return sorted({name for matches in matched.values() for name in matches})


def _matching(dataset: Dataset, names: Sequence[str], pattern: str) -> list[str]:
    if is_glob(pattern):
        return matching(names, [pattern])
    name = _in_any_case(dataset, names, pattern)
    return [] if name is None else [name]


def _in_any_case(dataset: Dataset, names: Sequence[str], wanted: str) -> str | None:
    """Return the name that is written so, else the only one that differs from it in case alone."""
    if wanted in dataset.namespaces:
        return wanted
    alike = [name for name in names if name.lower() == wanted.lower()]
    return alike[0] if len(alike) == 1 else None


def is_glob(text: str) -> bool:
    """Say whether a text holds any character that globs interpret."""
    return any(character in text for character in "*?[")


def check_patterns(patterns: Iterable[str], argument: str, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the patterns as they are, or raise ToolArgumentError saying which rule one of them breaks.

    `names` are those that may be told: the error then has patterns that match one.
    """
    checked = tuple(dict.fromkeys(patterns))
    if not 1 <= len(checked) <= MAX_PATTERNS:
        message = f"{argument} takes 1 to {MAX_PATTERNS} names or patterns, not {len(checked)}."
        raise _bad_pattern(argument, message, checked[:MAX_PATTERNS])
    broken = {pattern: rule for pattern in checked if (rule := broken_rule(pattern, quoted(pattern))) is not None}
    if broken:
        meant = globs_of_each([pattern[:MAX_GLOB_CHARS] for pattern in broken], names)
        kept = [[pattern] if pattern not in broken else meant.get(pattern[:MAX_GLOB_CHARS], []) for pattern in checked]
        raise _bad_pattern(argument, next(iter(broken.values())), [*chain.from_iterable(kept)][:MAX_PATTERNS])
    return checked


def _bad_pattern(argument: str, message: str, meant: Sequence[str]) -> ToolArgumentError:
    return ToolArgumentError(
        "invalid_pattern",
        argument,
        message,
        allowed="shell globs with * ? [abc] [!abc], case-sensitive, each matched against the whole name",
        corrections=[*([{argument: list(meant)}] if meant else []), LISTING],
    )


def _exact(dataset: Dataset, namespace: str) -> str:
    names = listed(dataset)
    if is_glob(namespace):
        raise pattern_as_name(names, namespace)
    if not dataset.total_namespaces:
        return namespace  # a dataset that is not there yet cannot know the name: its absence is the warning
    name = _in_any_case(dataset, names, namespace)
    if name is None:
        raise unknown_name(names, namespace)
    return name
