"""Transcripts as one stream of sessions: a file is one session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from app.importers.cursor.tools import call_bodies, result_bodies
from app.importers.drafts import Item
from app.importers.lines import Record, read_lines
from app.importers.telling import PROMPT_RANK, Head, OpenFile, Session, SessionReader
from app.importers.values import as_dict, as_list, as_name, as_text, first_line, turn_id
from app.sessions.events import AgentMessage, AgentThought, Body, Notice, UserMessage

_ROLES = ("user", "assistant")
_BLOCKS = frozenset({"text", "tool_use", "tool_call", "tool_result", "thinking", "image"})
_MOST_LINES = 16
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_TIME = re.compile(
    r"\s*<timestamp>\s*(?:\w{3,9}, )?(\w{3} \d{1,2}, \d{4}, \d{1,2}:\d{2} [AP]M)(?: \(UTC([^)]{0,8})\))?"
)
_ZONE = re.compile(r"([+-])(\d{1,2})(?::?(\d{2}))?")
_QUERY = re.compile(r"<user_query>\s*(.*?)\s*</user_query>", re.DOTALL)
_FOLDER = re.compile(r"^Workspace Path: ([^\n]{1,4096})$", re.MULTILINE)

_encode = msgspec.json.Encoder().encode


def recognise(fields: dict[str, Any]) -> bool:
    """Whether a line with these fields belongs to a transcript of Cursor."""
    message = fields.get("message")
    if fields.get("role") not in _ROLES or not isinstance(message, dict):
        return False
    if fields.keys() & {"uuid", "sessionId", "type", "payload", "id", "created"} or "role" in message:
        return False
    content = message.get("content")
    if isinstance(content, list):
        return bool(content) and all(isinstance(one, dict) and one.get("type") in _BLOCKS for one in content)
    return isinstance(content, str)


@dataclass(slots=True)
class State:
    """What is remembered of a session. call: the newest call."""

    call: str = ""


class Reader(SessionReader[State]):
    """Reads transcripts; conversations before the sub-agents that they start."""

    agent = "cursor"
    states = (State,)

    def __init__(self) -> None:
        super().__init__(State)

    def head(self, path: Path) -> Head:
        first, lines = b"", 0
        for record in islice(read_lines(path), _MOST_LINES):
            lines += 1
            if isinstance(record, Record) and not first:
                first = _encode(record.fields)
        name = path.stem.lower()
        if _UUID.fullmatch(name) is None:
            name = "unnamed-" + blake2b(first, digest_size=8).hexdigest()
        is_part = path.parent.name == "subagents"
        return Head(path, rank="1" if is_part else "0", session=name, is_final=bool(first) or lines == _MOST_LINES)

    def take(self, file: OpenFile, record: Record) -> Iterator[Item]:
        session = self.session(file, file.head.session)
        if file.head.rank == "1" and session.parent is None:
            session.type, session.parent = "agent", (file.head.path.parent.parent.name.lower(), None)
        fields, name = record.fields, f"{record.number}"
        if fields.get("role") == "user":
            yield from self._prompt(file, session, record)
            return
        if fields.get("role") == "assistant":
            bodies = list(self._answer(session, fields, name))
        else:
            bodies = _other(fields)
        yield from self.tell(file, session, name, bodies, size=record.size)

    def _prompt(self, file: OpenFile, session: Session[State], record: Record) -> Iterator[Item]:
        blocks = _blocks(record.fields)
        text = "\n".join(as_text(block.get("text")) for block in blocks if _is_text(block))
        time = _time_of(text)
        folder = _FOLDER.search(text)
        session.cwd = session.cwd or (folder[1].strip() if folder else None)
        results = [
            body
            for block in blocks
            if block.get("type") == "tool_result"
            for body in result_bodies(block, session.state.call)
        ]
        others: list[Body] = [
            _unknown(block) for block in blocks if not _is_text(block) and block.get("type") != "tool_result"
        ]
        asked = _QUERY.findall(text)
        prompt = "\n\n".join(one for one in asked if one) if asked else text.strip()
        if prompt or (others and not results):
            prompt = prompt or "[image]"
            session.turn = turn_id(f"{session.name}/{record.number}")
            session.set_title(first_line(prompt), PROMPT_RANK)
            around = _QUERY.sub("", text).strip() if asked else ""
            if around and not _is_only_time(around):
                others.insert(0, Notice(text=around))
            others.append(UserMessage(text=prompt))
        by_person = session.type == "interactive" and not results
        yield from self.tell(
            file, session, f"{record.number}", [*results, *others], size=record.size, time=time, by_person=by_person
        )

    def _answer(self, session: Session[State], fields: dict[str, Any], name: str) -> Iterator[Body]:
        for number, block in enumerate(_blocks(fields)):
            kind = block.get("type")
            if kind in ("tool_use", "tool_call"):
                session.state.call = as_name(block.get("id")) or f"{name}-{number}"
                yield from call_bodies(block, session.state.call, session.cwd)
            elif kind == "tool_result":
                yield from result_bodies(block, session.state.call)
            elif kind == "thinking" and as_text(block.get("thinking")):
                yield AgentThought(text=block["thinking"])
            elif not _is_text(block):
                yield _unknown(block)
            elif block["text"].strip():
                yield AgentMessage(text=block["text"])


def _blocks(fields: dict[str, Any]) -> list[dict[str, Any]]:
    content = as_dict(fields.get("message")).get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block if isinstance(block, dict) else {"type": "unknown", "value": block} for block in as_list(content)]


def _is_text(block: dict[str, Any]) -> bool:
    return block.get("type") == "text" and isinstance(block.get("text"), str)


def _unknown(block: dict[str, Any]) -> Notice:
    return Notice(text=f"Content: {first_line(as_text(block.get('type'))) or 'unknown'}", data=block)


def _other(fields: dict[str, Any]) -> list[Body]:
    kind = as_text(fields.get("type"))
    if kind == "turn_ended":
        status = as_text(fields.get("status"))
        if status == "success":
            return []
        told = as_text(fields.get("error")) or first_line(status) or "unknown"
        return [Notice(text=f"The turn ended: {told}", level="error" if status == "error" else "warning")]
    return [Notice(text=f"Record: {first_line(kind)}" if kind else "Unknown record", data=fields)]


def _time_of(text: str) -> int | None:
    """Milliseconds of the `<timestamp>` that a prompt begins with."""
    found = _TIME.match(text)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[1], "%b %d, %Y, %I:%M %p").replace(tzinfo=_zone(found[2] or ""))
        return max(round(moment.timestamp() * 1000), 0)
    except (ValueError, OverflowError):
        return None


def _zone(text: str) -> timezone:
    found = _ZONE.fullmatch(text.strip())
    if found is None:
        return UTC
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(offset if found[1] == "+" else -offset)


def _is_only_time(text: str) -> bool:
    return text.startswith("<timestamp>") and text.endswith("</timestamp>") and text.count("<timestamp>") == 1
