"""Whose answer to a permission request counts: the person's own, from any of their devices, and nobody else's."""

from __future__ import annotations

import asyncio

from app.agents.backend import Answered
from app.agents.context import own_answers, read_past
from app.agents.permission import Policy
from app.agents.recorder import stored_answer
from app.sessions.events import Draft, PermissionAnswer, PermissionChoice, PermissionRequest, UserMessage
from app.workspace import Workspace
from tests.app.network.conftest import Place
from tests.app.network.test_members import sync, team

REQUEST = PermissionRequest(
    request_id="r", call_id="c", name="run", title="ls", tool_kind="execute", input={"command": "ls"}
)


def asking(home: Workspace) -> str:
    session = home.write(lambda operations: operations.create(title="Work"))
    append(home, session, UserMessage(text="Do"), REQUEST)
    return session


def append(home: Workspace, session: str, *bodies: object) -> None:
    drafts = [Draft(body=body, time=home.clock.now_ms(), turn="t") for body in bodies]  # type: ignore[arg-type]
    home.write(lambda operations: operations.append(session, drafts))


def answer(home: Workspace, session: str, choice: PermissionChoice) -> None:
    append(home, session, PermissionAnswer(request_id="r", answer=choice))


async def waited(home: Workspace, session: str) -> Answered | None:
    """The answer that a turn waiting here takes; None: it goes on waiting."""
    try:
        async with asyncio.timeout(1):
            return await stored_answer(home, session, REQUEST)
    except TimeoutError:
        return None


def granted(home: Workspace, session: str) -> frozenset[str]:
    past = home.read(lambda queries: read_past(queries, session))
    return own_answers(past, Policy()).granted


def test_another_device_of_the_person_answers(place: Place) -> None:
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    session = asking(old)
    sync(old, new)
    new.use(old.id)
    answer(new, session, "always")
    sync(old, new)
    taken = asyncio.run(waited(old, session))
    assert taken is not None and taken.recorded and taken.answer.answer == "always"
    assert granted(old, session) == {"program run ls"}


def test_another_person_answers_nothing(place: Place) -> None:
    ada, bob, workspace = team(place)
    session = asking(ada)
    sync(ada, bob)
    bob.use(workspace)
    answer(bob, session, "always")
    sync(ada, bob)
    events = ada.read(lambda queries: queries.events(session, kinds=["permission_answer"]))
    assert [event.author.name for event in events] == ["Bob"]
    assert asyncio.run(waited(ada, session)) is None
    assert granted(ada, session) == frozenset()


def test_of_two_answers_the_one_that_the_asking_device_wrote_counts_for_both(place: Place) -> None:
    old, new = place.home("old"), place.home("new")
    asyncio.run(place.pair(new, old))
    session = asking(old)
    sync(old, new)
    answer(new, session, "always")
    answer(old, session, "once")
    sync(old, new)
    assert granted(old, session) == granted(new, session) == frozenset()
