"""Turns from the terminal: whoever has the answer does not wait long for a title."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agents.scripted import ScriptedBackend, parse_script
from app.cli import talk as talk_module
from app.cli.output import Output
from app.cli.stream import TurnPrinter
from app.cli.talk import Manner, Talk
from app.workspace import Workspace
from tests.app.agents.support import run
from tests.helpers.homes import open_home

PROMPT = "How do I boil an egg?"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    workspace = open_home(tmp_path / "home")
    yield workspace
    workspace.close()


class Namer(ScriptedBackend):
    """An agent that answers at once and takes its time for a title."""

    @property
    def titles(self) -> Namer:
        return self

    async def propose(self, prompt: str, answer: str) -> str:
        if self.model == "slow":
            await asyncio.Event().wait()
        return "Boiling eggs"


@pytest.mark.parametrize(("model", "title"), [("slow", PROMPT), ("quick", "Boiling eggs")])
def test_a_title_is_not_waited_for_long(home: Workspace, monkeypatch, model: str, title: str) -> None:
    assert talk_module.WAITED_SECONDS <= 2
    if model == "slow":
        monkeypatch.setattr(talk_module, "WAITED_SECONDS", 0.05)
    said = io.StringIO()
    backend = Namer(parse_script(b'[[{"say": "Eight minutes."}]]', "s"), "namer", model)
    talk = Talk(home, None, backend, Manner(has_person=False), TurnPrinter(Output(stdout=said, environment={})))
    begun = time.monotonic()
    assert run(talk.turn(PROMPT)).outcome == "completed"
    assert time.monotonic() - begun < 8 and "Eight minutes." in said.getvalue()
    assert talk.session is not None
    session = talk.session
    assert home.read(lambda queries: queries.session(session)).title == title
