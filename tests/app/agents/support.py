"""What the tests of agents share: a recorder in memory, contexts, and running coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from app.agents.backend import Answered, Conversation, PromptText, SessionContext, Update
from app.agents.permission import Policy
from app.sessions.events import (
    AnyBody,
    BlobRef,
    Body,
    PermissionAnswer,
    PermissionChoice,
    PermissionRequest,
    ToolCall,
    ToolResult,
)
from app.sessions.views import Author
from sync.testing import ManualClock

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], seconds: float = 60) -> T:
    """Run to the end; a coroutine that hangs fails the test."""

    async def bounded() -> T:
        return await asyncio.wait_for(work, seconds)

    return asyncio.run(bounded())


def alive(pid: int) -> bool:
    """Whether a process (Linux) still runs."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


@dataclass
class MemoryRecorder:
    """Keeps what a turn records. `log` also has drafts as ("draft", text) and ("clear", "")."""

    bodies: list[Body] = field(default_factory=list)
    log: list[Any] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    outputs: list[tuple[str, list[tuple[int, str]]]] = field(default_factory=list)

    async def record(self, *bodies: Body) -> Sequence[str]:
        self.bodies.extend(bodies)
        self.log.extend(bodies)
        return [str(len(self.bodies))] * len(bodies)

    async def draft(self, kind: str, text: str) -> None:
        self.log.append(("draft", text))

    async def clear(self) -> None:
        self.log.append(("clear", ""))

    async def output(self, call: str, pieces: Sequence[tuple[int, str]]) -> None:
        self.outputs.append((call, list(pieces)))

    async def keep(self, data: bytes, name: str, media_type: str | None = None) -> BlobRef:
        key = f"{len(self.blobs)}"
        self.blobs[key] = data
        return BlobRef(blob=key, size=len(data), name=name, media_type=media_type)

    @property
    def kinds(self) -> list[str]:
        return [body.kind for body in self.bodies]


@dataclass(frozen=True)
class Past:
    """A stored event, as backends see it."""

    body: AnyBody
    turn: str | None = None
    id: str = ""
    author: Author | None = None
    source: str | None = None


class Person:
    """Answers permission requests; `asked` are those that came."""

    def __init__(self, answer: PermissionChoice = "once") -> None:
        self.answer = answer
        self.asked: list[PermissionRequest] = []

    async def ask(self, request: PermissionRequest) -> Answered:
        self.asked.append(request)
        return Answered(PermissionAnswer(request_id=request.request_id, answer=self.answer))


TOOL_NAMES = ("list", "read", "search", "write", "edit", "run")


def context(folder: Path | None = None, person: Person | None = None, **changes: Any) -> SessionContext:
    """A context with all tools in a folder, and a person who says yes; `changes` replace fields."""
    person = person or Person()
    made = SessionContext(
        ask=person.ask,
        keep=MemoryRecorder().keep,
        clock=ManualClock(),
        folders=(folder,) if folder is not None else (),
        tools=TOOL_NAMES if folder is not None else (),
        policy=Policy(asks=True),
    )
    return replace(made, **changes)


async def collect(conversation: Conversation, text: str = "go") -> list[Update]:
    """All updates of one prompt."""
    return [update async for update in conversation.prompt([PromptText(text)])]


def bodies(updates: Iterable[Update], *kinds: type[Body]) -> list[Any]:
    """The complete bodies among updates, of some kinds or all."""
    return [update for update in updates if isinstance(update, kinds or Body)]


def assert_calls_answered(recorded: Iterable[Any]) -> None:
    """Every call has exactly one result, after it."""
    open_calls: list[str] = []
    for body in recorded:
        if isinstance(body, ToolCall):
            assert body.call_id not in open_calls
            open_calls.append(body.call_id)
        elif isinstance(body, ToolResult):
            open_calls.remove(body.call_id)
    assert open_calls == []
