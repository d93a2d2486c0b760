from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.sessions.events import (
    AgentMessage,
    AnyBody,
    PermissionAnswer,
    PermissionRequest,
    Takeover,
    ToolResult,
    UserMessage,
)
from app.sessions.queries import Queries
from app.sessions.runners import Runner, runner_of, waiting_prompts, waits_elsewhere
from app.sessions.views import Author, Event

ME, LAPTOP, DESK = "ada", "laptop", "desk"


def event(body: AnyBody, device: str, *, identity: str = ME, turn: str | None = "t", claimed: bool = False) -> Event:
    author = Author(identity, device, "Ada", None, claimed)
    return cast(Event, SimpleNamespace(body=body, author=author, turn=turn, inherited=False))


def waiting(*events: Event, device: str = DESK) -> list[str]:
    queries: Any = SimpleNamespace(own_device=lambda: (ME, device), events=lambda _session, limit: list(events))
    return [prompt.message.text for prompt in waiting_prompts(cast(Queries, queries), "s")]


def prompt(text: str, runner: str | None) -> UserMessage:
    return UserMessage(text=text, runner=runner)


def run_by(events: Sequence[Event]) -> str | None:
    runner = runner_of(events)
    return None if runner is None else runner.device


def test_a_prompt_names_who_runs_it() -> None:
    assert run_by([]) is None
    assert run_by([event(prompt("a", DESK), LAPTOP)]) == DESK
    assert run_by([event(prompt("a", None), LAPTOP)]) is None


def test_taking_over_counts_with_a_higher_term_and_for_oneself_only() -> None:
    first = event(prompt("a", DESK), DESK)
    assert runner_of([first, event(Takeover(runner=LAPTOP, term=1), LAPTOP)]) == Runner(ME, LAPTOP, 1)
    assert run_by([first, event(Takeover(runner=DESK, term=0), DESK)]) == DESK
    assert run_by([first, event(Takeover(runner=LAPTOP, term=1), DESK)]) == DESK
    taken = [first, event(Takeover(runner=LAPTOP, term=2), LAPTOP), event(Takeover(runner=DESK, term=1), DESK)]
    assert run_by(taken) == LAPTOP
    assert run_by([*taken, event(prompt("late", DESK), DESK)]) == LAPTOP


def test_what_an_export_claims_does_not_count() -> None:
    assert run_by([event(prompt("a", DESK), LAPTOP, claimed=True)]) is None


def test_own_prompts_from_elsewhere_wait_until_somebody_begins() -> None:
    asked = event(prompt("a", DESK), LAPTOP, turn="1")
    assert waiting(asked) == ["a"]
    assert waiting(asked, device=LAPTOP) == []
    assert waiting(asked, event(AgentMessage(text="b"), DESK, turn="1")) == []
    assert waiting(event(prompt("a", DESK), DESK, turn="1")) == []
    assert waiting(event(prompt("a", None), LAPTOP, turn="1")) == []


def test_nobody_elses_prompt_waits_to_be_run() -> None:
    assert waiting(event(prompt("a", DESK), "other", identity="mallory")) == []
    assert waiting(event(prompt("a", DESK), LAPTOP, claimed=True)) == []
    stolen = event(Takeover(runner="other", term=9), "other", identity="mallory")
    assert waiting(event(prompt("a", DESK), LAPTOP), stolen) == ["a"]


def test_whoever_takes_over_runs_what_nobody_began() -> None:
    asked, taken = event(prompt("a", LAPTOP), LAPTOP, turn="1"), event(Takeover(runner=DESK, term=1), DESK)
    assert waiting(asked, taken) == ["a"]
    assert waiting(asked) == []


def request(identifier: str = "r", call: str = "c") -> PermissionRequest:
    return PermissionRequest(request_id=identifier, call_id=call, name="run", title="Run")


ANSWER = PermissionAnswer(request_id="r", answer="once")
RESULT = ToolResult(call_id="c", status="denied")


@pytest.mark.parametrize(
    ("events", "waits"),
    [
        ([event(request(), LAPTOP)], True),
        ([event(request(), LAPTOP), event(prompt("more", LAPTOP), DESK, turn="next")], True),
        ([event(request(), LAPTOP), event(ANSWER, DESK, turn=None)], False),
        ([event(request(), LAPTOP), event(ANSWER, "theirs", identity="bob", turn=None)], True),
        ([event(request(), LAPTOP), event(RESULT, LAPTOP)], False),
        ([event(request(), LAPTOP), event(AgentMessage(text="on"), LAPTOP, turn="next")], False),
        ([event(request(), DESK)], False),
        ([event(request(), LAPTOP, identity="bob")], False),
        ([event(request(), LAPTOP, claimed=True)], False),
        ([event(request(), LAPTOP), event(request("s", "d"), LAPTOP), event(ANSWER, DESK)], True),
    ],
)
def test_whether_another_device_waits(events: list[Event], waits: bool) -> None:
    queries: Any = SimpleNamespace(own_device=lambda: (ME, DESK), events=lambda _session, limit: events)
    assert waits_elsewhere(cast(Queries, queries), "s") is waits
