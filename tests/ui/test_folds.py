"""Folded turns hide their rows and nothing else, whatever the rows are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.ui.models.folds import Folds


@st.composite
def folds(draw: st.DrawFn) -> tuple[Folds, list[int], set[int], set[int]]:
    """Folds over rows with ids 100, 101, …; which are prompts; which of these are folded."""
    count = draw(st.integers(0, 30))
    rows = list(range(100, 100 + count))
    prompts = set(draw(st.lists(st.sampled_from(rows), unique=True))) if rows else set()
    folded = set(draw(st.lists(st.sampled_from(sorted(prompts)), unique=True))) if prompts else set()
    made = Folds()
    starts = [number for number, row in enumerate(rows) if row in prompts]
    made.set_rows(count, starts, [rows[number] for number in starts])
    for prompt in folded:
        made.toggle(prompt)
    return made, rows, prompts, folded


def hidden(rows: list[int], prompts: set[int], folded: set[int]) -> list[bool]:
    """The definition, row by row."""
    current, found = None, []
    for row in rows:
        current = row if row in prompts else current
        found.append(current in folded and row != current)
    return found


@given(folds())
def test_what_is_hidden(given: tuple[Folds, list[int], set[int], set[int]]) -> None:
    made, rows, prompts, folded = given
    assert [made.is_hidden(number) for number in range(len(rows))] == hidden(rows, prompts, folded)


@given(folds())
def test_stepping_visits_every_shown_row_once_in_both_directions(
    given: tuple[Folds, list[int], set[int], set[int]],
) -> None:
    made, rows, prompts, folded = given
    shown = [number for number, is_hidden in enumerate(hidden(rows, prompts, folded)) if not is_hidden]
    down, row = [], made.shown_after(-1, len(rows))
    while row is not None:
        down.append(row)
        row = made.shown_after(row, len(rows))
    up, row = [], made.shown_before(len(rows))
    while row is not None:
        up.append(row)
        row = made.shown_before(row)
    assert down == shown
    assert up == shown[::-1]


@given(folds(), st.lists(st.booleans(), max_size=10))
def test_rows_added_one_by_one_are_as_rows_set_at_once(
    given: tuple[Folds, list[int], set[int], set[int]], more: list[bool]
) -> None:
    made, rows, prompts, folded = given
    for number, is_prompt in enumerate(more, 500):
        made.add_row(number, prompt=is_prompt)
        rows.append(number)
        prompts |= {number} if is_prompt else set()
    assert [made.is_hidden(number) for number in range(len(rows))] == hidden(rows, prompts, folded)
    assert list(made.prompts) == [number for number, row in enumerate(rows) if row in prompts]
