"""Summaries that a session's own agent gives: asked once, of those that have answered there, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.backend import Conversation, SessionContext
from app.agents.referring import draw_in
from app.agents.scripted import ScriptedBackend, parse_script
from app.agents.session_summary import MAX_CHARACTERS, SETTING, cleaned, sum_up
from app.errors import AgentError
from app.sessions.events import AgentMessage, Draft, UserMessage
from app.workspace import Workspace
from tests.app.agents.support import run
from tests.helpers.homes import open_home

SAID = "We looked at the parser for a long time, and then at the lexer. " * 10


class Asked:
    """An agent that sums up so; counts how often it is asked."""

    def __init__(self, name: str = "hal", says: str = "The parser was mended. Columns are right now.") -> None:
        self.name, self.model, self.says, self.asked = name, None, says, 0

    @property
    def titles(self) -> Asked:
        return self

    async def propose(self, prompt: str, answer: str) -> str:
        raise AssertionError("no title is wanted")

    async def start(self, context: SessionContext) -> Conversation:
        self.asked += 1
        if not self.says:
            raise AgentError("not there")
        script = parse_script(f'[[{{"say": "{self.says}"}}]]'.encode(), "test")
        return await ScriptedBackend(script).start(context)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    workspace = open_home(tmp_path / "home")
    yield workspace
    workspace.close()


def session_of(home: Workspace, said: str = SAID, agent: str = "hal") -> str:
    session = home.write(lambda operations: operations.create(title="Parser", agent=agent))
    say(home, session, said, agent)
    return session


def say(home: Workspace, session: str, said: str, agent: str = "hal") -> list[str]:
    now = home.clock.now_ms()
    drafts = [
        Draft(body=UserMessage(text="Mend the parser"), time=now),
        Draft(body=AgentMessage(text=said), time=now, agent=agent),
    ]
    return home.write(lambda operations: operations.append(session, drafts))


def summary(home: Workspace, session: str) -> str | None:
    found = home.read(lambda queries: queries.summary(session))
    return None if found is None else found.text


def test_it_is_kept_told_to_others_and_asked_for_once(home: Workspace) -> None:
    session, hal = session_of(home), Asked()
    before = home.read(lambda queries: queries.session(session)).updated
    for _ in range(2):
        run(sum_up(home, session, hal))
    assert summary(home, session) == hal.says and hal.asked == 1
    assert home.read(lambda queries: queries.session(session)).updated == before
    assert home.read(lambda queries: queries.summaries(9)) == {session: hal.says}
    other = home.write(lambda operations: operations.create())
    drawn = home.read(lambda queries: draw_in(queries, queries.session(other), f"see @{session}"))
    assert f"In short: {hal.says}" in drawn.text
    assert home.read(lambda queries: queries.search("Columns right"))[0].session == session
    say(home, session, SAID)
    run(sum_up(home, session, hal))
    assert hal.asked == 2


def test_only_an_agent_that_has_answered_there_is_asked(home: Workspace) -> None:
    session, stranger = session_of(home), Asked("stranger")
    run(sum_up(home, session, stranger))
    assert stranger.asked == 0 and summary(home, session) is None


def test_short_sessions_and_the_switch(home: Workspace) -> None:
    short, long, hal = session_of(home, "Done."), session_of(home), Asked()
    run(sum_up(home, short, hal))
    home.settings.set(SETTING, False)
    run(sum_up(home, long, hal))
    assert hal.asked == 0


def test_failures_are_silent(home: Workspace) -> None:
    session, broken = session_of(home), Asked(says="")
    run(sum_up(home, session, broken))
    assert broken.asked == 1 and summary(home, session) is None
    run(sum_up(home, session, ScriptedBackend()))


def test_what_is_taken_back_is_taken_out_of_the_summary(home: Workspace) -> None:
    session = session_of(home)
    run(sum_up(home, session, Asked()))
    [event] = home.read(lambda queries: queries.events(session, kinds=["agent_message"]))
    home.write(lambda operations: operations.erase(session, [event.id]))
    assert summary(home, session) is None and home.read(lambda queries: queries.summaries(9)) == {}
    assert home.read(lambda queries: queries.search("Columns right")) == []
    home.write(lambda operations: operations.rebuild())
    assert summary(home, session) is None


@given(st.text(max_size=3 * MAX_CHARACTERS))
def test_a_summary_is_one_bounded_paragraph(text: str) -> None:
    said = cleaned(text)
    assert len(said) <= MAX_CHARACTERS + 1 and "\n" not in said
