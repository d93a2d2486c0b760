"""References to other sessions in prompts: what counts as one, and what an agent is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agents.context import read_past
from app.agents.history import PastText, Reader, transcript
from app.agents.referring import MAX_CHARACTERS, MAX_REFERENCES, Drawn, draw_in
from app.agents.turn import TurnRunner
from app.sessions.events import Draft, Reference, UserMessage
from app.sessions.markdown import event_markdown
from app.workspace import Workspace
from tests.app.agents.support import MemoryRecorder
from tests.helpers.homes import open_home
from tests.helpers.talks import go_on, said, talk


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    workspace = open_home(tmp_path / "home")
    yield workspace
    workspace.close()


def drawn(home: Workspace, session: str, text: str) -> Drawn:
    return home.read(lambda queries: draw_in(queries, queries.session(session), text))


def test_a_session_an_event_and_a_range(home: Workspace) -> None:
    other, events = talk(home, "one", "two", "three", title="Other")
    session, _ = talk(home, "here")
    whole = drawn(home, session, f"As in @{other}, please.")
    assert whole.events == (Reference(target=other),)
    assert all(word in whole.text for word in ("one", "two", "three", "'Other'"))
    one = drawn(home, session, f"(@{other.lower()}#{events[1]})")
    assert one.events == (Reference(target=other, first=events[1], last=events[1]),)
    assert "two" in one.text and "one" not in one.text and "three" not in one.text
    some = drawn(home, session, f"@{other}#{events[0]}..{events[1]}")
    assert some.events == (Reference(target=other, first=events[0], last=events[1]),)
    assert "one" in some.text and "two" in some.text and "three" not in some.text


def test_a_beginning_that_is_unique(home: Workspace) -> None:
    other, _ = talk(home, "one")
    session = home.write(lambda operations: operations.open_import("fmt", "s")).session
    home.write(lambda operations: operations.import_events(session, [said("here")]))
    assert drawn(home, session, f"@{other[:20]}").events == (Reference(target=other),)


@pytest.mark.parametrize(
    "text",
    ["mail me@{id}", "@{short}", "@{id}x", "@nobody", "a/@{id}", "@{id}#ZZZZ", "@" + "0" * 26, "@{me}"],
)
def test_what_is_no_reference(home: Workspace, text: str) -> None:
    other, session = talk(home, "one")[0], talk(home, "here")[0]
    assert drawn(home, session, text.format(id=other, short=other[:7], me=session)) == Drawn()


def test_never_across_workspaces(home: Workspace) -> None:
    secret, _ = talk(home, "secret")
    elsewhere = home.write(lambda operations: operations.create_workspace("Elsewhere"))
    home.use(elsewhere)
    session, _ = talk(home, "here")
    assert drawn(home, session, f"@{secret}") == Drawn()
    forged = Draft(body=Reference(target=secret), time=0)
    home.write(lambda operations: operations.append(session, [forged]))
    past = home.read(lambda queries: read_past(queries, session))
    assert "secret" not in str([event.body for event in past.events])


def test_it_is_bounded(home: Workspace) -> None:
    others = [talk(home, *(["long " * 700] * 9))[0] for _ in range(MAX_REFERENCES + 2)]
    session, _ = talk(home, "here")
    found = drawn(home, session, " ".join(f"@{other}" for other in [*others, *others]))
    assert len(found.events) == MAX_REFERENCES
    assert MAX_CHARACTERS / 2 < len(found.text) < MAX_CHARACTERS + 300 * MAX_REFERENCES


def test_later_turns_know_it_until_the_other_session_is_gone(home: Workspace) -> None:
    other, _ = talk(home, "the number is 42")
    session, _ = talk(home, "here")
    text = f"See @{other}"
    bodies = [UserMessage(text=text), *drawn(home, session, text).events]
    home.write(lambda operations: operations.append(session, [Draft(body=body, time=0) for body in bodies]))
    go_on(home, session, "and now?")

    def items() -> list[str]:
        past = home.read(lambda queries: read_past(queries, session))
        turns = transcript(past.events, Reader(past.own, "scripted")).turns
        return [step.item.text for turn in turns for step in turn if isinstance(step.item, PastText)]

    assert [("42" in one) for one in items()] == [False, False, True, False]
    home.write(lambda operations: operations.purge([other]))
    assert "gone" in items()[2] and "42" not in str(items())


def test_a_turn_records_the_reference_and_tells_it_with_the_prompt() -> None:
    class Listening:
        def __init__(self) -> None:
            self.parts: list[str] = []

        async def prompt(self, parts):
            self.parts = [part.text for part in parts]
            return
            yield

    recorder, conversation = MemoryRecorder(), Listening()
    reference = Reference(target="0" * 26)
    runner = TurnRunner(conversation, recorder)  # type: ignore[arg-type]
    asyncio.run(runner.run("Look @0", drawn=Drawn((reference,), "what was said")))
    assert recorder.bodies == [UserMessage(text="Look @0"), reference]
    assert conversation.parts == ["Look @0", "what was said"]


def test_how_a_reference_is_written_out() -> None:
    target = "0" * 26
    assert event_markdown(Reference(target=target)) == f"→ [session {target}](lovelace://session/{target})"
    assert event_markdown(Reference(target=target, first="A", last="A")).endswith(", event A")
    assert event_markdown(Reference(target=target, first="A", last="B")).endswith(", events A…B")
