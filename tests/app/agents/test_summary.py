from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.history import PastCall, PastItem, PastText, Step
from app.agents.summary import MAX_PIECES, SummaryFailed, pieces, summarise
from app.agents.window import estimate
from tests.app.agents.support import run

texts = st.builds(lambda letter, length: letter * length, st.sampled_from("aé字"), st.integers(0, 9_000))
items: st.SearchStrategy[PastItem] = st.one_of(
    st.builds(PastText, st.booleans(), texts),
    st.builds(PastCall, st.just("read"), st.dictionaries(st.just("path"), texts), texts),
)


@given(past=st.lists(items, min_size=1, max_size=30), room=st.integers(200, 4_000))
def test_pieces_are_few_and_bounded(past: list[PastItem], room: int) -> None:
    made = pieces(past, room)
    assert 1 <= len(made) <= MAX_PIECES
    assert all(estimate(piece) <= room for piece in made)


def test_pieces_hold_everything_in_order_where_they_can() -> None:
    made = "\n".join(pieces([PastText(True, f"prompt {n}.") for n in range(40)], 200))
    assert [made.index(f"prompt {n}.") for n in range(40)] == sorted(made.index(f"prompt {n}.") for n in range(40))


def test_of_a_very_long_past_the_middle_is_left_out() -> None:
    made = pieces([PastText(True, f"prompt {n}. " + "x" * 80) for n in range(1_000)], 200)
    assert len(made) == MAX_PIECES
    assert "prompt 0." in made[0] and "prompt 999." in made[-1]
    assert "left out" in "".join(made)


def _steps(count: int) -> list[Step]:
    return [Step(PastText(True, f"prompt {n}. " + "x" * 1_500), n) for n in range(count)]


def test_each_piece_is_asked_with_what_came_out_before() -> None:
    asked: list[str] = []

    async def ask(instructions: str, prompt: str) -> str:
        assert estimate(instructions) + estimate(prompt) < 4_000
        asked.append(prompt)
        return f"record {len(asked)}"

    made = run(summarise("earlier", _steps(8), ask, window=4_000, room=300))
    assert len(asked) > 1 and made == f"record {len(asked)}"
    assert asked[0].startswith("The record so far:\nearlier\n")
    assert asked[1].startswith("The record so far:\nrecord 1\n")


@pytest.mark.parametrize("said", ["", " \n"])
def test_an_empty_summary_is_a_failure(said: str) -> None:
    async def ask(_instructions: str, _prompt: str) -> str:
        return said

    with pytest.raises(SummaryFailed):
        run(summarise("", _steps(1), ask, window=4_000, room=300))
