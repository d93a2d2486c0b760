"""Changes as lines: nothing is lost, everything is in order; patches of parts apply."""

from __future__ import annotations

from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions import diff as diff_module
from app.sessions.diff import line_operations, text_lines, unified_diff
from app.sessions.line_diff import FileDiff, diff_of_contents, diff_of_patch, pair_lines
from app.sessions.partial_patch import hunks_taken, partial_patch
from app.sessions.patching import apply_diff

LINES = ["a\n", "b\n", "def f():\n", "    c = 1\n", "    c = 2\n", "\n", "x\r\n", "\x0c\n", "\u202eabc\n", "no end"]
texts = st.lists(st.sampled_from(LINES), max_size=40).map("".join)


def sides(diff: FileDiff) -> tuple[str, str]:
    old = "".join("".join(stretch.old) for stretch in diff.stretches)
    return old, "".join("".join(stretch.new) for stretch in diff.stretches)


def made(before: str, after: str) -> FileDiff:
    return diff_of_contents("f", before.encode(), after.encode())


@given(before=texts, after=texts, work=st.sampled_from([0, 10, 4_000_000]))
def test_every_line_of_both_sides_once_and_in_order(before: str, after: str, work: int) -> None:
    with mock.patch.object(diff_module, "_MAX_WORK", work):
        diff = made(before, after)
    assert sides(diff) == (before, after)
    old = new = 0
    for stretch in diff.stretches:
        assert (stretch.old_start, stretch.new_start) == (old, new)
        assert stretch.kind != "same" or stretch.old == stretch.new
        old, new = old + len(stretch.old), new + len(stretch.new)
    kinds = [stretch.kind for stretch in diff.stretches]
    assert all(one != other for one, other in pairwise(kinds))


@given(old=st.lists(st.sampled_from(LINES), max_size=20), new=st.lists(st.sampled_from(LINES), max_size=20))
def test_pairs_hold_every_line_once_and_in_order(old: list[str], new: list[str]) -> None:
    for by_likeness in (True, False):
        pairs = pair_lines(old, new, by_likeness=by_likeness)
        assert [one for one, _ in pairs if one >= 0] == list(range(len(old)))
        assert [other for _, other in pairs if other >= 0] == list(range(len(new)))
        assert all(pair != (-1, -1) for pair in pairs)


def test_lines_that_resemble_each_other_stand_side_by_side() -> None:
    old = ["first = read(path)\n", "return first\n"]
    new = ["import os\n", "first = read(path, mode)\n", "log(first)\n", "return first or None\n"]
    assert pair_lines(old, new) == ((-1, 0), (0, 1), (-1, 2), (1, 3))


@given(before=texts, after=texts)
def test_a_patch_shows_what_the_contents_show(before: str, after: str) -> None:
    whole = made(before, after)
    shown = diff_of_patch("f", unified_diff("f", before, after).text)
    assert (shown.added, shown.removed) == (whole.added, whole.removed)
    changed = [(s.old_start, s.new_start, s.old, s.new) for s in whole.stretches if s.kind == "changed"]
    assert [(s.old_start, s.new_start, s.old, s.new) for s in shown.stretches if s.kind == "changed"] == changed
    assert len(shown.hunks) == len(whole.hunks)


@given(before=texts, after=texts, data=st.data())
def test_patches_of_parts_apply(before: str, after: str, data: st.DataObject) -> None:
    diff = made(before, after)
    lines = [
        (number, side, index)
        for number, stretch in enumerate(diff.stretches)
        if stretch.kind == "changed"
        for side in ("old", "new")
        for index in range(len(getattr(stretch, side)))
    ]
    chosen = data.draw(st.sets(st.sampled_from(lines))) if lines else set()
    patch = partial_patch(diff, lambda *line: line in chosen)
    back = partial_patch(diff, lambda *line: line in chosen, backwards=True)
    if not _is_sound(patch) or not _is_sound(back):
        return  # a line without an end, of which only one side was taken, in the middle of the file
    applied = apply_diff(before, patch)
    undone = apply_diff(after, back, backwards=True)
    assert applied is not None
    assert undone is not None
    assert len(text_lines(applied)) - len(text_lines(before)) == sum(1 if s == "new" else -1 for _, s, _ in chosen)
    assert len(text_lines(after)) - len(text_lines(undone)) == sum(1 if s == "new" else -1 for _, s, _ in chosen)


def _is_sound(patch: str) -> bool:
    lines = patch.split("\n")
    marks = [at for at, line in enumerate(lines) if line.startswith("\\")]
    return all(at >= len(lines) - 2 for at in marks)


@given(before=texts, after=texts)
def test_all_hunks_together_are_the_whole_change(before: str, after: str) -> None:
    diff = made(before, after)
    for patch in (partial_patch(diff, hunks_taken(diff.hunks)), partial_patch(diff, lambda *_: True, backwards=True)):
        assert patch == (unified_diff("f", before, after).text if before != after else "")


def test_one_hunk_of_two() -> None:
    before = "".join(f"{n}\n" for n in range(40))
    after = before.replace("\n5\n", "\nfive\nand a half\n").replace("\n30\n", "\nthirty\n")
    diff = made(before, after)
    assert len(diff.hunks) == 2
    second = partial_patch(diff, hunks_taken(diff.hunks[1:]))
    assert "@@ -28,7 +28,7 @@" in second
    assert apply_diff(before, second) == before.replace("\n30\n", "\nthirty\n")
    undone = partial_patch(diff, hunks_taken(diff.hunks[:1]), backwards=True)
    assert apply_diff(after, undone, backwards=True) == before.replace("\n30\n", "\nthirty\n")


def test_a_large_file_with_changes_at_both_ends_is_not_replaced_as_a_whole() -> None:
    old = [f"line {number}\n" if number % 3 else "}\n" for number in range(10_000)]
    new = ["first\n", *old[1:9_990], "last\n", *old[9_991:]]
    operations = line_operations(old, new)
    assert sum(j - i for tag, i, j, _, _ in operations if tag == "equal") == 9_998


def test_heads_of_functions_name_what_follows() -> None:
    body = "".join(f"    line {n}\n" for n in range(20))
    before = f"class A:\n{body}def f():\n{body}    last = 1\n"
    diff = made(before, before.replace("last = 1", "last = 2"))
    assert [s.heading for s in diff.stretches if s.kind == "same"] == ["def f():"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b"\0abc", b"\0ab", "4 bytes before, 3 bytes after"),
        (None, b"\xff\xfe", "2 bytes"),
        (b"same\n", b"same\n", "Nothing is different"),
        (None, None, "no such file"),
        (None, b"", "empty file"),
    ],
)
def test_what_has_no_lines_is_said(before: bytes | None, after: bytes | None, said: str) -> None:
    diff = diff_of_contents("f", before, after)
    assert said in diff.remark
    assert (diff.added, diff.removed) == (0, 0)


def test_line_ends_are_told_apart() -> None:
    assert made("a\r\nb\n", "a\n").has_mixed_ends
    assert not made("a\r\n", "b\r\n").has_mixed_ends
    assert not made("a\n", "b").has_mixed_ends
    assert [s.kind for s in made("a\nb", "a\nb\n").stretches] == ["same", "changed"]


def test_ten_megabytes_in_one_line() -> None:
    line = "x" * 10_000_000
    diff = made(line, line + "y")
    assert (diff.added, diff.removed) == (1, 1)


def test_patches_one_after_another_and_with_wrong_numbers() -> None:
    one = unified_diff("f", "a\nb\n", "a\nc\n").text
    shown = diff_of_patch("f", one + one + "@@ -9 +9 @@ f()\n-x\n+y\n@@ what is this")
    assert (shown.added, shown.removed) == (3, 3)
    assert [s.heading for s in shown.stretches if s.kind == "unknown"][-1] == "f()"
