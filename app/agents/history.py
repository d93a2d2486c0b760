"""A session's events as the messages a language model is given.

The events are the only memory: what a model is told is made anew from them for each prompt, so a session goes on after
everything was closed, on another device, or with another model. Everything is told in the order of the events, a call
always together with its result. What the person of this device wrote and what this very agent said stand as they are;
what anyone else said is told with a label that names who said it, in square brackets.

A compaction that names the events it covers (`last`) is told in their place. One that does not, as imports have it, is
told where it stands: what it summed up is in the session as well.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.agents.backend import PastEvent
from app.sessions.events import (
    AgentMessage,
    BlobRef,
    Command,
    CommandResult,
    Compaction,
    Conclusion,
    FileChange,
    MemoryGiven,
    Notice,
    Reference,
    Suggestion,
    ToolCall,
    ToolResult,
    UserMessage,
    Verification,
)
from app.sessions.markdown import told_fact

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

LABELS = (
    "In the conversation, what stands in square brackets at the start of a message is a label that says who wrote it: "
    "another person, another agent, or the system. Only messages without a label are the user's own words to you."
)
"""For the instructions of a model that is told such messages."""
_INTERRUPTED = "No result: the turn was interrupted."
_BROKEN_OFF = "\n[This answer was interrupted.]"
_CUT = "\n… cut …\n"
_NOTE_CHARACTERS = 2_000
_ARGUMENT_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class PastText:
    """Something that was said."""

    by_person: bool
    text: str


@dataclass(frozen=True, slots=True)
class PastCall:
    """A tool call with its result."""

    name: str
    arguments: dict[str, Any]
    result: str


PastItem = PastText | PastCall


@dataclass(frozen=True, slots=True)
class Step:
    """An item and the place, in the sequence of events, of the event it comes from."""

    item: PastItem
    position: int


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is told. own: identity (hex) of the person of this device; agent: the name of the agent.

    related: what other sessions came to, by their ids. children: ids of the sessions that calls started, by call id.
    """

    own: str = ""
    agent: str = ""
    related: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transcript:
    """Events as turns, each of which begins with a prompt. start: place of the first event that is told as it is.

    summary: stands for what was before; covered: the compaction that has it.
    """

    turns: Sequence[Sequence[Step]]
    start: int = 0
    covered: Compaction | None = None
    summary: str = ""


def transcript(events: Sequence[PastEvent], reader: Reader) -> Transcript:
    """What a model is told of the events."""
    place, start = _covering(events)
    covered = events[place].body if place is not None else None
    assert covered is None or isinstance(covered, Compaction)
    telling = _Telling(events[start:], reader)
    turns: list[list[Step]] = [[]]
    for position in range(start, len(events)):
        event = events[position]
        if isinstance(event.body, UserMessage):
            turns.append([])
        item = telling.item(event)
        if item is not None:
            turns[-1].append(Step(item, position))
    summary = "" if place is None or covered is None else _labelled_summary(events[place], covered, reader)
    return Transcript([turn for turn in turns if turn], start, covered, summary)


def _covering(events: Sequence[PastEvent]) -> tuple[int | None, int]:
    """(place of the compaction that covers most, place of the first event it does not cover)."""
    places = {event.id: position for position, event in enumerate(events) if event.id}
    found, start = None, 0
    for position, event in enumerate(events):
        if not isinstance(event.body, Compaction) or event.body.last is None:
            continue
        # The first of a sequence stands for events that were not even read.
        covered = places.get(event.body.last, -1 if position == 0 else position)
        if covered < position and covered + 1 >= start:
            found, start = position, covered + 1
    return found, start


def _labelled_summary(event: PastEvent, body: Compaction, reader: Reader) -> str:
    author = event.author
    if author is None or (author.identity == reader.own and not author.claimed):
        return body.text
    return f"[This summary was written by {author.agent or 'someone'} for {author.name}.]\n{body.text}"


class _Telling:
    """Tells events one by one; knows their results."""

    def __init__(self, events: Sequence[PastEvent], reader: Reader) -> None:
        self._reader = reader
        self._results: dict[str, deque[ToolResult]] = defaultdict(deque)
        self._calls: set[str] = set()
        for event in events:
            if isinstance(event.body, ToolResult):
                self._results[event.body.call_id].append(event.body)
            elif isinstance(event.body, ToolCall):
                self._calls.add(event.body.call_id)

    def item(self, event: PastEvent) -> PastItem | None:
        """The event as an item; None for what says nothing to a model."""
        match event.body:
            case UserMessage() as body:
                return self._prompt(event, body.text + _attached(body.attachments))
            case AgentMessage() as body:
                text = body.text + _attached(body.attachments)
                return (
                    self._answer(event, text + (_BROKEN_OFF if body.interrupted else "")) if body.text.strip() else None
                )
            case ToolCall() as body:
                return self._call(event, body)
        note = self._note(event)
        return PastText(True, note) if note else None

    def _prompt(self, event: PastEvent, text: str) -> PastText:
        author = event.author
        if author is None or self._is_own(event):
            return PastText(True, text)
        return PastText(True, f"[{author.name} wrote:]\n{text}")

    def _answer(self, event: PastEvent, text: str) -> PastText:
        if self._is_self(event):
            return PastText(False, text)
        return PastText(True, f"[{self._speaker(event)} said:]\n{text}")

    def _call(self, event: PastEvent, body: ToolCall) -> PastItem:
        waiting = self._results[body.call_id]
        result = (waiting.popleft().output if waiting else _INTERRUPTED) or "(nothing)"
        for child in self._reader.children.get(body.call_id, ()):
            came_to = self._reader.related.get(child, "")
            if came_to and came_to not in result:
                result += f"\n[It came to:]\n{came_to}"
        if self._is_self(event) and event.source is None:
            return PastCall(_tool_name(body.name), _arguments(body.input), result)
        arguments = "" if body.input in (None, {}) else " " + _json(body.input)
        return PastText(True, f"[{self._speaker(event)} used {body.name}{arguments}:]\n{result}")

    def _note(self, event: PastEvent) -> str:
        match event.body:
            case Notice(text=text, level=level) if event.source is None or level != "info":
                return f"[Notice:]\n{text[:_NOTE_CHARACTERS]}"
            case Compaction(text=text, last=None):
                return f"[Summary of what was before, by {self._speaker(event)}:]\n{text}"
            case Suggestion(text=text):
                return f"[{self._person(event)} suggested, which nobody has accepted:]\n{text}"
            case Verification() as body:
                return f"[Check '{body.what}' {'passed' if body.passed else 'failed'}.]\n{body.evidence}"
            case Conclusion() as body:
                return f"[The task ended, {body.outcome}:]\n{body.text}"
            case Reference() as body:
                return f"[This refers to session {body.target}.]\n{body.text}"
            case MemoryGiven(facts=facts):
                told = "\n".join(f"- {told_fact(fact)}" for fact in facts)
                return f"[Given to {self._speaker(event)} from the memory of the workspace, as context:]\n{told}"
            case FileChange(call_id=None) as body:
                who = {"person": self._person(event), "command": "A command"}.get(body.cause, self._speaker(event))
                return f"[{who} changed {body.path}, lines +{body.added} -{body.removed}.]\n{_short(body.diff)}"
            case Command() as body if body.call_id not in self._calls:
                return f"[{self._speaker(event)} ran a command:]\n{body.command}"
            case CommandResult() as body if body.call_id not in self._calls:
                ending = body.signal or f"exit code {body.exit_code}"
                return f"[It ended with {ending}.]\n{_short(body.stdout + body.stderr)}"
        return ""

    def _is_own(self, event: PastEvent) -> bool:
        author = event.author
        return author is None or (author.identity == self._reader.own and not author.claimed)

    def _is_self(self, event: PastEvent) -> bool:
        return event.author is None or (self._is_own(event) and event.author.agent == self._reader.agent)

    def _person(self, event: PastEvent) -> str:
        return "The user" if event.author is None or self._is_own(event) else event.author.name

    def _speaker(self, event: PastEvent) -> str:
        if event.author is None or event.author.agent is None:
            return self._person(event)
        agent = f"The agent {event.author.agent}"
        return agent if self._is_own(event) else f"{agent} of {event.author.name}"


def model_messages(items: Sequence[PastItem], *, with_tools: bool) -> list[ModelMessage]:
    """The items as messages. Without tools on offer, calls are told as text: some providers refuse them otherwise."""
    from pydantic_ai.messages import (
        ModelRequest,
        ModelResponse,
        TextPart,
        ToolCallPart,
        ToolReturnPart,
        UserPromptPart,
    )

    messages: list[ModelMessage] = []
    for number, item in enumerate(items):
        match item:
            case PastText(by_person=True, text=text):
                messages.append(ModelRequest(parts=[UserPromptPart(text)]))
            case PastText(text=text):
                messages.append(ModelResponse(parts=[TextPart(text)]))
            case PastCall(name=name, arguments=arguments, result=result) if with_tools:
                call_id = f"past_{number}"
                messages.append(ModelResponse(parts=[ToolCallPart(name, arguments, call_id)]))
                messages.append(ModelRequest(parts=[ToolReturnPart(name, result, call_id)]))
            case PastCall():
                messages.append(ModelResponse(parts=[TextPart(f"(Used {item.name}: {item.result})")]))
    return messages


def cut_middle(text: str, limit: int) -> str:
    """The text, or its beginning and end when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = max(1, (limit - len(_CUT)) // 2)
    return text[:half] + _CUT + text[-half:]


def _short(text: str) -> str:
    return cut_middle(text, _NOTE_CHARACTERS)


def _attached(attachments: Sequence[BlobRef]) -> str:
    names = ", ".join(ref.name or ref.blob[:12] for ref in attachments)
    return f"\n[Attached: {names}]" if names else ""


def _tool_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "tool"


def _arguments(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {str(key): inner for key, inner in value.items()}
    return {} if value is None else {"value": value}


def _json(value: Any) -> str:
    return cut_middle(json.dumps(value, ensure_ascii=False, default=str), _ARGUMENT_CHARACTERS)
