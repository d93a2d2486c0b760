"""Chats as one stream of sessions: a chat is its `sessionId`, and what comes after a rewind is a fork of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from app.importers.containers import container_of, read_records
from app.importers.drafts import Item, Skipped
from app.importers.gemini.messages import Piece, folder_of, pieces_of
from app.importers.lines import Record
from app.importers.telling import PROMPT_RANK, TITLE_RANK, Head, OpenFile, Session, SessionReader
from app.importers.values import as_dict, as_list, as_milliseconds, as_name, as_text, turn_id
from app.sessions.events import Notice

_MOST_LINES = 16
_MOST_MESSAGES = 4_096
_MOST_AGENTS = 1_000
_KNOWN = frozenset(
    "sessionId projectHash startTime lastUpdated kind summary directories messages memoryScratchpad "
    "activeExtensionName".split()
)
NO_MESSAGE = "The line is no message and no change of the chat."

_encode = msgspec.json.Encoder().encode


def recognise(fields: dict[str, Any]) -> bool:
    """Whether a line or object with these fields begins a chat."""
    return as_name(fields.get("sessionId")) is not None and as_name(fields.get("projectHash")) is not None


@dataclass(slots=True)
class State:
    """What is remembered of a chat. current: the name of the branch that goes on. root: of a branch, the chat's name.

    before: by the id of a message, its branch and the last event before it.
    """

    current: str = ""
    root: str = ""
    before: OrderedDict[str, tuple[str, str | None]] = field(default_factory=OrderedDict)


class Reader(SessionReader[State]):
    """Reads chats, by time."""

    agent = "gemini"
    states = (State,)

    def __init__(self) -> None:
        super().__init__(State)
        self._agents: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def head(self, path: Path) -> Head:
        first, lines = b"", 0
        for record in islice(read_records(path), _MOST_LINES):
            lines += 1
            if isinstance(record, Skipped):
                continue
            fields = record.fields
            first = first or _encode(fields)
            if recognise(fields):
                time = as_milliseconds(fields.get("startTime")) or 0
                rank = "1" if fields.get("kind") == "subagent" else "0"
                return Head(path, time, rank, fields["sessionId"])
        name = "unnamed-" + blake2b(first, digest_size=8).hexdigest()
        return Head(path, session=name, is_final=lines == _MOST_LINES or _is_document(path))

    def take(self, file: OpenFile, record: Record) -> Iterator[Item]:
        fields = record.fields
        if recognise(fields):
            session = self.session(file, fields["sessionId"])
            self._describe(file, session, fields)
            for message in as_list(fields.get("messages")):
                yield from self._message(file, session, as_dict(message), record.size)
            yield from self._unknown(file, session, fields, record)
            return
        session = self.session(file, self._root(file))
        change = fields.get("$set")
        if isinstance(change, dict):
            self._describe(file, session, change)
            for message in as_list(change.get("messages")):
                if not session.has_told(f"message {as_text(as_dict(message).get('id'))}"):
                    yield from self._message(file, session, as_dict(message), record.size)
            yield from self._unknown(file, session, change, record)
        elif as_name(fields.get("$rewindTo")):
            self._rewind(file, session, fields["$rewindTo"])
        elif as_name(fields.get("id")):
            yield from self._message(file, session, fields, record.size)
        else:
            notice = Notice(text="Unknown record", data=fields)
            yield from self.tell(file, self._branch(file, session), f"line-{record.number}", [notice], size=record.size)

    def _describe(self, file: OpenFile, session: Session[State], fields: dict[str, Any]) -> None:
        """What the first line, or a change of it, says of the chat."""
        session.time = session.time or as_milliseconds(fields.get("startTime")) or 0
        if summary := as_text(fields.get("summary")):
            session.set_title(summary, TITLE_RANK)
        folder = next((name for name in as_list(fields.get("directories")) if as_name(name)), None)
        session.cwd = session.cwd or folder
        for message in as_list(fields.get("messages"))[:2]:
            session.cwd = session.cwd or folder_of(as_dict(message))
        if fields.get("kind") == "subagent":
            session.type = "agent"
            above = file.head.path.parent.name
            parent = self._agents.get(session.name) or ((above, None) if above in self._sessions else None)
            session.parent = session.parent or parent

    def _unknown(
        self, file: OpenFile, session: Session[State], fields: dict[str, Any], record: Record
    ) -> Iterator[Item]:
        rest = {key: value for key, value in fields.items() if key not in _KNOWN}
        if rest:
            notice = Notice(text=f"Change of the chat: {', '.join(list(rest)[:10])}", data=rest)
            yield from self.tell(file, self._branch(file, session), f"line-{record.number}", [notice])

    def _branch(self, file: OpenFile, session: Session[State]) -> Session[State]:
        name = session.state.current or session.name
        return session if name == session.name else self.session(file, name)

    def _root(self, file: OpenFile) -> str:
        """The chat that the file is about."""
        current = file.touched.get(file.current)
        return (current.state.root or current.name) if current else file.head.session

    def _rewind(self, file: OpenFile, session: Session[State], message: str) -> None:
        """What comes now belongs to a fork, which begins before this message."""
        origin = session.state.before.get(message) or (session.name, None)
        name = f"{session.name}/{message}"
        while name in file.touched:
            name += "+"
        fork = self._sessions[name] = file.touched[name] = Session(name, State(root=session.name), fork_of=origin)
        fork.cwd, fork.type = session.cwd, session.type
        fork.time, fork.title, fork.title_rank = session.time, session.title, session.title_rank
        session.state.current = name

    def _message(self, file: OpenFile, session: Session[State], fields: dict[str, Any], size: int) -> Iterator[Item]:
        name = as_name(fields.get("id")) or "#" + blake2b(_encode(fields), digest_size=12).hexdigest()
        branch, state = self._branch(file, session), session.state
        session.cwd = session.cwd or folder_of(fields)
        branch.cwd = branch.cwd or session.cwd
        if name not in state.before:
            state.before[name] = branch.name, branch.last
            if len(state.before) > _MOST_MESSAGES:
                state.before.popitem(last=False)
        if not session.has_told(f"message {name}"):
            session.seen.add(f"message {name}", 0)
        time = as_milliseconds(fields.get("timestamp"))
        for piece in pieces_of(fields, session.cwd):
            if self._is_told(session, piece, name):
                continue
            if piece.prompt is not None:
                branch.turn = turn_id(name)
                branch.set_title(piece.prompt, PROMPT_RANK)
            moment = time if piece.time is None else piece.time
            yield from self.tell(
                file,
                branch,
                f"{name}/{piece.name}",
                piece.bodies,
                size=size,
                time=moment,
                by_person=piece.prompt is not None and branch.type == "interactive",
            )
            size = 0
        for call in as_list(fields.get("toolCalls")):
            self._note_agent(branch, as_dict(call))

    def _is_told(self, session: Session[State], piece: Piece, message: str) -> bool:
        """Whether another message told this call or this result; remembers that this one does."""
        for what, call in (("call", piece.call), ("result", piece.answers)):
            if call:
                source = f"{what} {call}"
                row = session.seen.find(source)
                owner = hash_of(message)
                if row is None:
                    session.seen.add(source, owner)
                elif session.seen.fingerprints[row] != owner:
                    return True
        return False

    def _note_agent(self, session: Session[State], call: dict[str, Any]) -> None:
        if agent := as_name(call.get("agentId")):
            self._agents[agent] = session.name, as_text(call.get("id"))
            if len(self._agents) > _MOST_AGENTS:
                self._agents.popitem(last=False)


def hash_of(message: str) -> int:
    """Stands for the message that told something."""
    return int.from_bytes(blake2b(message.encode("utf-8", "surrogatepass"), digest_size=7).digest(), "big")


def _is_document(path: Path) -> bool:
    try:
        return container_of(path) == "document"
    except OSError:
        return False
