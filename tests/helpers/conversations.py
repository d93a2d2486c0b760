"""Events for tests of the window, as queries would give them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from app.sessions.events import AgentMessage, AnyBody, ToolCall, ToolResult, UserMessage
from app.sessions.texts import estimated_lines
from app.sessions.views import Author, DraftRow, Event, SessionRow, Timeline

NOW = 1_767_348_000_000
_PERSON = Author("aa" * 32, "bb" * 32, "Ana", None)
_AGENT = Author("aa" * 32, "bb" * 32, "Ana", "scripted")


def event(row: int, body: AnyBody, *, turn: str | None = "t1", time: int = NOW) -> Event:
    """An event whose id sorts as its row."""
    author = _PERSON if isinstance(body, UserMessage) else _AGENT
    return Event(f"{row:010d}", "S1", turn, time, author, body, row)


def events(bodies: Iterable[AnyBody], first: int = 1) -> list[Event]:
    return [event(row, body) for row, body in enumerate(bodies, first)]


def timeline(of: Sequence[Event]) -> Timeline:
    """As `Queries.timeline`: kinds without lines have no row."""
    rows, lines, starts = array("q"), array("H"), array("I")
    for one in of:
        if count := estimated_lines(one.kind, one.body):
            if isinstance(one.body, UserMessage):
                starts.append(len(rows))
            rows.append(one.row)
            lines.append(count)
    return Timeline(rows, lines, starts)


def messages(count: int) -> list[Event]:
    """Prompts and answers in turn; every tenth has code."""
    made: list[AnyBody] = []
    for number in range(count):
        if number % 2 == 0:
            made.append(UserMessage(text=f"Question {number} about the store"))
        elif number % 10 == 9:
            made.append(AgentMessage(text=f"Answer {number}:\n\n```python\nprint({number})\n```\n\nDone."))
        else:
            made.append(AgentMessage(text=f"Answer {number} with **bold** words and `code`.\n\n- one\n- two"))
    return events(made)


def tool(call: str, *, name: str = "read", status: str = "completed", output: str = "ok") -> list[AnyBody]:
    return [
        ToolCall(call_id=call, name=name, input={"path": "a.py"}),
        ToolResult(call_id=call, status=status, output=output),  # type: ignore[arg-type]
    ]


def draft(text: str, *, turn: str = "t1", kind: str = "agent_message") -> DraftRow:
    return DraftRow("S1", turn, kind, "scripted", text, NOW)


def session(
    identifier: str, *, title: str = "A session", status: str = "active", updated: int = NOW, **more: object
) -> SessionRow:
    values: dict[str, object] = {
        "type": "interactive", "workspace": "w1", "workspace_name": "Personal", "created": updated, "events": 3,
        "archived": False, "trashed": False, "tags": (), "agent": None, "authors": ("Ana",), "bytes": 100,
    }  # fmt: skip
    return SessionRow(id=identifier, title=title, status=status, updated=updated, **(values | more))  # type: ignore[arg-type]
