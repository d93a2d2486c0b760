"""Transcript files as one stream: sessions, their branches, and which record belongs to which.

A session is its `sessionId`, across files. The records of a session form a graph; a prompt that hangs from an earlier
point than the end of its branch is a rewind and begins a fork, everything else stays on the branch that holds its
parent, because parallel tool calls and notes beside the conversation look like branches too. Side chains are sessions
of their own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from app.importers.claude.messages import Mapped, map_record
from app.importers.claude.records import Head, head_of
from app.importers.claude.tools import Calls, OpenCall
from app.importers.drafts import (
    POSITION_EVERY,
    Item,
    NewEvent,
    NewSession,
    Position,
    SetFields,
    Skipped,
)
from app.importers.lines import Record
from app.importers.seen import Seen, hash_of_name, stable_hash
from app.importers.values import as_milliseconds, as_name, as_text, first_line, turn_id
from app.sessions.events import Notice, Usage

AGENT = "claude-code"
NO_SESSION = "The line belongs to no session."
NO_LEAF = "The summary belongs to a conversation that is not in the sources."

_MOST_WAITING_SUMMARIES = 10_000
_SESSIONS_SEARCHED_FOR_A_LEAF = 256
_TITLES = {"custom-title": ("customTitle", 3), "ai-title": ("aiTitle", 2)}
_SUMMARY_RANK, _PROMPT_RANK = 1, 0

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Branch:
    """One line of a session's conversation: what is one session here.

    last: its newest record of the conversation, last_prompt, last_message: the rows where its newest prompt and its
    newest API message begin (-1: none). usage: of that message, told when the message is over. unfinished: the newest
    record of the conversation is of that message and says that there will be more. announced: how it was told.
    """

    source: str
    number: int
    side_chain: bool = False
    fork_of: tuple[str, str | None] | None = None
    parent: tuple[str, str | None] | None = None
    announced: NewSession | None = None
    started: int = 0
    turn: str | None = None
    last: int = 0
    last_prompt: int = -1
    last_message: int = -1
    message: str | None = None
    usage: tuple[str, Usage, int, str | None] | None = None
    title: str | None = None
    title_rank: int = -1
    title_told: str | None = None
    unfinished: bool = False


@dataclass(slots=True)
class Session:
    """What is remembered of one `sessionId`. current: the branch that was written to last, side chains aside."""

    id: str
    calls: Calls
    seen: Seen = field(default_factory=Seen)
    branches: list[Branch] = field(default_factory=list)
    side_chains: dict[str, Branch] = field(default_factory=dict)
    current: int = 0
    time: int = 0
    linked: bool = False
    first_prompt_is_root: bool = False


@dataclass(slots=True)
class OpenFile:
    """What is remembered of a file. current: the session that lines without one belong to. offset: bytes read.

    told: time and turns of its sessions where reading stopped, since other files may go on with them. is_recalled: what
    an earlier run remembered; its sessions are new to the stream.
    """

    head: Head
    current: str | None
    offset: int = 0
    touched: dict[str, Session] = field(default_factory=dict)
    told: dict[str, tuple[int, list[str | None]]] = field(default_factory=dict)
    is_recalled: bool = False

    @property
    def sessions(self) -> Iterable[str]:
        return self.touched

    def leave(self) -> None:
        """Remembers where this file stands in its sessions."""
        self.told = {
            name: (session.time, [branch.turn for branch in session.branches]) for name, session in self.touched.items()
        }

    def resume(self) -> None:
        """Goes on where this file stood. Branches that other files began since are left as they are."""
        for name, (time, turns) in self.told.items():
            session = self.touched[name]
            session.time = time
            for branch, turn in zip(session.branches, turns, strict=False):
                branch.turn = turn


class Reader:
    """Reads transcripts, conversations before side chains, each by time. See `reading.Reader`."""

    remembered = (OpenFile, Head, Session, Branch, Calls, OpenCall, Usage)

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._waiting: OrderedDict[str, tuple[str, Skipped]] = OrderedDict()

    def head(self, path: Path) -> Head:
        return head_of(path)

    def open(self, head: Head) -> OpenFile:
        return OpenFile(head, head.session)

    def read(self, file: OpenFile, lines: Iterable[Record | Skipped]) -> Iterator[Item]:
        """The items of these lines, which follow those that were read of the file before."""
        file.resume()
        head, touched, current, offset = file.head, file.touched, file.current, file.offset
        for line in lines:
            if file.is_recalled:
                file.is_recalled = False
                yield from _announced(touched.values())
            if isinstance(line, Skipped):
                yield line
                continue
            offset += line.size
            if line.number % POSITION_EVERY == 0:
                yield Position(head.path, offset)
            kind = as_text(line.fields.get("type"))
            if kind == "summary":
                yield from self._summary(head.path, line, touched)
                continue
            current = as_name(line.fields.get("sessionId")) or current
            if current is None:
                yield Skipped(head.path, line.number, NO_SESSION)
                continue
            session = touched.get(current)
            if session is None:
                session = touched[current] = self._session(current, line.fields, head)
            if kind in _TITLES and as_name(line.fields.get(_TITLES[kind][0])):
                key, rank = _TITLES[kind]
                _set_title(self._main(session), as_text(line.fields[key]), rank)
            else:
                yield from self._record(session, line)
        file.current, file.offset = current, offset
        file.leave()

    def settle(self, file: OpenFile, *, over: bool = True) -> Iterator[Item]:
        """What is known at the end of a file: titles, and the usage of the last messages."""
        for session in file.touched.values():
            yield from _close(session, over=over)

    def holds(self, file: OpenFile) -> bool:
        return all(self._sessions.get(name) is session for name, session in file.touched.items())

    def adopt(self, files: Sequence[OpenFile]) -> bool:
        sessions = {name: session for file in files for name, session in file.touched.items()}
        if self._sessions.keys() & sessions.keys():
            return False
        self._sessions.update(sessions)
        for file in files:
            file.is_recalled = True
        return True

    def forget(self, file: OpenFile) -> None:
        """The file and its sessions are not needed any more."""
        for name, session in file.touched.items():
            if self._sessions.get(name) is session:
                del self._sessions[name]

    def finish(self) -> Iterator[Item]:
        """Summaries of conversations that no file held."""
        for _, skipped in self._waiting.values():
            yield skipped

    def _session(self, name: str, fields: dict[str, Any], head: Head) -> Session:
        session = self._sessions.get(name)
        if session is None:
            cwd = as_name(fields.get("cwd")) or (head.cwd if head.session == name else None)
            session = Session(name, Calls(root=cwd), time=head.time)
            session.branches.append(Branch(name, 0))
            self._sessions[name] = session
        self._sessions.move_to_end(name)
        # A file must give the same events whether or not others were read before it.
        session.time = head.time or session.time
        for branch in session.branches:
            branch.turn = None
        return session

    def _main(self, session: Session) -> Branch:
        return session.branches[0]

    def _summary(self, path: Path, line: Record, touched: dict[str, Session]) -> Iterator[Item]:
        title, leaf = as_text(line.fields.get("summary")), as_text(line.fields.get("leafUuid"))
        if branch := self._branch_of(leaf):
            _set_title(branch, title, _SUMMARY_RANK)
            session = self._sessions[branch.source.partition("/")[0]] if branch.announced else None
            if session is not None:
                touched.setdefault(session.id, session)
            return
        skipped = Skipped(path, line.number, NO_LEAF)
        if len(self._waiting) < _MOST_WAITING_SUMMARIES and leaf:
            if leaf in self._waiting:
                yield self._waiting[leaf][1]
            self._waiting[leaf] = title, skipped
        else:
            yield skipped

    def _branch_of(self, leaf: str) -> Branch | None:
        key = hash_of_name(leaf)
        for number, session in enumerate(reversed(self._sessions.values())):
            if number == _SESSIONS_SEARCHED_FOR_A_LEAF:
                break
            row = session.seen.find_hash(key)
            if row is not None:
                return session.branches[session.seen.branches[row]]
        return None

    def _record(self, session: Session, line: Record) -> Iterator[Item]:
        fields = line.fields
        mapped = map_record(fields, session.calls, line.size)
        name = as_name(fields.get("uuid")) or "#" + blake2b(_encode(fields), digest_size=12).hexdigest()
        encoded = _encode(mapped.bodies)
        fingerprint = stable_hash(encoded)
        del encoded
        row = session.seen.find(name)
        if row is not None and _repeated(session.seen, row, name, fingerprint):
            if mapped.role == "prompt":
                session.branches[session.seen.branches[row]].turn = turn_id(name)
            return  # a resumed session repeats what it continues
        time = as_milliseconds(fields.get("timestamp"))
        session.time = time = session.time if time is None else time
        if row is None:
            branch, row = _place(session, fields, mapped, name, fingerprint)
        else:
            branch = session.branches[session.seen.branches[row]]
        if not branch.announced:
            yield _announce(session, branch, mapped, time)
        if mapped.role == "prompt":
            yield from _tell_usage(session, branch)
            branch.turn, branch.last_prompt = turn_id(name), row
            _set_title(branch, first_line(mapped.prompt or ""), -1 if mapped.command else _PROMPT_RANK)
        elif mapped.role == "answer":
            yield from _note_message(session, branch, mapped, name, row, time)
        if mapped.role != "aside":
            branch.last, branch.unfinished = row, mapped.unfinished
        yield from _events(branch, mapped, name, time, line)
        if self._waiting and (waiting := self._waiting.pop(name, None)):
            _set_title(branch, waiting[0], _SUMMARY_RANK)


def _announced(sessions: Iterable[Session]) -> Iterator[NewSession]:
    """The sessions as they were told before."""
    for session in sessions:
        yield from (branch.announced for branch in session.branches if branch.announced)


def _repeated(seen: Seen, row: int, name: str, fingerprint: int) -> bool:
    """Whether this content came under this name before; remembers other contents of a name."""
    if seen.fingerprints[row] == fingerprint:
        return True
    variant = f"{name} {fingerprint}"
    if seen.find(variant) is not None:
        return True
    seen.add(variant, fingerprint, branch=seen.branches[row], anchor=seen.anchors[row])
    return False


def _place(session: Session, fields: dict[str, Any], mapped: Mapped, name: str, fingerprint: int) -> tuple[Branch, int]:
    """Decides the branch of a new record and remembers it there."""
    seen = session.seen
    parent = as_name(fields.get("parentUuid")) or as_name(fields.get("logicalParentUuid"))
    above = seen.find(parent) if parent else None
    if fields.get("isSidechain") is True:
        branch = _side_chain(session, fields, mapped, name, above)
    else:
        branch = _conversation(session, mapped, name, parent, above)
        session.linked = session.linked or above is not None
        if mapped.role == "prompt" and branch.last_prompt < 0 and branch.number == 0:
            session.first_prompt_is_root = parent is None
        session.current = branch.number
    anchor = None
    if mapped.role == "aside":
        inside = above is not None and seen.branches[above] == branch.number
        anchor = seen.anchors[above] if above is not None and inside else branch.last
    row = seen.add(name, fingerprint, branch=branch.number, anchor=anchor, events=len(mapped.bodies))
    return branch, row


def _conversation(session: Session, mapped: Mapped, name: str, parent: str | None, above: int | None) -> Branch:
    branch = session.branches[session.current if above is None else session.seen.branches[above]]
    if branch.side_chain:
        branch = session.branches[session.current]
    elif mapped.role != "prompt":
        pass
    elif above is not None and parent is not None:
        if session.seen.anchors[above] < max(branch.last_prompt, branch.last_message):
            return _fork(session, name, (branch.source, f"{parent}/{session.seen.events[above] - 1}"))
    elif parent is None and _starts_over(session, mapped):
        return _fork(session, name, (session.id, None))
    return branch


def _starts_over(session: Session, mapped: Mapped) -> bool:
    """Whether a prompt without a parent was put in the place of the first one."""
    return session.linked and session.first_prompt_is_root and not mapped.command


def _fork(session: Session, name: str, origin: tuple[str, str | None]) -> Branch:
    branch = Branch(f"{session.id}/{name}", len(session.branches), fork_of=origin)
    session.branches.append(branch)
    return branch


def _side_chain(session: Session, fields: dict[str, Any], mapped: Mapped, name: str, above: int | None) -> Branch:
    """The side chain of the record: by its agent, else by its parent, else the newest unless it begins one."""
    agent = as_name(fields.get("agentId"))
    if agent is None and above is not None:
        branch = session.branches[session.seen.branches[above]]
        if branch.side_chain:
            return branch
    if agent is None and mapped.role != "prompt" and session.side_chains:
        return next(reversed(session.side_chains.values()))
    key = agent or name
    if key not in session.side_chains:
        call, description = session.calls.starts.get(stable_hash(mapped.prompt or ""), (None, None))
        call = session.calls.agents.get(agent or "", call)
        branch = Branch(f"{session.id}/agent-{key}", len(session.branches), True, parent=(session.id, call))
        if description:
            _set_title(branch, description, _SUMMARY_RANK)
        session.branches.append(branch)
        session.side_chains[key] = branch
    return session.side_chains[key]


def _announce(session: Session, branch: Branch, mapped: Mapped, time: int) -> NewSession:
    branch.started = time
    if branch.title is None and mapped.prompt:
        _set_title(branch, first_line(mapped.prompt), -1 if mapped.command else _PROMPT_RANK)
    branch.title_told = branch.title
    branch.announced = NewSession(
        source=branch.source,
        time=time,
        title=branch.title,
        agent=AGENT,
        cwd=session.calls.root,
        type="agent" if branch.side_chain else "interactive",
        fork_of=branch.fork_of,
        parent=branch.parent,
    )
    return branch.announced


def _events(branch: Branch, mapped: Mapped, name: str, time: int, line: Record) -> Iterator[NewEvent]:
    by_person = mapped.role == "prompt" and not branch.side_chain
    for number, body in enumerate(mapped.bodies):
        yield NewEvent(
            session=branch.source,
            source=f"{name}/{number}",
            body=body,
            time=time,
            turn=branch.turn,
            agent=None if by_person else AGENT,
            size=line.size if number == 0 else 0,
        )
    if line.replaced:
        yield NewEvent(
            session=branch.source,
            source=f"{name}/replaced",
            body=Notice(text="Some characters of the last record were not valid text.", level="warning"),
            time=time,
            turn=branch.turn,
            agent=AGENT,
        )


def _note_message(
    session: Session, branch: Branch, mapped: Mapped, name: str, row: int, time: int
) -> Iterator[NewEvent]:
    """Keeps the usage of an API message, which every record of the message repeats, until the next one begins."""
    message = mapped.message or name
    if message != branch.message:
        yield from _tell_usage(session, branch)
        branch.message, branch.last_message = message, row
    if mapped.usage is not None:
        branch.usage = message, mapped.usage, time, branch.turn


def _tell_usage(session: Session, branch: Branch) -> Iterator[NewEvent]:
    if branch.usage is not None:
        message, usage, time, turn = branch.usage
        branch.usage = None
        source = f"{message}/usage"
        fingerprint = stable_hash(_encode(usage))
        row = session.seen.find(source)
        if row is not None and _repeated(session.seen, row, source, fingerprint):
            return
        if row is None:
            session.seen.add(source, fingerprint, branch=branch.number)
        yield NewEvent(
            session=branch.source,
            source=source,
            body=usage,
            time=time,
            turn=turn,
            agent=AGENT,
        )


def _set_title(branch: Branch, title: str, rank: int) -> None:
    title = first_line(title, 120)
    if title and (rank > branch.title_rank or (rank == branch.title_rank and rank > _PROMPT_RANK)):
        branch.title, branch.title_rank = title, rank


def _close(session: Session, *, over: bool) -> Iterator[Item]:
    for branch in session.branches:
        if over or not branch.unfinished:
            yield from _tell_usage(session, branch)
        if branch.announced and branch.title != branch.title_told:
            branch.title_told = branch.title
            yield SetFields(session=branch.source, fields={"title": branch.title}, time=branch.started)
