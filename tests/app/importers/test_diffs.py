from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.importers.diffs import change_from_hunks, files_of_patch, hunks_between, line_of

_texts = st.lists(st.sampled_from(["a", "b", "c", "--- x", "+y", "@@", ""]), max_size=12).map("\n".join)


@given(old=_texts, new=_texts)
def test_a_diff_turns_old_into_new(old: str, new: str) -> None:
    hunks = hunks_between(old, new)
    lines = old.split("\n") if old else []
    lines = lines[:-1] if lines and lines[-1] == "" else lines
    for hunk in reversed(hunks):
        before = [line[1:] for line in hunk.lines if line[0] in " -"]
        after = [line[1:] for line in hunk.lines if line[0] in " +"]
        at = max(hunk.old_start - 1, 0)
        assert lines[at : at + len(before)] == before
        lines[at : at + len(before)] = after
    wanted = new.split("\n") if new else []
    assert lines == (wanted[:-1] if wanted and wanted[-1] == "" else wanted)


@given(old=_texts, new=_texts)
def test_counts_are_those_of_the_diff(old: str, new: str) -> None:
    hunks = hunks_between(old, new)
    change = change_from_hunks("x", hunks, call_id=None)
    assert change.added == sum(line[0] == "+" for hunk in hunks for line in hunk.lines)
    assert change.removed == sum(line[0] == "-" for hunk in hunks for line in hunk.lines)


def test_long_texts_are_replaced_whole() -> None:
    (hunk,) = hunks_between("a\n" * 3_000, "b\n" * 3_000)
    assert (hunk.old_start, hunk.new_start, len(hunk.lines)) == (1, 1, 6_000)


@given(st.text(alphabet="*+- @\nab: Begin Patch End Update File Add Delete Move to", max_size=200))
def test_no_patch_raises(text: str) -> None:
    for file in files_of_patch(text):
        assert file.path


def test_line_of_a_part() -> None:
    assert line_of("a\nb\nc", "c") == 3
    assert line_of("a\nb\nc", "z") == 1
