"""Two thousand calls each; in a file of their own so that the files share the cores."""

from __future__ import annotations

from tests.fuzz.checks import fuzz

test_whatever_get_top_consumers_is_asked_it_answers_or_teaches = fuzz("get_top_consumers")
test_whatever_get_namespace_breakdown_is_asked_it_answers_or_teaches = fuzz("get_namespace_breakdown")
