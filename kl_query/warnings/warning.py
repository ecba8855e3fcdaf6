"""A warning: a code, a text, and the namespaces it names.

A text is a template, and every value in it has a type that says what it may give away. Who may see it decides about the
values, never about the words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NewType, TypeAlias

from kl_core import wording
from kl_query.warnings.codes import Code

Visible: TypeAlias = Callable[[str], bool] | None
"""Whether a namespace may be named; None for who may see everything, details of damaged files included."""
Plain = NewType("Plain", str)
"""Text in which no namespace is named: an instant, a bucket, a file, an error of the system."""
Withheld = NewType("Withheld", int)
"""Stands for a namespace whose name is not the caller's to know."""
RowId: TypeAlias = str | Withheld
"""What a namespace's row goes by: its name, where the caller may know it."""


def nobody(_namespace: str) -> bool:
    """Say that a namespace may not be named, whichever it is."""
    return False


@dataclass(frozen=True, slots=True)
class Names:
    """Namespaces, each with what is said after it. Those that may not be named are counted."""

    pairs: tuple[tuple[RowId, Plain], ...]

    @classmethod
    def of(cls, names: Iterable[RowId]) -> Names:
        """Return namespaces with nothing said after them."""
        return cls(tuple((name, Plain("")) for name in names))

    def shown(self, visible: Visible) -> str:
        """Return the first few, how many more there are, and how many of them may not be named."""
        named = [
            Plain(name + detail)
            for name, detail in self.pairs
            if isinstance(name, str) and (visible is None or visible(name))
        ]
        unnamed = len(self.pairs) - len(named)
        counted = filled("{count} that cannot be named to you", {"count": unnamed}) if unnamed else ""
        return " and ".join(filter(None, (some(named), counted)))

    def withheld(self, visible: Callable[[str], bool]) -> Names:
        """Return the same without the names of those that may not be named."""
        known = ((name, detail, isinstance(name, str) and visible(name)) for name, detail in self.pairs)
        return Names(tuple((name if named else Withheld(0), detail) for name, detail, named in known))


@dataclass(frozen=True, slots=True)
class Detail:
    """A piece of a damaged file, which may be a namespace's name; `instead` stands for it before who may not see it."""

    text: str
    instead: Plain

    def shown(self, visible: Visible) -> str:
        return self.text if visible is None else self.instead

    def withheld(self, _visible: Callable[[str], bool]) -> Plain:
        return self.instead


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence or a part of one: a template with a value for each of its slots."""

    template: str
    slots: Mapping[str, Slot]

    def shown(self, visible: Visible) -> str:
        """Return the words for who may name the namespaces for which `visible` is true."""
        values = self.slots.items()
        return filled(self.template, {slot: v.shown(visible) if isinstance(v, _GUARDED) else v for slot, v in values})

    def withheld(self, visible: Callable[[str], bool]) -> Text:
        """Return the same with only the namespaces for which `visible` is true; the others are counted."""
        values = self.slots.items()
        return Text(self.template, {slot: v.withheld(visible) if isinstance(v, _GUARDED) else v for slot, v in values})


_GUARDED = (Names, Detail, Text)
Slot: TypeAlias = int | float | Plain | Names | Detail | Text
"""A bare `str` is none: whoever puts one into a text has to say which of these it is."""


@dataclass(frozen=True, slots=True)
class DataWarning:
    """What to know of the data, or of an answer. `code` stays the same however the text is worded."""

    code: Code
    said: Text

    @property
    def text(self) -> str:
        """Return the words for who may see everything, such as the operator."""
        return self.shown(None)

    def shown(self, visible: Visible) -> str:
        """Return the words for who may name the namespaces for which `visible` is true."""
        return self.said.shown(visible)


def withheld(warning: DataWarning, visible: Callable[[str], bool]) -> DataWarning:
    """Return a warning in which only the namespaces for which `visible` is true occur; the others are counted."""
    return DataWarning(warning.code, warning.said.withheld(visible))


def text(template: str, /, **slots: Slot) -> Text:
    """Return a part of a sentence."""
    return Text(template, slots)


def joined(parts: Iterable[Text]) -> Text:
    """Return sentences one after the other."""
    slots = {f"part{number}": part for number, part in enumerate(parts)}
    return Text(" ".join(f"{{{slot}}}" for slot in slots), slots)


def warning(code: Code, /, **slots: Slot) -> DataWarning:
    """Return a warning with a value for each slot of its text."""
    return DataWarning(code, Text(code.value, slots))


def texts(warnings: Iterable[DataWarning]) -> list[str]:
    """Return the words of warnings, each once, in their order."""
    return list(dict.fromkeys(warning.text for warning in warnings))


def some(items: Sequence[Plain]) -> Plain:
    """Return the first few items of a list, and how many more there are."""
    return Plain(wording.some(items))


def duration(seconds: float) -> Plain:
    """Return a length of time in words, rounded down."""
    minutes, hours, days = (int(seconds // unit) for unit in (60, 3600, 86_400))
    return Plain(f"{minutes} min" if hours < 2 else f"{hours} h" if days < 3 else f"{days} days")


def filled(template: str, values: Mapping[str, object]) -> str:
    """Return a template with its values: the only place where words and values meet."""
    return template.format_map(values)
