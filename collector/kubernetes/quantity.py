"""Kubernetes quantities, such as `250m`, `1.5Gi`, `1e3`, `123456789n`: the whole grammar, exact.

The grammar is that of apimachinery's `resource.Quantity`: a signed decimal number, then a binary suffix (`Ki` to
`Ei`), a decimal suffix (`n u m k M G T P E` or none) or a decimal exponent (`e3`, `E-3`). As there, a value is rounded
away from zero to a whole number of nano-units, and its magnitude is capped at 2**63 - 1.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

MAX_MAGNITUDE = 2**63 - 1

_NANO = 10**9
_QUANTITY = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d+))?", re.ASCII)
_SUFFIXES = {
    **{suffix + "i": 1024**power for power, suffix in enumerate("KMGTPE", start=1)},
    **{suffix: 1000**power for power, suffix in enumerate("kMGTPE", start=1)},
    "m": Fraction(1, 1000),
    "u": Fraction(1, 1000**2),
    "n": Fraction(1, 1000**3),
}
_MAX_EXPONENT = 10_000
_MAX_CHARS = 1_000


def parse_quantity(text: str) -> Fraction:
    """Exact value of a quantity in its base unit (cores, bytes, devices); `ValueError` names text and grammar."""
    match = _QUANTITY.fullmatch(text)
    if match is None or not (match[2] or match[3]) or len(text) > _MAX_CHARS:
        raise ValueError(
            f"{text[:64]!r} is not a Kubernetes quantity; allowed: a number with an optional suffix "
            "n u m k M G T P E Ki Mi Gi Ti Pi Ei, or an exponent such as e3"
        )
    sign, integer, decimals, suffix, exponent = match.groups()
    decimals = decimals or ""
    magnitude = Fraction(int((integer or "0") + decimals), 10 ** len(decimals)) * _scale(suffix, exponent)
    rounded = min(Fraction(-(-magnitude * _NANO // 1), _NANO), Fraction(MAX_MAGNITUDE))
    return -rounded if sign == "-" else rounded


def _scale(suffix: str | None, exponent: str | None) -> Fraction:
    if exponent is not None:
        # Far beyond the cap and the rounding, where a larger power changes nothing but the time it takes.
        power = max(-_MAX_EXPONENT, min(_MAX_EXPONENT, int(exponent)))
        return Fraction(10) ** power
    return Fraction(_SUFFIXES[suffix]) if suffix else Fraction(1)


@lru_cache(maxsize=4096)
def quantity(text: str | float) -> float:
    """`parse_quantity` as a float, remembered, since few texts occur in many pods; a JSON number counts as its text."""
    return float(parse_quantity(text if isinstance(text, str) else str(text)))
