"""One message of a chat as events, in pieces that have names of their own: a message grows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from app.importers.gemini.tools import call_bodies, result_bodies, result_of_response
from app.importers.values import as_count, as_dict, as_list, as_milliseconds, as_name, as_text, first_line
from app.sessions.events import AgentMessage, AgentThought, Body, Compaction, Notice, Usage, UserMessage

Level = Literal["info", "warning", "error"]

_LEVELS: dict[str, Level] = {"info": "info", "warning": "warning", "error": "error"}
_ASIDE = ("<session_context>", "This is the Gemini CLI.", "<hook_context>", "<ide_context>", "System: ")
_SUMMARY = ("<state_snapshot>", "<scratchpad>")
_FOLDER = re.compile(r"Workspace Directories:\*\*\s*\n\s*- (/[^\n]{1,4096}|[A-Za-z]:\\[^\n]{1,4096})")
_OLD_FOLDER = re.compile(r"working(?: in the)? directory(?: is)?:? (/[^\n]{1,4096}|[A-Za-z]:\\[^\n]{1,4096})")
_LOOK = 20_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Events with one name. call, answers: the tool call that they are, or are the result of.

    time: None: that of the message. prompt: what a person said.
    """

    name: str
    bodies: list[Body]
    call: str | None = None
    answers: str | None = None
    time: int | None = None
    prompt: str | None = None


def pieces_of(message: dict[str, Any], root: str | None) -> Iterator[Piece]:
    """The events of a message as it stands. root: paths inside it become relative."""
    kind = as_text(message.get("type"))
    if kind == "user":
        yield from _user(message)
    elif kind == "gemini":
        yield from _answer(message, root)
    else:
        text = _joined(_parts(message.get("content")))
        if kind in _LEVELS and text:
            yield Piece("text", [Notice(text=text, level=_LEVELS[kind])])
        else:
            rest = {key: value for key, value in message.items() if key not in ("id", "timestamp")}
            yield Piece("text", [Notice(text=f"Message: {first_line(kind) or 'unknown'}", data=rest)])


def folder_of(message: dict[str, Any]) -> str | None:
    """The folder of the project, which the program tells the model at the beginning."""
    text = _joined(_parts(message.get("content")))[:_LOOK]
    if not text.startswith(_ASIDE):
        return None
    found = _FOLDER.search(text) or _OLD_FOLDER.search(text)
    return found[1].strip() if found else None


def _parts(content: object) -> list[Any]:
    return content if isinstance(content, list) else [] if content is None else [content]


def _text(part: object) -> str:
    return part if isinstance(part, str) else as_text(as_dict(part).get("text"))


def _joined(parts: list[Any]) -> str:
    return "\n".join(text for part in parts if (text := _text(part)))


def _user(message: dict[str, Any]) -> Iterator[Piece]:
    parts = _parts(message.get("content"))
    text = _joined(parts)
    shown = _joined(_parts(message.get("displayContent")))
    others: list[Body] = []
    for number, part in enumerate(parts):
        response = as_dict(as_dict(part).get("functionResponse"))
        if response:
            yield Piece(f"response-{number}", *result_of_response(response))
        elif not _text(part) and part not in ("", {"text": ""}):
            others.append(_other(part))
    if text.startswith(_ASIDE) and not shown:
        yield Piece("text", [Notice(text=text), *others])
    elif text.lstrip().startswith(_SUMMARY):
        yield Piece("text", [Compaction(text=text), *others])
    elif shown and text and shown != text:
        yield Piece("text", [UserMessage(text=shown), Notice(text=text), *others], prompt=shown)
    elif text.strip() or (others and not text):
        prompt = text if text.strip() else "[attachment]"
        yield Piece("text", [*others, UserMessage(text=prompt)], prompt=prompt)


def _other(part: object) -> Notice:
    kind = next(iter(part), "unknown") if isinstance(part, dict) else "unknown"
    return Notice(text=f"Content: {first_line(str(kind)) or 'unknown'}", data=part)


def _answer(message: dict[str, Any], root: str | None) -> Iterator[Piece]:
    model = as_name(message.get("model"))
    for number, thought in enumerate(as_list(message.get("thoughts"))):
        fields = as_dict(thought)
        lines = [as_text(fields.get("subject")), as_text(fields.get("description"))]
        if text := "\n\n".join(line for line in lines if line):
            yield Piece(f"thought-{number}", [AgentThought(text=text)], time=as_milliseconds(fields.get("timestamp")))
    yield from _content(message, model, root)
    if usage := _usage(as_dict(message.get("tokens")), model):
        yield Piece("usage", [usage])
    for number, call in enumerate(as_list(message.get("toolCalls"))):
        yield from _call(as_dict(call), f"call-{number}", root)


def _content(message: dict[str, Any], model: str | None, root: str | None) -> Iterator[Piece]:
    bodies: list[Body] = []
    for number, part in enumerate(_parts(message.get("content"))):
        fields = as_dict(part)
        text = _text(part)
        if fields.get("thought") is True and text:
            bodies.append(AgentThought(text=text))
        elif text.strip():
            bodies.append(AgentMessage(text=text, model=model))
        elif call := as_dict(fields.get("functionCall")):
            yield Piece(f"content-{number}", call_bodies(call, root), call=as_text(call.get("id")))
        elif not text and part not in ("", {"text": ""}):
            bodies.append(_other(part))
    if bodies:
        yield Piece("text", bodies)


def _call(call: dict[str, Any], name: str, root: str | None) -> Iterator[Piece]:
    time = as_milliseconds(call.get("timestamp"))
    call_id = as_text(call.get("id"))
    yield Piece(name, call_bodies(call, root), call=call_id, time=time)
    if bodies := result_bodies(call, root):
        yield Piece(f"{name}/result", bodies, answers=call_id, time=time)


def _usage(tokens: dict[str, Any], model: str | None) -> Usage | None:
    if not tokens:
        return None
    cached = as_count(tokens.get("cached"))
    return Usage(
        input=max(as_count(tokens.get("input")) + as_count(tokens.get("tool")) - cached, 0),
        output=as_count(tokens.get("output")) + as_count(tokens.get("thoughts")),
        cache_read=cached,
        model=model,
    )
