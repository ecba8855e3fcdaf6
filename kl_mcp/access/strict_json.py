"""Reads JSON that says each thing once. What readers understand in different ways is refused (RFC 8259 4 and 6)."""

import json
import math
import re
from collections import Counter
from collections.abc import Container
from typing import Any

MAX_DIGITS = 100
"""The longest whole number that is read: turning text into a number takes time that grows with its square."""
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a character beyond U+FFFF, which the other half has to follow."""


def parse(content: bytes, nameable: Container[str] = ()) -> Any:
    """Return the document of a JSON text in UTF-8.

    Raise ValueError with what is wrong, a member that is there twice included. The reason quotes nothing of the text
    but names of members that are `nameable`.
    """

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) < len(pairs):
            name = Counter(name for name, _ in pairs).most_common(1)[0][0]
            which = f'the member "{name}"' if name in nameable else "a member"
            raise ValueError(f"an object has {which} twice")
        return document

    try:
        document = json.loads(
            content.decode(),
            object_pairs_hook=members,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_finite,
        )
        if SURROGATE.search(content):
            json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON (line {error.lineno}, column {error.colno})") from None
    except UnicodeDecodeError:
        raise ValueError("it is not JSON, which is in UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("a text holds half a character (a lone surrogate)") from None
    return document


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large, or is none")
    return number
