"""Which namespaces a call is about: exact names, globs, system and application."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kl_core.globs import MAX_GLOB_CHARS, MAX_PATTERNS, broken_rule
from kl_query.dataset.model import Dataset, Scale
from kl_query.dataset.table import Numbers, Table
from kl_query.errors import ToolArgumentError, quoted
from kl_query.unmatched import LISTING, globs_of_each, is_glob, matching, unknown_name, unknown_pattern
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
        return scale.namespaces.rows if self.scope == "cluster" else self.names

    def numbers(self, table: Table) -> Numbers:
        """Return the numbers of these rows."""
        return table.everyone if self.scope == "cluster" else table.numbers(self.names)


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
        # A dataset that is not there yet cannot know the name: its absence is the warning.
        name = _in_any_case(dataset, namespace) if dataset.total_namespaces else namespace
        if name is None or is_glob(namespace):
            raise unknown_name(dataset.names, namespace)
        return Selection("namespace", (name,), name)
    if namespaces is None:
        return Selection("cluster", dataset.names, EVERYTHING)
    names = tuple(match(dataset, namespaces, "namespaces"))
    label = ",".join(_in_any_case(dataset, each) or each for each in namespaces)
    return Selection("aggregate" if aggregate else "namespaces", names, label)


def match(dataset: Dataset, patterns: Iterable[str], argument: str) -> list[str]:
    """Return the names that match any pattern, each once and in order.

    Raises ToolArgumentError where one matches nothing, but of a dataset that knows no namespace yet.
    """
    checked = check_patterns(patterns, argument, dataset.names)
    matched = {pattern: _matching(dataset, pattern) for pattern in checked}
    idle = [pattern for pattern, matches in matched.items() if not matches]
    if idle and dataset.total_namespaces:
        raise unknown_pattern(dataset.names, checked, idle, argument)
    return sorted({name for matches in matched.values() for name in matches})


def _matching(dataset: Dataset, pattern: str) -> list[str]:
    name = None if is_glob(pattern) else _in_any_case(dataset, pattern)
    return [name] if name is not None else matching(dataset.names, [pattern])


def _in_any_case(dataset: Dataset, wanted: str) -> str | None:
    """Return the name that is written so, else the only one that differs from it in case alone."""
    lower = wanted.lower()
    alike = [wanted] if wanted in dataset.namespaces else [name for name in dataset.names if name.lower() == lower]
    return alike[0] if len(alike) == 1 else None


def check_patterns(patterns: Iterable[str], argument: str, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the patterns as they are, or raise ToolArgumentError saying which rule one of them breaks.

    `names` are those that may be told: the error then has patterns that match one.
    """
    checked = tuple(dict.fromkeys(patterns))
    if not 1 <= len(checked) <= MAX_PATTERNS:
        raise _bad_pattern(
            argument, f"{argument} takes 1 to {MAX_PATTERNS} names or patterns, not {len(checked)}.", checked
        )
    broken = {pattern: rule for pattern in checked if (rule := broken_rule(pattern, quoted(pattern))) is not None}
    if broken:
        meant = globs_of_each([pattern[:MAX_GLOB_CHARS] for pattern in broken], names)
        plain = {pattern: meant.get(pattern[:MAX_GLOB_CHARS], []) for pattern in broken}
        kept = [each for pattern in checked for each in plain.get(pattern, [pattern])]
        raise _bad_pattern(argument, next(iter(broken.values())), kept)
    return checked


def _bad_pattern(argument: str, message: str, meant: Sequence[str]) -> ToolArgumentError:
    return ToolArgumentError(
        "invalid_pattern",
        argument,
        message,
        allowed="shell globs with * ? [abc] [!abc], case-sensitive, each matched against the whole name",
        corrections=[*([{argument: list(meant[:MAX_PATTERNS])}] if meant else []), LISTING],
    )
