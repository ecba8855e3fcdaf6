"""What a glob of namespaces may be, in calls, tokens and settings alike."""

MAX_GLOB_CHARS = 256
MAX_PATTERNS = 20
"""Of one call."""
_REFUSED = {
    "{": "braces are not alternatives here: pass several patterns",
    "}": "braces are not alternatives here: pass several patterns",
    "/": "a namespace name holds no '/'",
    "\\": "a backslash does not escape anything here",
    "[^": "'none of these' is [!...] here",
}


def broken_rule(glob: str, shown: str) -> str | None:
    """Return a sentence on the first rule that a glob breaks, None for a good one. `shown` is how to quote the glob."""
    if not 1 <= len(glob) <= MAX_GLOB_CHARS:
        return f"A pattern has 1 to {MAX_GLOB_CHARS} characters, not {len(glob)}."
    if glob.startswith("!"):
        return f"{shown} starts with '!': a pattern cannot be negated."
    return next((f"{shown} is refused: {reason}." for part, reason in _REFUSED.items() if part in glob), None)
