"""Rollout files as one stream of sessions. A rollout is one session; events are named by their lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from app.importers.codex.records import State, bodies_of
from app.importers.codex.tools import Calls, OpenCall
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
from app.importers.seen import Seen, stable_hash
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
    """The beginning of a rollout. session: its id; derived from the first line where that is lost.

    is_final: more lines at the end of the file cannot change it.
    """

    path: Path
    session: str
    time: int
    meta: dict[str, Any]
    is_final: bool = True

    @property
    def order(self) -> tuple[bool, int, str]:
        """By time."""
        return False, self.time, str(self.path)


@dataclass(slots=True)
class Session:
    """What is remembered of a session. seen: the lines that were read, since a rollout may be there twice.

    announced: how it was told.
    """

    name: str
    announced: NewSession | None = None
    started: int = 0
    title_told: str | None = None
    seen: Seen = field(default_factory=Seen)


@dataclass(slots=True)
class OpenFile:
    """What is remembered of a rollout. time, turn: of its last line. offset: bytes read.

    is_recalled: what an earlier run remembered; its session is new to the stream.
    """

    head: Head
    session: Session
    state: State
    time: int
    turn: str | None = None
    offset: int = 0
    is_recalled: bool = False

    @property
    def sessions(self) -> Iterable[str]:
        return (self.session.name,)


class Reader:
    """Reads rollouts, by time. A file is told from itself alone: the same whether or not others were read before.

    See `reading.Reader`.
    """

    remembered = (OpenFile, Head, Session, State, Calls, OpenCall)

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def head(self, path: Path) -> Head:
        return _head_of(path)

    def open(self, head: Head) -> OpenFile:
        session = self._sessions.setdefault(head.session, Session(head.session))
        state = State(cwd=as_name(head.meta.get("cwd")))
        state.calls.root = state.cwd
        return OpenFile(head, session, state, head.time)

    def read(self, file: OpenFile, lines: Iterable[Record | Skipped]) -> Iterator[Item]:
        """The items of these lines, which follow those that were read of the file before."""
        head, session, state, time, turn, offset = (
            file.head,
            file.session,
            file.state,
            file.time,
            file.turn,
            file.offset,
        )
        for line in lines:
            if file.is_recalled:
                file.is_recalled = False
                yield from filter(None, [session.announced])
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
        file.time, file.turn, file.offset = time, turn, offset

    def settle(self, file: OpenFile, *, over: bool = True) -> Iterator[Item]:
        """What is known at the end of a file: its title."""
        return _close(file.session, file.state)

    def holds(self, file: OpenFile) -> bool:
        return self._sessions.get(file.session.name) is file.session

    def adopt(self, files: Sequence[OpenFile]) -> bool:
        sessions = {file.session.name: file.session for file in files}
        if self._sessions.keys() & sessions.keys():
            return False
        self._sessions.update(sessions)
        for file in files:
            file.is_recalled = True
        return True

    def forget(self, file: OpenFile) -> None:
        """The file and its session are not needed any more."""
        if self._sessions.get(file.session.name) is file.session:
            del self._sessions[file.session.name]

    def finish(self) -> Iterator[Item]:
        """Nothing is left to say."""
        return iter(())


def _head_of(path: Path) -> Head:
    first = b""
    time, meta, lines, found = 0, dict[str, Any](), 0, False
    for line in islice(read_lines(path), _MOST_LINES):
        lines += 1
        if isinstance(line, Skipped):
            continue
        first = first or _encode(line.fields)
        payload = as_dict(line.fields.get("payload")) if "payload" in line.fields else line.fields
        time = time or as_milliseconds(line.fields.get("timestamp")) or 0
        if line.fields.get("type") == "session_meta" or _is_bare_head(line.fields):
            meta, found = payload, True
            break
    name = as_name(meta.get("id")) or as_name(meta.get("session_id"))
    name = name or "unnamed-" + blake2b(first, digest_size=8).hexdigest()
    return Head(path, name, time, meta, is_final=found or lines == _MOST_LINES)


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
    fingerprint = stable_hash(_encode(bodies))
    name = f"{line} {fingerprint}"
    if seen.find(name) is not None:
        return True
    seen.add(name, fingerprint)
    return False


def _announce(head: Head, session: Session, state: State, time: int) -> NewSession:
    session.started = head.time or time
    session.title_told = state.title or (first_line(state.prompt) if state.prompt else None)
    parent = _parent(head.meta)
    session.announced = NewSession(
        source=head.session,
        time=session.started,
        title=session.title_told,
        agent=AGENT,
        cwd=state.cwd,
        type="agent" if parent else "interactive",
        parent=(parent, None) if parent else None,
    )
    return session.announced


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
