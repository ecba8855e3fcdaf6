"""How a setting is declared and read, for every program of KubeLedger. The only module that reads the environment.

A program's settings are a frozen dataclass of `Loaded`, each field of which is made by `setting`, and `load` fills it.
White space around a value is stripped, and an empty value is unset, but for a setting that may be empty. A name with
`KL_` is read with the old prefix `KOA_` as well.

The machinery is our own: pydantic-settings would still leave old names with their notices, near misses, redaction,
generated documentation and refusals of one sentence to us, and bring dotenv along.
"""

import os
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from kl_core.errors import SettingsError
from kl_core.setting_names import SETTING_NAMES

PREFIX, OLD_PREFIX = "KL_", "KOA_"
MAX_EDITS = 2
"""Single characters that a name may differ in from a setting's to be taken for it."""
_OF_A_SERVICE = re.compile(r".+_SERVICE_(HOST|PORT(_.+)?)|.+_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?")
"""Variables that Kubernetes gives every container for each Service of its namespace, which may be called `kl-...`."""
_METADATA_KEY = "setting"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its environment variable, command-line flag, default as a user would write it, and meaning."""

    name: str
    help: str
    """Row of the documentation; empty for a variable that other programs define."""
    cast: Callable[[str], Any]
    default: str
    aliases: tuple[str, ...]
    """Other spellings of `name`."""
    fallback: str
    """Setting of another program that holds where this one is not set."""
    flag: str
    metavar: str
    bare: str | None
    """What the flag means without a value; None where it needs one."""
    secret: bool
    """Whether no message and no `repr` quotes it."""
    may_be_empty: bool
    """Whether an empty variable is a value; of any other setting it is unset."""
    field: str = ""
    """Attribute that holds the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What every program's settings hold besides the settings."""

    explicit: frozenset[str] = frozenset()
    """Fields that were set."""
    notices: tuple[str, ...] = ()
    """Sentences about variables to be corrected, for the log."""


S = TypeVar("S", bound=Loaded)


def setting(
    name: str,
    help_text: str,
    cast: Callable[[str], T],
    default: str = "",
    *,
    aliases: tuple[str, ...] = (),
    fallback: str = "",
    flag: str = "",
    metavar: str = "",
    bare: str | None = None,
    secret: bool = False,
    may_be_empty: bool = False,
) -> T:
    """Declare a field of a dataclass of `Loaded` as a setting; the arguments are the attributes of `Setting`."""
    declaration = Setting(name, help_text, cast, default, aliases, fallback, flag, metavar, bare, secret, may_be_empty)
    return field(default_factory=lambda: cast(default), repr=not secret, metadata={_METADATA_KEY: declaration})


def declared(kind: type[Loaded]) -> tuple[Setting, ...]:
    """Return the settings of a program in the order of their declaration."""
    declarations = ((each.name, each.metadata.get(_METADATA_KEY)) for each in fields(kind))
    return tuple(replace(declaration, field=name) for name, declaration in declarations if declaration)


def load(kind: type[S], environ: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None) -> S:
    """Return the settings that `flags` (text by flag) and, after them, `environ` (default: the process's) give.

    Raises `SettingsError` for the first value that is no use, and for a variable that nearly has a setting's name.
    """
    settings = declared(kind)
    emptied = {each.name for each in settings if each.may_be_empty}
    variables = _without_services(_without_blanks(os.environ if environ is None else environ, emptied))
    unknown = _unknown(variables)
    notices = [f"KubeLedger has no such setting and ignores it: {', '.join(unknown)}."] if unknown else []
    given = variables | _without_blanks(flags or {})
    sources = {each.field: _source(each, given, notices) for each in settings}
    values = {each.field: _value(each, sources[each.field], given) for each in settings}
    return kind(
        **values, explicit=frozenset(name for name, source in sources.items() if source), notices=tuple(notices)
    )


def _without_blanks(texts: Mapping[str, str], kept: Container[str] = ()) -> dict[str, str]:
    return {name: text.strip() for name, text in texts.items() if text.strip() or name in kept}


def _without_services(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in variables.items() if not _is_of_a_service(name, text, variables)}


def _is_of_a_service(name: str, text: str, variables: Mapping[str, str]) -> bool:
    if not name.startswith((PREFIX, OLD_PREFIX)):
        return False
    # Of a Service `kl-mcp-listen` this one has a setting's very name: KL_MCP_LISTEN_PORT=tcp://10.96.0.7:80.
    is_address = "://" in text and name.endswith("_PORT")
    return bool(_OF_A_SERVICE.fullmatch(name)) or (
        is_address and f"{name.removesuffix('_PORT')}_SERVICE_HOST" in variables
    )


def _unknown(names: Iterable[str]) -> list[str]:
    """Return the names with our prefix that are no setting's of any program. Raises `SettingsError` for a near miss."""
    ours = (name for name in names if name.upper().startswith((PREFIX, OLD_PREFIX)))
    unknown = sorted(name for name in ours if _current(name) not in SETTING_NAMES)
    for name in unknown:
        edits, nearest = min((edit_distance(_current(name.upper()), known), known) for known in SETTING_NAMES)
        if edits <= MAX_EDITS:
            raise SettingsError(f"{name} is no setting of KubeLedger. Did you mean {nearest}? Correct it or unset it.")
    return unknown


def _current(name: str) -> str:
    return PREFIX + name.removeprefix(OLD_PREFIX) if name.startswith(OLD_PREFIX) else name


def edit_distance(one: str, other: str) -> int:
    """Return how many characters have to be inserted, left out, changed or swapped with the next to get the other."""
    before, row = list[int](), list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (a != b)))
            if i > 1 and j > 1 and (a, one[i - 2]) == (other[j - 2], b):
                row[j] = min(row[j], last[j - 2] + 1)
    return row[-1]


def _source(setting: Setting, given: Mapping[str, str], notices: list[str]) -> str:
    """Return the flag or variable that sets it, '' for none, and add a notice of each old name."""
    own = (setting.name, *setting.aliases)
    return _first_given(setting.flag, own, given, notices) or _first_given("", (setting.fallback,), given, notices)


def _first_given(flag: str, spellings: tuple[str, ...], given: Mapping[str, str], notices: list[str]) -> str:
    current = [name for name in spellings if name in given]
    old = [name for name in given if name not in spellings and _current(name) in spellings]
    if len({given[name] for name in current or old}) > 1:
        raise SettingsError(
            f"{' and '.join(current or old)} are two spellings of one setting and differ. Keep {spellings[0]}."
        )
    winners = [flag, *current] if flag in given else current
    verdict = f"ignored, because {winners[0]} is set" if winners else "still read"
    notices.extend(f"{name} is deprecated and {verdict}: rename it to {spellings[0]}." for name in old)
    return next(iter([*winners, *old]), "")


def _value(setting: Setting, source: str, given: Mapping[str, str]) -> Any:
    text = given.get(source, setting.default)
    try:
        return setting.cast(text)
    except ValueError as error:
        name = source or setting.name
        # An address may hold a password even where it is none that is taken for secret.
        shown = name if setting.secret or "@" in text else f"{name}={text!r}"
        raise SettingsError(f"{shown} cannot be used: it must be {error}. Correct it or unset it.") from None
