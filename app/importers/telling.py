"""What readers of several formats share: sessions that are told once, with their events, titles and turns.

A format says what a record means (`SessionReader.take`); this says each event once, announces a session before its
first event, and remembers all of it so that reading can go on when a file has grown.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from app.importers.drafts import POSITION_EVERY, Item, NewEvent, NewSession, Position, SetFields, Skipped
from app.importers.lines import Record
from app.importers.seen import Seen, stable_hash
from app.importers.values import first_line
from app.sessions.events import Body, Notice, SessionType

PROMPT_RANK, TITLE_RANK = 0, 1
REPLACED = "Some characters of the last record were not valid text."
_MOST_QUIET_SESSIONS = 256
_MOST_TITLE = 120

_encode = msgspec.json.Encoder().encode

StateT = TypeVar("StateT")


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file. rank: what it is read after, where files of a format depend on each other.

    session: its name, where one file is one session. is_final: more at the end of the file cannot change it.
    """

    path: Path
    time: int = 0
    rank: str = ""
    session: str = ""
    is_final: bool = True

    @property
    def order(self) -> tuple[bool, int, str]:
        """By time, then by rank."""
        return False, self.time, f"{self.rank}\0{self.path}"


@dataclass(slots=True)
class Session(Generic[StateT]):
    """What is remembered of a session. state: the format's own. announced: how it was told. turn: the current one.

    last: the source of its newest event.
    """

    name: str
    state: StateT
    seen: Seen = field(default_factory=Seen)
    announced: NewSession | None = None
    time: int = 0
    turn: str | None = None
    cwd: str | None = None
    type: SessionType = "interactive"
    parent: tuple[str, str | None] | None = None
    fork_of: tuple[str, str | None] | None = None
    title: str | None = None
    title_rank: int = -1
    title_told: str | None = None
    last: str | None = None

    def set_title(self, title: str, rank: int) -> None:
        """A title counts more than a prompt, and of prompts the first one counts."""
        title = first_line(title, _MOST_TITLE)
        if title and (rank > self.title_rank or (rank == self.title_rank and rank > PROMPT_RANK)):
            self.title, self.title_rank = title, rank

    def has_told(self, source: str) -> bool:
        """Whether there was an event of this name, whatever it said."""
        return self.seen.find(source) is not None


@dataclass(slots=True)
class OpenFile:
    """What is remembered of a file. touched: its sessions. current: the newest of them. offset: bytes read.

    unsettled: those that something was read of since they were settled. recalled: those that an earlier run
    remembered, which are new to the stream.
    """

    head: Head
    current: str = ""
    offset: int = 0
    touched: dict[str, Session[Any]] = field(default_factory=dict)
    unsettled: dict[str, None] = field(default_factory=dict)
    recalled: set[str] = field(default_factory=set)

    @property
    def sessions(self) -> Iterable[str]:
        return self.touched


class SessionReader(Generic[StateT]):
    """A reader of one format; see `reading.Reader`. agent: who speaks. new_state: the state of a new session.

    keeps_sessions: a session lies in many files, and is remembered when one of them is not followed any more.
    """

    agent = ""
    keeps_sessions = False
    states: tuple[type, ...] = ()

    def __init__(self, new_state: Callable[[], StateT]) -> None:
        self._new_state = new_state
        self._sessions: OrderedDict[str, Session[StateT]] = OrderedDict()

    # for a format to say

    def head(self, path: Path) -> Head:
        """The beginning of a file."""
        raise NotImplementedError

    def take(self, file: OpenFile, record: Record) -> Iterator[Item]:
        """The items of one record."""
        raise NotImplementedError

    def close(self, file: OpenFile, session: Session[StateT]) -> Iterator[Item]:
        """What is to say of a session when its file is over as it seems."""
        return iter(())

    # for a format to use

    def session(self, file: OpenFile, name: str) -> Session[StateT]:
        """The session of this name, which a record of the file is about."""
        session = file.touched.get(name)
        if session is None:
            session = self._sessions.get(name) or Session(name, self._new_state())
            file.touched[name] = self._sessions[name] = session
        if self.keeps_sessions:
            self._sessions.move_to_end(name)
        file.current = name
        file.unsettled[name] = None
        return session

    def tell(
        self,
        file: OpenFile,
        session: Session[StateT],
        source: str,
        bodies: Sequence[Body],
        *,
        size: int = 0,
        time: int | None = None,
        by_person: bool = False,
    ) -> Iterator[Item]:
        """Events with names that follow from `source`; those that were told already are not again.

        time: of the record (and of nothing that was read before it, since it is part of what the event is); None where
        the record has none, for that of the record before it.
        """
        session.time = when = session.time if time is None else time
        for number, body in enumerate(bodies):
            name = f"{source}/{number}"
            if _repeated(session.seen, name, stable_hash(_encode(body))):
                continue
            yield from self._announce(file, session, when)
            yield NewEvent(
                session=session.name,
                source=name,
                body=body,
                time=when,
                turn=session.turn,
                agent=None if by_person else self.agent,
                size=size,
            )
            session.last, size = name, 0

    def _announce(self, file: OpenFile, session: Session[StateT], time: int) -> Iterator[Item]:
        if session.announced is None:
            session.title_told = session.title
            session.announced = NewSession(
                source=session.name,
                time=time,
                title=session.title,
                agent=self.agent,
                cwd=session.cwd,
                type=session.type,
                fork_of=session.fork_of,
                parent=session.parent,
            )
            yield session.announced
        elif session.name in file.recalled:
            yield session.announced
        file.recalled.discard(session.name)

    # what reading needs

    @property
    def remembered(self) -> tuple[type, ...]:
        return (OpenFile, Head, Session, *self.states)

    def open(self, head: Head) -> OpenFile:
        return OpenFile(head, head.session)

    def read(self, file: OpenFile, lines: Iterable[Record | Skipped]) -> Iterator[Item]:
        """The items of these records, which follow those that were read of the file before."""
        count = 0
        for line in lines:
            if isinstance(line, Skipped):
                yield line
                continue
            count += 1
            file.offset += line.size
            if count % POSITION_EVERY == 0:
                yield Position(file.head.path, file.offset)
            yield from self.take(file, line)
            if line.replaced and file.current in file.touched:
                notice = Notice(text=REPLACED, level="warning")
                yield from self.tell(file, file.touched[file.current], f"replaced/{line.number}", [notice])

    def settle(self, file: OpenFile, *, over: bool = True) -> Iterator[Item]:
        for name in list(file.unsettled):
            session = file.touched[name]
            if over:
                yield from self.close(file, session)
                del file.unsettled[name]
            if session.announced and session.title != session.title_told:
                session.title_told = session.title
                yield SetFields(session=name, fields={"title": session.title}, time=session.announced.time)

    def holds(self, file: OpenFile) -> bool:
        return all(self._sessions.get(name) is session for name, session in file.touched.items())

    def adopt(self, files: Sequence[OpenFile]) -> bool:
        sessions = {name: session for file in files for name, session in file.touched.items()}
        if self._sessions.keys() & sessions.keys():
            return False
        self._sessions.update(sessions)
        for file in files:
            file.recalled = set(file.touched)
        return True

    def forget(self, file: OpenFile) -> None:
        """The file and its sessions are not needed any more."""
        if self.keeps_sessions:
            while len(self._sessions) > _MOST_QUIET_SESSIONS:
                self._sessions.popitem(last=False)
            return
        for name, session in file.touched.items():
            if self._sessions.get(name) is session:
                del self._sessions[name]

    def finish(self) -> Iterator[Item]:
        """Nothing is left to say."""
        return iter(())


def _repeated(seen: Seen, name: str, fingerprint: int) -> bool:
    """Whether this was told under this name before; remembers it."""
    row = seen.find(name)
    if row is None:
        seen.add(name, fingerprint)
        return False
    if seen.fingerprints[row] == fingerprint:
        return True
    variant = f"{name} {fingerprint}"
    if seen.find(variant) is not None:
        return True
    seen.add(variant, fingerprint)
    return False
