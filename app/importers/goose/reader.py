"""Sessions of Goose as one stream. Events are named by what their messages say: those are numbered anew at times."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from app.importers.containers import container_of
from app.importers.drafts import Item
from app.importers.goose.messages import bodies_of
from app.importers.lines import Record, read_lines
from app.importers.telling import PROMPT_RANK, TITLE_RANK, Head, OpenFile, Session, SessionReader
from app.importers.values import as_dict, as_int, as_milliseconds, as_name, as_text, first_line, turn_id
from app.sessions.events import Notice, UserMessage

_MOST_LINES = 4
_NAME = re.compile(r"\d{8}_\d{1,6}")
_IN_SECONDS = 100_000_000_000
_ROLES = ("user", "assistant")
_UNTITLED = frozenset({"CLI Session", "New Chat", "New session", "ACP Session"})
_MOST_CALLS = 256

_encode = msgspec.json.Encoder().encode


def recognise(fields: dict[str, Any]) -> bool:
    """Whether a line with these fields belongs to a file of Goose."""
    if fields.get("role") in _ROLES:
        return as_int(fields.get("created")) is not None and isinstance(fields.get("content"), list)
    return _is_description(fields)


def _is_description(fields: dict[str, Any]) -> bool:
    return as_name(fields.get("working_dir")) is not None and {"description", "message_count"} <= fields.keys()


@dataclass(slots=True)
class State:
    """What is remembered of a session. calls: the arguments of calls without a result yet, by id."""

    calls: OrderedDict[str, tuple[str, dict[str, Any]]] = field(default_factory=OrderedDict)

    def begin(self, call_id: str, name: str, given: dict[str, Any]) -> None:
        """Remembers a call until its result."""
        self.calls[call_id] = name, given
        if len(self.calls) > _MOST_CALLS:
            self.calls.popitem(last=False)


class Reader(SessionReader[State]):
    """Reads databases and files."""

    agent = "goose"
    states = (State,)

    def __init__(self) -> None:
        super().__init__(State)

    def head(self, path: Path) -> Head:
        try:
            if container_of(path) == "tables":
                return Head(path)
        except OSError:
            return Head(path)
        first, time = b"", 0
        for record in islice(read_lines(path), _MOST_LINES):
            if isinstance(record, Record):
                first = first or _encode(record.fields)
                time = time or _moment(record.fields.get("created")) or 0
        name = path.stem if _NAME.fullmatch(path.stem) else "unnamed-" + blake2b(first, digest_size=8).hexdigest()
        return Head(path, time, session=name, is_final=bool(first))

    def take(self, file: OpenFile, record: Record) -> Iterator[Item]:
        fields = record.fields
        table = fields.get("table")
        if table == "sessions" or (table is None and _is_description(fields)):
            self._describe(file, self.session(file, as_name(fields.get("id")) or file.head.session), fields)
            return
        session = self.session(file, as_name(fields.get("session")) or file.head.session)
        if fields.get("role") in _ROLES:
            yield from self._message(file, session, fields, record.size)
        else:
            notice = Notice(text="Unknown record", data=fields)
            yield from self.tell(file, session, f"line-{record.number}", [notice], size=record.size)

    def _describe(self, file: OpenFile, session: Session[State], fields: dict[str, Any]) -> None:
        session.cwd = session.cwd or as_name(fields.get("working_dir"))
        session.time = session.time or as_milliseconds(fields.get("created_at")) or file.head.time
        if as_text(fields.get("session_type")) in ("sub_agent", "scheduled", "hidden"):
            session.type = "agent"
        title = as_text(fields.get("name")) or as_text(fields.get("description"))
        if title not in _UNTITLED:
            session.set_title(title, TITLE_RANK)

    def _message(self, file: OpenFile, session: Session[State], fields: dict[str, Any], size: int) -> Iterator[Item]:
        said = (fields.get("role"), fields.get("created"), fields.get("content"))
        name = blake2b(_encode(said), digest_size=12).hexdigest()
        metadata = as_dict(fields.get("metadata"))
        bodies = bodies_of(fields, metadata, session.state, session.cwd)
        prompts = [body.text for body in bodies if isinstance(body, UserMessage)]
        if prompts:
            session.turn = turn_id(name)
            session.set_title(first_line(prompts[0]), PROMPT_RANK)
        by_person = bool(prompts) and session.type == "interactive"
        moment = _moment(fields.get("created"))
        yield from self.tell(file, session, name, bodies, size=size, time=moment, by_person=by_person)


def _moment(created: object) -> int | None:
    """Milliseconds of a number of seconds, or of milliseconds."""
    number = as_int(created)
    if number is None or number <= 0:
        return None
    return number * 1000 if number < _IN_SECONDS else min(number, 253_402_300_799_000)
