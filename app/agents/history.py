"""A session's events as the messages a language model is given.

The events are the only memory: what a model is told is made anew from them for each prompt, so a session goes on after
everything was closed, on another device, or with another model. A call whose result is missing gets one that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.sessions.events import AgentMessage, AnyBody, Compaction, Reference, ToolCall, ToolResult, UserMessage

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

_INTERRUPTED = "No result: the turn was interrupted."
_CUT = "\n… cut …\n"


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


def past_items(bodies: Iterable[AnyBody], budget: int) -> list[PastItem]:
    """What a model needs of earlier events, newest turns first to stay within `budget` characters.

    The oldest turns are left out; within the last turn, long texts lose their middle.
    """
    turns = _turns(list(bodies))
    taken: list[list[PastItem]] = []
    room = budget
    for turn in reversed(turns):
        size = sum(map(_size, turn))
        if size > room and taken:
            break
        taken.append(turn if size <= room else _shorten(turn, room))
        room -= size
    return [item for turn in reversed(taken) for item in turn]


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


def _turns(bodies: Sequence[AnyBody]) -> list[list[PastItem]]:
    results = {body.call_id: body.output for body in bodies if isinstance(body, ToolResult)}
    turns: list[list[PastItem]] = [[]]
    for body in bodies:
        match body:
            case UserMessage(text=text):
                turns.append([PastText(True, text)])
            case AgentMessage(text=text) if text.strip():
                turns[-1].append(PastText(False, text))
            case ToolCall(call_id=call_id):
                result = results.get(call_id, _INTERRUPTED) or "(nothing)"
                turns[-1].append(PastCall(_tool_name(body.name), _arguments(body.input), result))
            case Reference(text=text) if text:
                turns[-1].append(PastText(True, text))
            case Compaction(text=text):
                turns = [[PastText(True, f"What happened before, in short:\n{text}")]]
    return [turn for turn in turns if turn]


def _tool_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "tool"


def _arguments(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {str(key): inner for key, inner in value.items()}
    return {} if value is None else {"value": value}


def _size(item: PastItem) -> int:
    if isinstance(item, PastText):
        return len(item.text) + 20
    return len(item.result) + len(str(item.arguments)) + 60


def _shorten(turn: Sequence[PastItem], room: int) -> list[PastItem]:
    """Every text of the turn loses its middle until an equal share of the room is left."""
    share = max(200, room // max(1, len(turn)))
    short: list[PastItem] = []
    for item in turn:
        if isinstance(item, PastText):
            short.append(PastText(item.by_person, cut_middle(item.text, share)))
            continue
        arguments = item.arguments
        if len(str(arguments)) > share // 2:
            arguments = {key: cut_middle(str(value), share // 2) for key, value in arguments.items()}
        short.append(PastCall(item.name, arguments, cut_middle(item.result, share // 2)))
    return short


def cut_middle(text: str, limit: int) -> str:
    """The text, or its beginning and end when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = max(1, (limit - len(_CUT)) // 2)
    return text[:half] + _CUT + text[-half:]
