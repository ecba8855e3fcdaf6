"""Two thousand calls each; in a file of their own so that the files share the cores."""

from __future__ import annotations

from tests.fuzz.checks import fuzz

test_whatever_list_namespaces_is_asked_it_answers_or_teaches = fuzz("list_namespaces")
test_whatever_describe_dataset_is_asked_it_answers_or_teaches = fuzz("describe_dataset")
test_whatever_group_namespaces_is_asked_it_answers_or_teaches = fuzz("group_namespaces")
