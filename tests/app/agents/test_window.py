"""What is told of the past, and what is summed up: for random histories and windows."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.history import PastCall, PastItem, PastText, Step
from app.agents.window import (
    DEFAULT_WINDOW,
    Plan,
    cut_to_tokens,
    estimate,
    history_room,
    known_window,
    plan,
    shortened,
    size,
    summary_item,
    total,
)

lengths = st.integers(0, 40) | st.integers(0, 3_000)
texts = st.builds(lambda letter, length: letter * length, st.sampled_from(["a", "é", "字", "\n"]), lengths)
items: st.SearchStrategy[PastItem] = st.one_of(
    st.builds(PastText, st.booleans(), texts),
    st.builds(PastCall, st.sampled_from(["read", "run"]), st.dictionaries(st.sampled_from("abc"), texts), texts),
)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Step]]:
    """Turns whose steps stand at growing places."""
    turns = draw(st.lists(st.lists(items, min_size=1, max_size=6), max_size=8))
    position, made = 0, []
    for turn in turns:
        made.append([Step(item, position + number) for number, item in enumerate(turn)])
        position += len(turn)
    return made


def told_size(chosen: Plan, summary: str) -> int:
    return sum(map(size, chosen.items(summary)))


@given(turns=histories(), summary=texts, new=texts, budget=st.integers(0, 6_000))
def test_what_is_told_fits_and_each_step_is_told_or_summed_up_once(
    turns: list[list[Step]], summary: str, new: str, budget: int
) -> None:
    chosen = plan(summary, turns, budget)
    everything = list(chain.from_iterable(turns))
    assert told_size(chosen, new if chosen.older else summary) <= budget
    places = [step.position for step in [*chosen.older, *chosen.kept]]
    assert places == [step.position for step in everything]
    assert list(chosen.older) == everything[: len(chosen.older)]


@given(turns=histories(), summary=texts, budget=st.integers(0, 6_000))
def test_what_fits_is_told_as_it_is(turns: list[list[Step]], summary: str, budget: int) -> None:
    whole = [step.item for turn in turns for step in turn]
    head = [PastText(True, "[What happened before, in short:]\n" + summary)] if summary else []
    if sum(map(size, [*head, *whole])) < budget:
        assert plan(summary, turns, budget).items(summary) == [*head, *whole]


@given(turns=histories(), summary=texts, budget=st.integers(0, 6_000))
def test_the_newest_turn_is_kept_whole(turns: list[list[Step]], summary: str, budget: int) -> None:
    if not turns:
        return
    kept = list(plan(summary, turns, budget).kept)
    newest = turns[-1]
    room = budget - budget // 4
    if total(newest) <= room:
        assert kept[len(kept) - len(newest) :] == newest
    elif total([Step(shortened(step.item, 120), step.position) for step in newest]) <= room:
        assert [step.position for step in kept] == [step.position for step in newest]


def test_after_a_compaction_there_is_room_for_the_next_prompts() -> None:
    turns = [[Step(PastText(True, "x" * 300), n)] for n in range(100)]
    chosen = plan("", turns, 5_000)
    assert chosen.older and chosen.kept
    assert told_size(chosen, "y" * 100_000) <= 2_500


def test_a_newest_turn_that_is_too_long_loses_middles_then_its_first_steps() -> None:
    long = [[Step(PastCall("read", {"path": "a" * 900}, f"start{'x' * 9_000}end"), n) for n in range(3)]]
    chosen = plan("", long, 2_000)
    assert len(chosen.kept) == 3
    for step in chosen.kept:
        assert isinstance(step.item, PastCall)
        assert step.item.result.startswith("start") and step.item.result.endswith("end")
    many = [[Step(PastText(False, "x" * 90), n) for n in range(1_000)]]
    chosen = plan("", many, 2_000)
    assert chosen.kept[-1] == many[0][-1] and len(chosen.older) + len(chosen.kept) == 1_000


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("abc", 1), ("abcd", 2), ("字", 1), ("\ud800", 1)])
def test_the_estimate(text: str, tokens: int) -> None:
    assert estimate(text) == tokens


@given(text=st.text(max_size=400), tokens=st.integers(-5, 150))
def test_cutting_to_tokens(text: str, tokens: int) -> None:
    cut = cut_to_tokens(text, tokens)
    assert estimate(cut) <= max(tokens, 0)
    if estimate(text) <= tokens:
        assert cut == text


def test_there_is_no_summary_without_room() -> None:
    assert summary_item("text", 5) is None
    assert summary_item("", 500) is None


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-sonnet-5", 200_000),
        ("gpt-4o-mini", 128_000),
        ("gpt-4.1", 1_000_000),
        ("gpt-4", 8_192),
        ("openai/gpt-4o", 128_000),
        ("qwen", DEFAULT_WINDOW),
        ("", DEFAULT_WINDOW),
    ],
)
def test_windows_by_name(model: str, tokens: int) -> None:
    assert known_window(model) == tokens


def test_the_room_for_the_past() -> None:
    assert history_room(1_000, "abc", "abc") == 598
    assert history_room(100, "x" * 900) == 0
