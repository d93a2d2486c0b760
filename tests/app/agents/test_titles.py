"""Titles that agents propose: taken where no person has named the session, and never in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from app.agents.backend import AgentBackend, Conversation, SessionContext
from app.agents.local.grammar_model import grammar_model
from app.agents.models import Endpoint, OpenModel, open_compatible
from app.agents.pydantic_backend import ModelBackend
from app.agents.scripted import ScriptedBackend, parse_script
from app.agents.titles import MAX_CHARACTERS, SETTING, cleaned, is_first_turn, propose_title
from app.errors import AgentError
from app.sessions.events import AgentMessage, UserMessage
from app.workspace import Workspace
from sync.errors import StoreError
from tests.app.agents.support import Past, run
from tests.helpers.homes import open_home
from tests.helpers.model_server import ModelServer, Reply
from tests.helpers.talks import talk

PROMPT = "How do I boil an egg?"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    workspace = open_home(tmp_path / "home")
    yield workspace
    workspace.close()


class Fake:
    """An agent whose proposal is given; an exception is raised."""

    name, model = "fake", None

    def __init__(self, proposal: str | Exception) -> None:
        self._proposal = proposal
        self.asked: list[tuple[str, str]] = []

    @property
    def titles(self) -> Fake:
        return self

    async def propose(self, prompt: str, answer: str) -> str:
        self.asked.append((prompt, answer))
        if isinstance(self._proposal, Exception):
            raise self._proposal
        return self._proposal

    async def start(self, context: SessionContext) -> Conversation:
        raise AssertionError("no turn is wanted")


def proposed(home: Workspace, session: str, backend: AgentBackend, **more: float) -> str:
    """The title after a proposal."""
    run(propose_title(home, session, backend, PROMPT, "For eight minutes.", **more))
    return home.read(lambda queries: queries.session(session)).title


def test_it_replaces_what_the_prompt_began_with(home: Workspace) -> None:
    session, _ = talk(home, PROMPT)
    fake = Fake('**Title: "Boiling eggs"**\n\nI hope you like it.')
    assert proposed(home, session, fake) == "Boiling eggs"
    assert fake.asked == [(PROMPT, "For eight minutes.")]
    last = home.read(lambda queries: queries.events(session, kinds=["session_set"]))[-1]
    assert last.author.agent == "fake"


def test_what_a_person_named_stays(home: Workspace) -> None:
    named, _ = talk(home, PROMPT, title="Eggs")
    renamed, _ = talk(home, PROMPT)
    home.write(lambda operations: operations.set_fields(renamed, {"title": "Mine"}))
    same, _ = talk(home, PROMPT)
    home.write(lambda operations: operations.set_fields(same, {"title": PROMPT}))
    forked = home.write(lambda operations: operations.fork(named))
    for session, title in ((named, "Eggs"), (renamed, "Mine"), (same, PROMPT), (forked, "Eggs (fork)")):
        assert proposed(home, session, Fake("Better")) == title


@pytest.mark.parametrize("failure", [AgentError("no"), StoreError("no"), TimeoutError(), "", "***", " \n "])
def test_failures_are_silent(home: Workspace, failure: str | Exception) -> None:
    session, _ = talk(home, PROMPT)
    assert proposed(home, session, Fake(failure)) == PROMPT


def test_a_session_that_is_gone(home: Workspace) -> None:
    session, _ = talk(home, PROMPT)
    home.write(lambda operations: operations.purge([session]))
    fake = Fake("Better")
    run(propose_title(home, session, fake, PROMPT, "answer"))
    assert fake.asked and home.read(lambda queries: queries.sessions()) == []


def test_it_can_be_turned_off(home: Workspace) -> None:
    session, _ = talk(home, PROMPT)
    fake = Fake("Better")
    home.settings.set(SETTING, False)
    assert proposed(home, session, fake) == PROMPT and fake.asked == []


def test_an_agent_that_takes_too_long(home: Workspace) -> None:
    class Slow(Fake):
        async def propose(self, prompt: str, answer: str) -> str:
            await asyncio.Event().wait()
            return ""

    session, _ = talk(home, PROMPT)
    assert proposed(home, session, Slow(""), within=0.01) == PROMPT


def test_the_scripted_agent() -> None:
    assert ScriptedBackend().titles is None
    backend = ScriptedBackend(parse_script(b'[[{"say": "x"}, {"title": "About {prompt}"}]]', "s"))
    assert backend.titles is not None
    assert run(backend.titles.propose("eggs", "x")) == "About eggs"


def test_models_are_asked(home: Workspace) -> None:
    async def ask(embedded: bool) -> tuple[str, str]:
        async with ModelServer([Reply(text="Boiling eggs.")]) as server:

            async def connect() -> OpenModel:
                from openai import AsyncOpenAI

                client = AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0)
                return OpenModel(grammar_model(client, "test"), client.close)

            remote = partial(open_compatible, Endpoint("test", server.url))
            backend = ModelBackend("m", "test", connect if embedded else remote, server.url)
            title = await backend.titles.propose(PROMPT, "For eight minutes.")
            return title, str(server.requests)

    for embedded in (True, False):
        title, requests = run(ask(embedded))
        assert cleaned(title) == "Boiling eggs"
        assert PROMPT in requests and "For eight minutes." in requests and "title" in requests


def test_a_model_that_fails() -> None:
    backend = ModelBackend("m", "t", partial(open_compatible, Endpoint("t", "http://127.0.0.1:9/v1")), "nowhere")
    with pytest.raises(AgentError):
        run(backend.titles.propose(PROMPT, "x"))


def test_titles_are_cleaned() -> None:
    assert cleaned("# Boiling: an introduction\n") == "Boiling: an introduction"
    assert cleaned("Titel: „Eier kochen“") == "Eier kochen"
    long = cleaned("word " * 40)
    assert long is not None and len(long) <= MAX_CHARACTERS + 1 and long.endswith("word…")


def test_the_first_turn() -> None:
    assert is_first_turn([]) and is_first_turn([Past(AgentMessage(text="x"))])
    assert not is_first_turn([Past(UserMessage(text="x"))])
