"""Rows of a change: every line of both sides once and in order, shown or said to be hidden."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.line_diff import FileDiff, diff_of_contents, diff_of_patch
from app.ui.conversation.selection import END_OF_ROW, Selection, TextPoint
from app.ui.diff.chosen import all_rows, row_selection, selected_text
from app.ui.diff.rows import Rows
from app.ui.diff.words import differing

LINES = ["a\n", "b\n", "def f():\n", "    c = 1\n", "\n", "no end"]
texts = st.lists(st.sampled_from(LINES), max_size=60).map("".join)


def made(before: str, after: str) -> FileDiff:
    return diff_of_contents("f", before.encode(), after.encode())


@given(before=texts, after=texts, split=st.booleans(), heads=st.booleans(), opened=st.sets(st.integers(0, 9)))
def test_every_line_once_and_in_order(before: str, after: str, split: bool, heads: bool, opened: set[int]) -> None:
    diff = made(before, after)
    rows = Rows(diff, split=split, opened=opened, heads=heads)
    old: list[int] = []
    new: list[int] = []
    for at in range(len(rows)):
        run, first, second = rows[at]
        stretch = diff.stretches[run.stretch]
        if run.kind == "fold":
            assert run.hidden
            old += range(stretch.old_start + run.offset, stretch.old_start + run.offset + run.hidden)
            new += range(stretch.new_start + run.offset, stretch.new_start + run.offset + run.hidden)
        old += [stretch.old_start + first] if first >= 0 else []
        new += [stretch.new_start + second] if second >= 0 else []
    assert old == list(range(sum(len(s.old) for s in diff.stretches)))
    assert new == list(range(sum(len(s.new) for s in diff.stretches)))
    assert len(rows.changes) == sum(s.kind == "changed" for s in diff.stretches)
    if heads:
        assert sorted(run.hunk for run in rows.runs if run.hunk >= 0) == list(range(len(diff.hunks)))


@given(before=texts, after=texts, split=st.booleans(), opened=st.sets(st.integers(0, 9)))
def test_lines_are_found_again(before: str, after: str, split: bool, opened: set[int]) -> None:
    diff = made(before, after)
    rows = Rows(diff, split=split, opened=opened)
    for number in range(1, sum(len(s.new) for s in diff.stretches) + 1):
        at, folded = rows.row_of_line("new", number)
        run, _, new = rows[at]
        if folded is None:
            assert diff.stretches[run.stretch].new_start + new + 1 == number
        else:
            assert run.kind == "fold"
            assert Rows(diff, split=split, opened={*opened, folded}).row_of_line("new", number)[1] is None


NUMBERS = [f"{n}\n" for n in range(1, 41)]


def test_far_lines_are_folded_near_ones_stay() -> None:
    after = ["one\n", *NUMBERS[1:19], "twenty\n", *NUMBERS[20:]]
    rows = Rows(made("".join(NUMBERS), "".join(after)), split=False)
    kinds = [(run.kind, run.count, run.hidden) for run in rows.runs]
    assert kinds == [
        ("removed", 1, 0), ("added", 1, 0), ("same", 3, 0), ("fold", 1, 12), ("same", 3, 0),
        ("removed", 1, 0), ("added", 1, 0), ("same", 3, 0), ("fold", 1, 17),
    ]  # fmt: skip


def test_rows_know_their_hunk() -> None:
    after = ["one\n", *NUMBERS[1:19], "twenty\n", *NUMBERS[20:]]
    rows = Rows(made("".join(NUMBERS), "".join(after)), split=True, heads=True)
    hunks = [(rows[at].run.kind, rows.hunk_of(at)) for at in range(len(rows))]
    assert hunks[0] == ("head", 0)
    assert hunks[4] == ("same", 0)
    assert hunks[5] == ("fold", 1)
    assert hunks[-2] == ("same", 1)


def test_what_a_patch_does_not_tell_is_a_fold_that_cannot_open() -> None:
    diff = diff_of_patch("f", "--- a/f\n+++ b/f\n@@ -10,2 +10,2 @@ f()\n a\n-b\n+c\n")
    rows = Rows(diff, split=False, opened={0})
    assert next((run.kind, run.hidden) for run in rows.runs) == ("fold", 9)


@pytest.mark.parametrize(
    ("old", "new", "olds", "news"),
    [
        ("cur = db.execute(", "row = db.execute(", ["cur"], ["row"]),
        ('"INSERT INTO event"', '"INSERT OR IGNORE INTO event"', [], ["OR IGNORE "]),
        ("value(1)", "values(1)", ["value"], ["values"]),
        ("entirely", "other words here", [], []),
        ("same", "same", [], []),
        ("x" * 2000, "x" * 1999, [], []),
    ],
)
def test_differing_words(old: str, new: str, olds: list[str], news: list[str]) -> None:
    first, second = differing(old, new)
    assert [old[i:j] for i, j in first] == olds
    assert [new[i:j] for i, j in second] == news


@given(old=st.text(max_size=60), new=st.text(max_size=60))
def test_what_does_not_differ_is_the_same(old: str, new: str) -> None:
    first, second = differing(old, new)
    if first or second:
        assert _without(old, first) == _without(new, second)


def _without(text: str, spots: tuple[tuple[int, int], ...]) -> str:
    for i, j in reversed(spots):
        text = text[:i] + text[j:]
    return text


@given(before=texts, after=texts, opened=st.sets(st.integers(0, 9)), data=st.data())
def test_selected_lines_are_those_of_the_rows(before: str, after: str, opened: set[int], data: st.DataObject) -> None:
    diff = made(before, after)
    for split, side in ((False, None), (True, 0), (True, 1)):
        rows = Rows(diff, split=split, opened=opened)
        if len(rows):
            whole = selected_text(rows, all_rows(rows), side)
            assert side is None or whole == (after if side else before)
            first = data.draw(st.integers(0, len(rows) - 1))
            last = data.draw(st.integers(first, len(rows) - 1))
            chosen = Selection(TextPoint(first, 0), TextPoint(last, END_OF_ROW))
            singly = (selected_text(rows, row_selection(row), side) for row in range(first, last + 1))
            assert selected_text(rows, chosen, side) == "".join(singly)
