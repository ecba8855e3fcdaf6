"""Two thousand calls each; in a file of their own so that the files share the cores."""

from __future__ import annotations

from tests.fuzz.checks import fuzz

test_whatever_get_usage_is_asked_it_answers_or_teaches = fuzz("get_usage")
test_whatever_get_timeseries_is_asked_it_answers_or_teaches = fuzz("get_timeseries")
