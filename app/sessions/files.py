"""The files of a session over its events: what is known of each at every moment. Pure: nothing here reads or writes.

What an event says of a content is a `Content`: kept in a blob, known by its hash, absent, or made by a diff out of
another one (imports have diffs, but no contents). `resolve` turns it into bytes with a function that loads blobs.

A moment is an event that says something of a file: a `file_change` (what it was before, what it is after) or a
`checkpoint` (what it is). A file before a turn is as the turn's own checkpoint has it; else as the last moment before
the turn left it; else as the first moment after found it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from app.errors import NotFound
from app.sessions.diff import decode_text
from app.sessions.events import AnyBody, BlobRef, Checkpoint, CheckpointFile, FileChange
from app.sessions.patching import apply_diff

FILE_KINDS = ("file_change", "checkpoint")
NOWHERE = "/dev/null"
_CANDIDATES = 10


class PastEvent(Protocol):
    """What is needed of a stored event; `app.sessions.views.Event` has it."""

    @property
    def id(self) -> str: ...

    @property
    def turn(self) -> str | None: ...

    @property
    def body(self) -> AnyBody: ...


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no such file."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody recorded it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """In a blob."""

    ref: BlobRef


@dataclass(frozen=True, slots=True)
class Hashed:
    """Only its SHA-256 (hex) is known."""

    digest: str


@dataclass(frozen=True, slots=True)
class Patched:
    """`base` after a unified diff, or before it (`backwards`)."""

    base: Content
    diff: str
    backwards: bool = False


Content = Absent | Unknown | Kept | Hashed | Patched
ABSENT, UNKNOWN = Absent(), Unknown()
Load = Callable[[BlobRef], bytes | None]
"""The content of a blob; None where it is not on this device."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A content that cannot be had, and why, as the end of a sentence."""

    why: str


def resolve(content: Content, load: Load) -> bytes | Lost | None:
    """The bytes of a content; None where there is no file."""
    steps: list[Patched] = []
    while isinstance(content, Patched):
        steps.append(content)
        content = content.base
    data = _base(content, load)
    for step in reversed(steps):
        if isinstance(data, Lost):
            return data
        data = _patched(data, step)
    return data


def _base(content: Content, load: Load) -> bytes | Lost | None:
    match content:
        case Absent():
            return None
        case Kept(ref):
            data = load(ref)
            return Lost("its content is not on this device") if data is None else data
        case Hashed():
            return Lost("only its hash was kept, because it is binary or large")
        case _:
            return Lost("its content is not known")


def _patched(data: bytes | None, step: Patched) -> bytes | Lost:
    text = decode_text(data or b"")
    made = None if text is None else apply_diff(text, step.diff, backwards=step.backwards)
    return Lost("its recorded diffs do not fit together") if made is None else made.encode()


@dataclass(frozen=True, slots=True)
class Moment:
    """What one event says of a file.

    change: None for a checkpoint, whose `before` and `after` are equal, and for the old place of a moved file.
    """

    order: int
    event: str
    turn: str | None
    before: Content
    after: Content
    change: FileChange | None = None
    is_checkpoint: bool = False


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as a session knows it. moments: oldest first, never empty."""

    path: str
    moments: tuple[Moment, ...]

    @property
    def first(self) -> Content:
        """Before the session touched it."""
        return self.moments[0].before

    @property
    def last(self) -> Content:
        """As the session last knew it."""
        return self.moments[-1].after

    @property
    def changes(self) -> tuple[FileChange, ...]:
        """The recorded changes, oldest first."""
        return tuple(moment.change for moment in self.moments if moment.change is not None)

    @property
    def exists(self) -> bool | None:
        """Whether it was there when the session last knew; None where that is not known."""
        return None if self.last == UNKNOWN else self.last != ABSENT

    def before(self, order: int, turn: str | None) -> Content:
        """As it was when the turn that begins with event number `order` began."""
        earlier = [moment for moment in self.moments if moment.order < order]
        later = self.moments[len(earlier) :]
        for moment in later:
            if not moment.is_checkpoint:
                break
            if moment.turn == turn:
                return moment.after
        if earlier and earlier[-1].after != UNKNOWN:
            return earlier[-1].after
        return later[0].before if later else UNKNOWN


@dataclass(slots=True)
class FileHistory:
    """All files of a session, folded from its events in order.

    Events of other kinds than `FILE_KINDS` only say when turns begin; leave them out where no turn is asked for.
    """

    _moments: dict[str, list[Moment]] = field(default_factory=dict)
    _turns: dict[str, int] = field(default_factory=dict)
    _events: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    _count: int = 0

    @classmethod
    def of(cls, events: Iterable[PastEvent]) -> FileHistory:
        """The history that these events tell."""
        history = cls()
        for event in events:
            history.add(event)
        return history

    def add(self, event: PastEvent) -> None:
        """Take in the next event."""
        order, self._count = self._count, self._count + 1
        self._events[event.id] = (order, event.turn)
        if event.turn is not None:
            self._turns.setdefault(event.turn, order)
        match event.body:
            case FileChange():
                self._change(order, event, event.body)
            case Checkpoint():
                for file in event.body.files:
                    content = _checkpointed(file)
                    self._put(file.path, Moment(order, event.id, event.turn, content, content, is_checkpoint=True))

    def states(self) -> dict[str, FileState]:
        """All files, by path, sorted."""
        return {path: FileState(path, tuple(self._moments[path])) for path in sorted(self._moments)}

    def find_turn(self, wanted: str) -> tuple[int, str | None]:
        """(number of its first event, turn) of a turn given by its id, a unique beginning of it, or one of its events.

        Raises NotFound.
        """
        turns = [turn for turn in self._turns if turn.lower().startswith(wanted.lower())] if wanted else []
        chosen = wanted if wanted in self._turns else turns[0] if len(turns) == 1 else None
        if chosen is not None:
            return self._turns[chosen], chosen
        events = [event for event in self._events if wanted and event.startswith(wanted.upper())]
        if not turns and len(events) == 1:
            order, turn = self._events[events[0]]
            return (order, None) if turn is None else (self._turns[turn], turn)
        if turns or events:
            candidates = (turns or events)[:_CANDIDATES]
            raise NotFound(f"{wanted} could mean several turns; give more characters.", candidates=candidates)
        raise NotFound(f"The session has no turn {wanted}. `lovelace sessions show --json` names the turns of events.")

    def before(self, turn: str) -> dict[str, Content]:
        """All files as they were before a turn (see `find_turn`)."""
        order, name = self.find_turn(turn)
        return {path: state.before(order, name) for path, state in self.states().items()}

    def _change(self, order: int, event: PastEvent, body: FileChange) -> None:
        source = body.renamed_from or body.path
        known = self._last(source)
        before, after = changed_contents(body, known)
        if body.renamed_from is not None:
            self._put(body.renamed_from, Moment(order, event.id, event.turn, before, ABSENT))
            before = ABSENT
        self._put(body.path, Moment(order, event.id, event.turn, before, after, body))

    def _last(self, path: str) -> Content:
        moments = self._moments.get(path)
        return moments[-1].after if moments else UNKNOWN

    def _put(self, path: str, moment: Moment) -> None:
        self._moments.setdefault(path, []).append(moment)


def changed_contents(body: FileChange, known: Content = UNKNOWN) -> tuple[Content, Content]:
    """(before, after) of a change. known: what the file was as far as earlier events tell."""
    old, new = _headers(body.diff)
    recorded = any((body.before, body.after, body.before_hash, body.after_hash))
    before = _side(body.before, body.before_hash, old, recorded)
    after = _side(body.after, body.after_hash, new, recorded)
    if before == UNKNOWN:
        before = known
    if "\n@@ " in body.diff:
        if after == UNKNOWN and before != UNKNOWN:
            after = Patched(before, body.diff)
        elif before == UNKNOWN and after != UNKNOWN:
            before = Patched(after, body.diff, backwards=True)
    return before, after


def _side(ref: BlobRef | None, digest: str | None, header: str | None, recorded: bool) -> Content:
    """One side of a change. header: the name in the diff, None without a diff."""
    if ref is not None:
        return Kept(ref)
    if digest is not None:
        return Hashed(digest)
    if header is None:
        return ABSENT if recorded else UNKNOWN
    return ABSENT if header == NOWHERE else UNKNOWN


def _headers(diff: str) -> tuple[str | None, str | None]:
    """The names in the `---` and `+++` lines of a diff."""
    lines = diff.split("\n", 2)
    if len(lines) < 2 or not lines[0].startswith("--- ") or not lines[1].startswith("+++ "):
        return None, None
    return lines[0][4:].split("\t")[0], lines[1][4:].split("\t")[0]


def _checkpointed(file: CheckpointFile) -> Content:
    if file.blob is not None:
        return Kept(file.blob)
    return ABSENT if file.hash is None else Hashed(file.hash)
