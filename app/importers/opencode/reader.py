"""Objects of opencode as one stream of sessions. Events are named by the parts they come from."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from app.importers.containers import container_of, read_records
from app.importers.drafts import Item
from app.importers.lines import Record
from app.importers.opencode.parts import Speaker, bodies_of, called, came_of, error_of, unfinished_bodies
from app.importers.opencode.records import ended_at, is_finished, kind_of, started_at, time_of
from app.importers.telling import PROMPT_RANK, TITLE_RANK, Head, OpenFile, Session, SessionReader
from app.importers.values import as_dict, as_name, as_text, first_line, turn_id
from app.sessions.events import Notice, UserMessage

_MOST_MESSAGES = 512
_MOST_WAITING = 64
_MOST_STARTS = 10_000
_UNTITLED = ("New session - ", "Child session - ")


@dataclass(slots=True)
class State:
    """What is remembered of a session. messages: the newest ones. waiting: parts that are not finished, by id."""

    messages: OrderedDict[str, Speaker] = field(default_factory=OrderedDict)
    waiting: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)


class Reader(SessionReader[State]):
    """Reads databases, and the files of a tree: sessions first, each message before its parts."""

    agent = "opencode"
    keeps_sessions = True
    states = (State, Speaker)

    def __init__(self) -> None:
        super().__init__(State)
        self._starts: OrderedDict[str, str] = OrderedDict()

    def head(self, path: Path) -> Head:
        try:
            if container_of(path) == "tables":
                return Head(path)
        except OSError:
            return Head(path)
        for record in islice(read_records(path), 1):
            if isinstance(record, Record) and (kind := kind_of(record.fields)):
                return _head_of(path, kind, record.fields)
        return Head(path)

    def take(self, file: OpenFile, record: Record) -> Iterator[Item]:
        fields = record.fields
        kind = kind_of(fields)
        if kind == "session":
            self._session(file, fields)
        elif kind == "message":
            yield from self._message(file, fields, record.size)
        elif kind == "part":
            yield from self._part(file, fields, record.size)
        elif name := as_name(fields.get("sessionID")) or file.current:
            session = self.session(file, name)
            told = as_name(fields.get("id")) or f"row-{record.number}"
            yield from self.tell(file, session, told, [Notice(text="Unknown record", data=fields)], size=record.size)

    def close(self, file: OpenFile, session: Session[State]) -> Iterator[Item]:
        while session.state.waiting:
            name, fields = session.state.waiting.popitem(last=False)
            speaker = session.state.messages.get(as_text(fields.get("messageID"))) or Speaker("assistant")
            session.turn = speaker.turn
            bodies = unfinished_bodies(fields, speaker, session.cwd)
            yield from self.tell(file, session, name, bodies, time=started_at(fields, speaker.time))

    def _session(self, file: OpenFile, fields: dict[str, Any]) -> None:
        session = self.session(file, fields["id"])
        session.time = session.time or time_of(fields, "created") or 0
        session.cwd = session.cwd or as_name(fields.get("directory"))
        if parent := as_name(fields.get("parentID")):
            session.type = "agent"
            session.parent = parent, None
        title = as_text(fields.get("title"))
        if not title.startswith(_UNTITLED):
            session.set_title(title, TITLE_RANK)

    def _message(self, file: OpenFile, fields: dict[str, Any], size: int) -> Iterator[Item]:
        session = self.session(file, fields["sessionID"])
        name = fields["id"]
        speaker = _speaker_of(fields)
        session.state.messages[name] = speaker
        session.state.messages.move_to_end(name)
        if len(session.state.messages) > _MOST_MESSAGES:
            session.state.messages.popitem(last=False)
        session.cwd = session.cwd or speaker.cwd
        if fields.get("error") is not None:
            session.turn = speaker.turn
            moment = time_of(fields, "completed", "created")
            yield from self.tell(file, session, f"{name}/error", [error_of(fields["error"])], size=size, time=moment)

    def _part(self, file: OpenFile, fields: dict[str, Any], size: int) -> Iterator[Item]:
        session = self.session(file, fields["sessionID"])
        name, speaker = fields["id"], session.state.messages.get(fields["messageID"]) or Speaker("assistant")
        _note_waiting(session.state.waiting, fields)
        if session.parent is not None and session.announced is None:
            session.parent = session.parent[0], self._starts.get(session.name)
        session.turn = speaker.turn
        start, end = started_at(fields, speaker.time), ended_at(fields, speaker.time)
        if fields.get("type") == "tool":
            self._note_start(fields)
            yield from self.tell(file, session, name, called(fields, speaker, session.cwd), size=size, time=start)
            yield from self.tell(file, session, f"{name}/result", came_of(fields, session.cwd), time=end)
            return
        bodies = bodies_of(fields, speaker, session.cwd)
        prompts = [body.text for body in bodies if isinstance(body, UserMessage)]
        for prompt in prompts:
            session.set_title(first_line(prompt), PROMPT_RANK)
        by_person = bool(prompts) and session.type == "interactive"
        yield from self.tell(file, session, name, bodies, size=size, time=end, by_person=by_person)

    def _note_start(self, fields: dict[str, Any]) -> None:
        """Which call began a sub-session."""
        metadata = as_dict(as_dict(fields.get("state")).get("metadata"))
        child = as_name(metadata.get("sessionId")) or as_name(metadata.get("sessionID"))
        if child and (call := as_name(fields.get("callID"))):
            self._starts[child] = call
            if len(self._starts) > _MOST_STARTS:
                self._starts.popitem(last=False)


def _note_waiting(waiting: OrderedDict[str, dict[str, Any]], fields: dict[str, Any]) -> None:
    waiting.pop(fields["id"], None)
    if not is_finished("part", fields):
        waiting[fields["id"]] = fields
        if len(waiting) > _MOST_WAITING:
            waiting.popitem(last=False)


def _speaker_of(fields: dict[str, Any]) -> Speaker:
    role: Literal["user", "assistant"] = "user" if fields.get("role") == "user" else "assistant"
    prompt = fields["id"] if role == "user" else as_text(fields.get("parentID"))
    return Speaker(
        role=role,
        turn=turn_id(prompt) if prompt else None,
        time=time_of(fields, "created") or 0,
        model=as_name(fields.get("modelID")),
        cwd=as_name(as_dict(fields.get("path")).get("cwd")),
        is_summary=fields.get("summary") is True,
    )


def _head_of(path: Path, kind: str, fields: dict[str, Any]) -> Head:
    """Sessions by time; then messages by their ids, which ascend with time, and the parts of each behind it."""
    if kind == "session":
        return Head(path, rank=f"0{time_of(fields, 'created') or 0:015}", session=fields["id"])
    name = fields["id"] if kind == "message" else f"{fields['messageID']}/{fields['id']}"
    return Head(path, rank=f"1{name}", session=fields["sessionID"])
