"""What a workflow has done so far, read back from its session, so that it goes on where it stood. Pure.

A workflow is done anew from its first step each time it goes on; what the journal knows of is not done again, but its
results are taken. Only what this person's workflow recorded counts: neither other people nor agents can say of a step
that it was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.agents.backend import PastEvent
from app.agents.workflow.values import kept
from app.sessions.events import (
    AnyBody,
    CommandResult,
    Notice,
    PermissionAnswer,
    PermissionRequest,
    ResultStatus,
    ToolCall,
    ToolResult,
    UserMessage,
)
from app.sessions.views import Author, Event

WORKFLOW = "workflow"
"""The agent's name in events that a workflow itself records."""
_START = "workflow"
"""The key in the data of the notice that begins a workflow."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a workflow was begun with. source: the text of its file, as it was then.

    agent: who answers prompts that name nobody. unconfined: a person allowed commands without a sandbox.
    """

    file: str
    source: str
    inputs: dict[str, str] = msgspec.field(default_factory=dict)
    agent: str = ""
    unconfined: bool = False

    def to_data(self) -> dict[str, Any]:
        """The data of the notice that begins a workflow."""
        return {_START: msgspec.to_builtins(self)}


@dataclass(frozen=True, slots=True)
class Done:
    """One action that has ended. exit_code and what it printed are of commands, text is what an agent answered."""

    status: ResultStatus
    text: str = ""
    command: CommandResult | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """An approval that was asked for and has no result yet. answer: what the person has said since."""

    call: ToolCall
    request: PermissionRequest
    answer: PermissionAnswer | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """An event of an agent's earlier conversation, as its backend sees it."""

    body: AnyBody
    id: str = ""
    turn: str | None = None
    author: Author | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Journal:
    """done: actions by their place in the workflow. talks: what agents were asked and said, by their names.

    turn: that of everything a workflow does.
    """

    start: Start | None = None
    turn: str | None = None
    done: Mapping[str, Done] = field(default_factory=dict)
    asked: Mapping[str, Asked] = field(default_factory=dict)
    talks: Mapping[str, Sequence[PastEvent]] = field(default_factory=dict)


def read_journal(
    events: Iterable[Event], own: str, revealed: Callable[[Event], Event] = lambda event: event
) -> Journal:
    """What a session knows of its workflow.

    own: identity (hex) of this person. revealed: an event with the secrets that were kept out of it, which the steps of
    the workflow need as they were; agents are told what the session shows.
    """
    reader = _Reader(revealed)
    for event in events:
        if event.author.identity == own and not event.author.claimed and event.source is None and not event.damaged:
            reader.read(event)
    return reader.journal()


class _Reader:
    def __init__(self, revealed: Callable[[Event], Event]) -> None:
        self._revealed = revealed
        self._start: Start | None = None
        self._turn: str | None = None
        self._calls: dict[str, ToolCall] = {}
        self._commands: dict[str, CommandResult] = {}
        self._done: dict[str, Done] = {}
        self._requests: dict[str, PermissionRequest] = {}
        self._answers: dict[str, PermissionAnswer] = {}
        self._talks: dict[str, list[PastEvent]] = {}

    def read(self, event: Event) -> None:
        body = event.body
        if isinstance(body, PermissionAnswer):
            self._answers.setdefault(body.request_id, body)
        elif event.author.agent == WORKFLOW:
            self._note_prompt(body)
            self._read_own(self._revealed(event).body, event.turn)
        elif event.author.agent is not None:
            self._talks.setdefault(event.author.agent, []).append(_Said(body, event.id, event.turn, event.author))

    def _read_own(self, body: AnyBody, turn: str | None) -> None:
        match body:
            case Notice(data={"workflow": dict() as data}):
                if self._start is None and (start := _start_of(data)) is not None:
                    self._start, self._turn = start, turn
            case ToolCall():
                self._calls[body.call_id] = body
            case CommandResult():
                short = {"stdout": kept(body.stdout), "stderr": kept(body.stderr)}
                self._commands[body.call_id] = msgspec.structs.replace(body, **short)
            case PermissionRequest():
                self._requests[body.call_id] = body
            case ToolResult(call_id=call, status=status) if status != "cancelled" and call in self._calls:
                step = step_of(self._calls[call])
                self._done[step] = Done(status, body.output, self._commands.get(call))

    def _note_prompt(self, body: AnyBody) -> None:
        asked = body.input if isinstance(body, ToolCall) and body.name == "prompt" else None
        if isinstance(asked, dict) and isinstance(asked.get("agent"), str):
            said = _Said(UserMessage(text=str(asked.get("text", ""))))
            talk = self._talks.setdefault(asked["agent"], [])
            if asked.get("fresh") is True:
                talk.clear()
            talk.append(said)

    def journal(self) -> Journal:
        asked = {
            step_of(self._calls[call]): Asked(self._calls[call], request, self._answers.get(request.request_id))
            for call, request in self._requests.items()
            if call in self._calls
        }
        return Journal(self._start, self._turn, self._done, asked, self._talks)


def step_of(call: ToolCall) -> str:
    """The place in the workflow that a call of a step names."""
    return str(call.input.get("step", "")) if isinstance(call.input, dict) else ""


def _start_of(data: Any) -> Start | None:
    try:
        return msgspec.convert(data, Start)
    except msgspec.ValidationError:
        return None
