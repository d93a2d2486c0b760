"""One message of Goose as events."""

from __future__ import annotations

from typing import Any, Protocol

from app.importers.goose.tools import call_bodies, result_bodies
from app.importers.values import as_dict, as_name, as_text, first_line
from app.sessions.events import AgentMessage, AgentThought, Body, Compaction, Notice, UserMessage


class Calls(Protocol):
    """The calls whose results have not come."""

    calls: Any

    def begin(self, call_id: str, name: str, given: dict[str, Any]) -> None: ...


def bodies_of(message: dict[str, Any], metadata: dict[str, Any], calls: Calls, root: str | None) -> list[Body]:
    """The events of a message. root: paths inside it become relative."""
    is_person = message.get("role") == "user"
    inference = as_dict(metadata.get("inference"))
    model = as_name(inference.get("resolvedModel")) or as_name(inference.get("requestedModel"))
    is_hidden = metadata.get("userVisible") is False
    content = message.get("content")
    if not isinstance(content, list):
        return [Notice(text="A message without content", data=content)]
    bodies: list[Body] = []
    for block in content:
        bodies.extend(_block(as_dict(block) or {"value": block}, is_person, is_hidden, model, calls, root))
    return bodies


def _block(
    block: dict[str, Any], is_person: bool, is_hidden: bool, model: str | None, calls: Calls, root: str | None
) -> list[Body]:
    kind = as_text(block.get("type"))
    text = as_text(block.get("text"))
    if kind == "text" and isinstance(block.get("text"), str):
        return _text(text, is_person, is_hidden, model)
    if kind == "thinking" and as_text(block.get("thinking")):
        return [AgentThought(text=block["thinking"])]
    if kind in ("toolRequest", "frontendToolRequest"):
        return _request(block, calls, root)
    if kind == "toolResponse":
        call_id = as_text(block.get("id"))
        name, given = calls.calls.pop(call_id, ("", {}))
        return result_bodies(call_id, as_dict(block.get("toolResult")), name, given, root)
    if kind == "systemNotification":
        return [Notice(text=as_text(block.get("msg")) or "A notification", data=block)]
    if kind in ("contextLengthExceeded", "summarizationRequested"):
        return [Notice(text=as_text(block.get("msg")) or kind, level="warning")]
    if kind == "conversationCompacted":
        return [Compaction(text=as_text(block.get("msg")) or "The conversation was made shorter.")]
    return [Notice(text=f"Content: {first_line(kind) or 'unknown'}", data=block)]


def _text(text: str, is_person: bool, is_hidden: bool, model: str | None) -> list[Body]:
    if not text.strip():
        return []
    if is_hidden:
        return [Notice(text=text)]
    return [UserMessage(text=text)] if is_person else [AgentMessage(text=text, model=model)]


def _request(block: dict[str, Any], calls: Calls, root: str | None) -> list[Body]:
    call = as_dict(block.get("toolCall"))
    value = as_dict(call.get("value")) or as_dict(call.get("Ok")) or call
    call_id, name = as_text(block.get("id")), as_text(value.get("name"))
    if not name:
        told = as_text(call.get("error")) or "A call that could not be read"
        return [Notice(text=told, level="warning", data=block)]
    given = as_dict(value.get("arguments"))
    calls.begin(call_id, name, given)
    return call_bodies(call_id, name, value.get("arguments"), root)
