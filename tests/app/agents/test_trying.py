"""Trying agents out: the word, the time, and agents that never answer."""

from __future__ import annotations

import json

import pytest

from app.agents.scripted import ScriptedBackend, parse_script
from app.agents.trying import try_agent
from app.errors import AgentError
from sync.clock import SystemClock
from tests.app.agents.support import run


def agent(turn: list[dict[str, object]]) -> ScriptedBackend:
    return ScriptedBackend(parse_script(json.dumps([turn]).encode(), "test"), "mine")


def test_what_it_says_and_how_long_it_took() -> None:
    tried = run(try_agent(agent([{"think": "hm"}, {"delay_ms": 30}, {"say": " ready\n"}]), SystemClock()))
    assert tried.answer == "ready"
    assert 0.03 <= tried.seconds < 10


def test_one_that_hangs_is_given_up() -> None:
    with pytest.raises(AgentError, match="did not answer within"):
        run(try_agent(agent([{"delay_ms": 60_000}]), SystemClock(), seconds=0.1))
