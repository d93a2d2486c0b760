"""Rollout files as one stream of sessions. A rollout is one session; events are named by their lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from app.importers.codex.records import State, bodies_of
from app.importers.drafts import (
    POSITION_EVERY,
    Item,
    NewEvent,
    NewSession,
    Position,
    SetFields,
    Skipped,
)
from app.importers.lines import Record, read_lines
from app.importers.seen import Seen
from app.importers.values import as_dict, as_milliseconds, as_name, first_line, turn_id
from app.sessions.events import Body, Notice, UserMessage

AGENT = "codex"
_TYPES = frozenset({"session_meta", "turn_context", "response_item", "event_msg", "compacted"})
_BARE_TYPES = frozenset(
    {"message", "reasoning", "function_call", "function_call_output", "local_shell_call", "custom_tool_call"}
)
_MOST_LINES = 64

_encode = msgspec.json.Encoder().encode


def recognise(fields: dict[str, Any]) -> bool:
    """Whether a line with these fields belongs to a Codex rollout."""
    kind = fields.get("type")
    if isinstance(kind, str):
        if kind in _TYPES:
            return isinstance(fields.get("payload"), dict)
        return kind in _BARE_TYPES and "sessionId" not in fields and ("role" in fields or "call_id" in fields)
    return _is_bare_head(fields)


def _is_bare_head(fields: dict[str, Any]) -> bool:
    return "type" not in fields and {"id", "timestamp", "instructions"} <= fields.keys()


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a rollout. session: its id; derived from the first line where that is lost."""

    path: Path
    session: str
    time: int
    meta: dict[str, Any]


@dataclass(slots=True)
class Session:
    """What is remembered of a session. seen: the lines that were read, since a rollout may be there twice."""

    name: str
    announced: bool = False
    started: int = 0
    title_told: str | None = None
    seen: Seen = field(default_factory=Seen)


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """The items of these rollouts, by time. Never raises on content."""
    sessions: dict[str, Session] = {}
    heads = [head for path in paths if (head := _head_of(path))]
    for head in sorted(heads, key=lambda head: (head.time, str(head.path))):
        session = sessions.setdefault(head.session, Session(head.session))
        yield from _read_file(head, session)


def _head_of(path: Path) -> Head:
    first = b""
    time, meta = 0, dict[str, Any]()
    for line in islice(read_lines(path), _MOST_LINES):
        if isinstance(line, Skipped):
            continue
        first = first or _encode(line.fields)
        payload = as_dict(line.fields.get("payload")) if "payload" in line.fields else line.fields
        time = time or as_milliseconds(line.fields.get("timestamp")) or 0
        if line.fields.get("type") == "session_meta" or _is_bare_head(line.fields):
            meta = payload
            break
    name = as_name(meta.get("id")) or as_name(meta.get("session_id"))
    return Head(path, name or "unnamed-" + blake2b(first, digest_size=8).hexdigest(), time, meta)


def _read_file(head: Head, session: Session) -> Iterator[Item]:
    """The items of one file, told from the file alone: the same whether or not others were read before it."""
    state = State(cwd=as_name(head.meta.get("cwd")))
    state.calls.root = state.cwd
    turn: str | None = None
    time, offset = head.time, 0
    for line in read_lines(head.path):
        if isinstance(line, Skipped):
            yield line
            continue
        offset += line.size
        if line.number % POSITION_EVERY == 0:
            yield Position(head.path, offset)
        time = as_milliseconds(line.fields.get("timestamp")) or time
        bodies = _bodies(line, state)
        state.calls.root = state.calls.root or state.cwd
        prompted = any(isinstance(body, UserMessage) for body in bodies)
        if prompted:
            turn = turn_id(f"{head.session}/{line.number}")
        if not bodies or _repeated(session.seen, line.number, bodies):
            continue
        if not session.announced:
            yield _announce(head, session, state, time)
        yield from _events(head.session, line, bodies, time, turn)
    yield from _close(session, state)


def _bodies(line: Record, state: State) -> list[Body]:
    fields = line.fields
    kind = as_name(fields.get("type"))
    if kind and isinstance(fields.get("payload"), dict):
        bodies = [] if kind == "session_meta" else bodies_of(kind, fields["payload"], state, line.number)
    elif kind in _BARE_TYPES:
        bodies = bodies_of("response_item", fields, state, line.number)
    elif _is_bare_head(fields) or "record_type" in fields:
        bodies = []
    else:
        bodies = [Notice(text=f"Record: {first_line(kind)}" if kind else "Unknown record", data=fields)]
    if line.replaced:
        bodies.append(Notice(text="Some characters of the last record were not valid text.", level="warning"))
    return bodies


def _repeated(seen: Seen, line: int, bodies: list[Body]) -> bool:
    """Whether the same line of the same session said the same before; remembers it."""
    fingerprint = hash(_encode(bodies))
    name = f"{line} {fingerprint}"
    if seen.find(name) is not None:
        return True
    seen.add(name, fingerprint)
    return False


def _announce(head: Head, session: Session, state: State, time: int) -> NewSession:
    session.announced, session.started = True, head.time or time
    session.title_told = state.title or (first_line(state.prompt) if state.prompt else None)
    parent = _parent(head.meta)
    return NewSession(
        source=head.session,
        time=session.started,
        title=session.title_told,
        agent=AGENT,
        cwd=state.cwd,
        type="agent" if parent else "interactive",
        parent=(parent, None) if parent else None,
    )


def _parent(meta: dict[str, Any]) -> str | None:
    """The session that started this one as a sub-agent."""
    spawned = as_dict(as_dict(as_dict(meta.get("source")).get("subagent")).get("thread_spawn"))
    return as_name(spawned.get("parent_thread_id")) or as_name(meta.get("parent_thread_id"))


def _events(session: str, line: Record, bodies: list[Body], time: int, turn: str | None) -> Iterator[NewEvent]:
    for number, body in enumerate(bodies):
        yield NewEvent(
            session=session,
            source=f"{line.number}/{number}",
            body=body,
            time=time,
            turn=turn,
            agent=None if isinstance(body, UserMessage) else AGENT,
            size=line.size if number == 0 else 0,
        )


def _close(session: Session, state: State) -> Iterator[Item]:
    title = state.title or (None if session.title_told else first_line(state.prompt or ""))
    if session.announced and title and title != session.title_told:
        session.title_told = title
        yield SetFields(session=session.name, fields={"title": first_line(title, 120)}, time=session.started)
