"""What is left of a job's limits after its process died."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.agents.rules import Rules
from app.background.allowance import remaining, spent_limit
from app.sessions.events import ToolCall, Usage

CALL = ToolCall(call_id="c", name="read", title="read", input={})


def event(body: object, time: int) -> Any:
    return SimpleNamespace(body=body, time=time)


def test_what_was_before_the_person_said_go_does_not_count() -> None:
    rules = Rules(steps=3, tokens=100, seconds=10)
    events = [event(CALL, 1), event(Usage(input=90, output=9), 1), event(CALL, 5), event(Usage(input=1, output=2), 6)]
    left = remaining(rules, events, since=5, used_ms=4_000)
    assert (left.steps, left.tokens, left.seconds) == (2, 97, 6)
    assert spent_limit(left) is None
    assert "steps" in (spent_limit(remaining(Rules(steps=1), events, 5, 0)) or "")
    assert "tokens" in (spent_limit(remaining(Rules(tokens=3), events, 5, 0)) or "")
    assert "time" in (spent_limit(remaining(Rules(seconds=1), events, 5, 1_000)) or "")


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50), st.integers(0, 9))), st.integers(0, 9), st.integers(0, 99))
def test_limits_only_shrink_and_nothing_else_changes(found, since, used) -> None:
    rules = Rules(steps=9, tokens=200, seconds=0.05, paths=("a/**",), commands=("ls",))
    events = [event(CALL if call else Usage(input=count, output=0), time) for call, count, time in found]
    left = remaining(rules, events, since, used)
    assert 0 <= left.steps <= 9 and 0 <= left.tokens <= 200 and 0 <= left.seconds <= 0.05
    assert (left.paths, left.commands, left.tools, left.network) == (("a/**",), ("ls",), rules.tools, False)
