"""Short ways to write and read sessions in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.sessions.bodies import Restored, encode_draft
from app.sessions.events import AgentMessage, AnyBody, Draft, UserMessage
from app.sessions.ids import event_id
from app.sessions.import_operations import RawEvent
from app.sessions.views import Event
from app.workspace import Workspace

STRANGER = Restored("ee" * 32, "ff" * 32, "Eve")


def said(text: str, time: int = 0, *, agent: str | None = None, turn: str | None = None) -> Draft:
    """A prompt, or with `agent` an answer."""
    body: AnyBody = UserMessage(text=text) if agent is None else AgentMessage(text=text)
    return Draft(body=body, time=time, turn=turn, agent=agent)


def talk(workspace: Workspace, *texts: str, **fields: Any) -> tuple[str, list[str]]:
    """A new session with these prompts: its id and theirs."""
    session = workspace.write(lambda operations: operations.create(**fields))
    return session, go_on(workspace, session, *texts)


def go_on(workspace: Workspace, session: str, *texts: str) -> list[str]:
    return workspace.write(lambda operations: operations.append(session, [said(text) for text in texts]))


def texts(events: Sequence[Event]) -> list[str]:
    """What was said, without what says nothing."""
    return [event.body.text for event in events if isinstance(event.body, UserMessage | AgentMessage)]


def texts_of(workspace: Workspace, session: str, **options: Any) -> list[str]:
    return texts(workspace.read(lambda queries: queries.events(session, **options)))


def foreign(counter: int, body: AnyBody, *, author: Restored = STRANGER, time: int = 0) -> RawEvent:
    """An event of another device, with a counter of its choice."""
    data = encode_draft(Draft(body=body, time=time))
    return RawEvent(event_id(counter, bytes.fromhex(author.device), data), data, author)
