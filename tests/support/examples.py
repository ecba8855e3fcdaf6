"""How many examples a property test takes that does not take the usual number."""

from hypothesis import settings


def examples(many: int) -> int:
    """Return `many` in `make properties`, and a tenth, but no fewer than 10, in `make test`."""
    return many if settings.get_current_profile_name() == "thorough" else max(10, many // 10)
