"""The height index agrees with a plain list, whatever is done to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.ui.conversation.heights import BLOCK, HeightIndex

heights = st.lists(st.integers(0, 90), max_size=40)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 2000), st.integers(0, 500)),
        st.tuples(st.just("extend"), heights),
        st.tuples(st.just("insert"), st.integers(0, 2000), heights),
        st.tuples(st.just("remove"), st.integers(0, 2000), st.integers(0, 30)),
    ),
    max_size=12,
)


def _apply(index: HeightIndex, plain: list[int], step: tuple) -> None:  # type: ignore[type-arg]
    match step:
        case ("set", row, height) if plain:
            index.set(row % len(plain), height)
            plain[row % len(plain)] = height
        case ("extend", more):
            index.extend(more)
            plain.extend(more)
        case ("insert", row, more):
            row %= len(plain) + 1
            index.insert(row, more)
            plain[row:row] = more
        case ("remove", row, count) if plain:
            first = row % len(plain)
            last = min(len(plain) - 1, first + count)
            index.remove(first, last)
            del plain[first : last + 1]


def _find(plain: list[int], y: int) -> tuple[int, int]:
    y = max(0, min(y, sum(plain) - 1))
    for row, height in enumerate(plain):
        if y < height:
            return row, y
        y -= height
    return 0, 0


@given(st.integers(0, 1500), st.integers(0, 60), steps, st.lists(st.integers(-50, 60_000), max_size=8))
def test_like_a_list(size: int, seed: int, changes: list[tuple], ys: list[int]) -> None:  # type: ignore[type-arg]
    plain = [(number * 37 + seed) % 61 for number in range(size)]
    index = HeightIndex(plain)
    for step in changes:
        _apply(index, plain, step)
    assert len(index) == len(plain)
    assert index.total == sum(plain)
    for row in {0, 1, BLOCK - 1, BLOCK, BLOCK + 1, len(plain) // 2, len(plain)}:
        if row <= len(plain):
            assert index.top(row) == sum(plain[:row])
    for y in ys:
        assert index.find(y) == _find(plain, y)


def test_rows_without_height_are_never_found() -> None:
    index = HeightIndex([10, 0, 0, 10])
    assert [index.find(y)[0] for y in (9, 10, 19)] == [0, 3, 3]


def test_empty() -> None:
    index = HeightIndex()
    assert (len(index), index.total, index.find(5), index.top(0)) == (0, 0, (0, 0), 0)
