from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions.diff import unified_diff
from app.sessions.patching import apply_diff

texts = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "- x\n", "\r\n", "\\ odd\n", "no end"]), max_size=30).map(
    "".join
)


@given(before=texts, after=texts)
@settings(max_examples=150)
def test_a_diff_leads_both_ways(before: str, after: str) -> None:
    diff = unified_diff("f", before, after).text
    assert apply_diff(before, diff) == after
    assert apply_diff(after, diff, backwards=True) == before


@given(text=texts)
@settings(max_examples=50)
def test_a_creation_and_a_deletion_lead_both_ways(text: str) -> None:
    created, deleted = unified_diff("f", None, text).text, unified_diff("f", text, None).text
    assert apply_diff("", created) == text
    assert apply_diff("", deleted, backwards=True) == text


def test_a_hunk_with_wrong_numbers_is_found_where_it_fits_only_once() -> None:
    diff = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-old\n+new\n"
    assert apply_diff("x\ny\nold\n", diff) == "x\ny\nnew\n"
    assert apply_diff("x\nold\nold\n", diff) is None
    assert apply_diff("x\n", diff) is None


def test_what_does_not_fit_is_refused() -> None:
    diff = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    assert apply_diff("a\nc\n", diff) is None
    assert apply_diff("", diff) is None
