"""Which files a session, one of its turns or single events changed, and each change as lines. Pure.

Contents of blobs come from `load`, what is on the disk comes in as `OnDisk` (see `files.py`, `file_changes.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from app.sessions.events import FileChange, UserMessage
from app.sessions.file_changes import OnDisk
from app.sessions.files import ABSENT, UNKNOWN, Content, FileState, Hashed, Load, Lost, Moment, PastEvent, resolve
from app.sessions.line_diff import FileDiff, diff_of_contents, diff_of_patch

Fate = Literal["changed", "created", "deleted", "renamed", "gone"]
"""gone: it was made and removed again."""
_PROMPT_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Span:
    """What became of a file over some events. old_path: where it was before, if that is another place.

    changes: oldest first, never empty. event: the last of them.
    """

    path: str
    before: Content
    after: Content
    changes: tuple[FileChange, ...]
    event: str
    old_path: str | None = None

    @property
    def fate(self) -> Fate:
        """What became of it, in a word."""
        if self.after == ABSENT:
            return "gone" if self.before == ABSENT else "deleted"
        if self.before == ABSENT:
            return "created"
        return "changed" if self.old_path is None else "renamed"

    @property
    def is_binary(self) -> bool:
        """Whether its last change has no lines."""
        return self.changes[-1].binary

    @property
    def targets(self) -> dict[str, Content]:
        """What must be where so that the files are as before."""
        if self.old_path is None:
            return {self.path: self.before}
        return {self.path: ABSENT, self.old_path: self.before}


@dataclass(frozen=True, slots=True)
class ChangingTurn:
    """A turn that changed files. prompt: the first line of what was asked, '' where nobody asked."""

    turn: str
    prompt: str
    files: int


Wanted = Callable[[Moment], bool]


def session_spans(states: Mapping[str, FileState]) -> list[Span]:
    """Every file that a session changed, from before its first change to after its last."""
    return _spans(states, lambda _moment: True)


def turn_spans(states: Mapping[str, FileState], turn: str) -> list[Span]:
    """Every file that a turn changed."""
    return _spans(states, lambda moment: moment.turn == turn)


def event_spans(states: Mapping[str, FileState], events: Collection[str]) -> list[Span]:
    """Every file that these events changed."""
    return _spans(states, lambda moment: moment.event in events)


def changing_turns(events: Iterable[PastEvent]) -> list[ChangingTurn]:
    """The turns that changed files, in order. events: file changes and prompts, in order."""
    prompts: dict[str, str] = {}
    files: dict[str, set[str]] = {}
    for event in events:
        if event.turn is None:
            continue
        if isinstance(event.body, UserMessage):
            prompts.setdefault(event.turn, event.body.text.strip().split("\n", 1)[0][:_PROMPT_LENGTH])
        elif isinstance(event.body, FileChange):
            files.setdefault(event.turn, set()).add(event.body.path)
    return [ChangingTurn(turn, prompts.get(turn, ""), len(paths)) for turn, paths in files.items()]


def _spans(states: Mapping[str, FileState], wanted: Wanted) -> list[Span]:
    return [span for state in states.values() for span in _span(states, state, wanted)]


def _span(states: Mapping[str, FileState], state: FileState, wanted: Wanted) -> Iterator[Span]:
    moments = [moment for moment in state.moments if wanted(moment)]
    changed = [moment for moment in moments if moment.change is not None]
    if changed:
        before, source = _before(states, state.path, wanted)
        changes = tuple(moment.change for moment in changed if moment.change is not None)
        old_path = source if source != state.path else None
        yield Span(state.path, before, moments[-1].after, changes, changed[-1].event, old_path)


def _before(states: Mapping[str, FileState], path: str, wanted: Wanted) -> tuple[Content, str]:
    """What a file was before the wanted moments, and where; through the moves among them."""
    seen: set[str] = set()
    while True:
        seen.add(path)
        first = next((moment for moment in states[path].moments if wanted(moment)), None)
        if first is None:
            return UNKNOWN, path
        source = None if first.change is None else first.change.renamed_from
        if source is None or source in seen or source not in states:
            return first.before, path
        path = source


def span_diff(span: Span, load: Load) -> FileDiff:
    """The change as lines; where contents are not known, what the single changes recorded."""
    before, after = resolve(span.before, load), resolve(span.after, load)
    if isinstance(before, Lost) or isinstance(after, Lost):
        return _recorded(span, before, after)
    return diff_of_contents(span.path, before, after, old_path=span.old_path)


def _recorded(span: Span, before: bytes | Lost | None, after: bytes | Lost | None) -> FileDiff:
    patch = "".join(change.diff for change in span.changes)
    lost = [(word, side.why) for word, side in (("before", before), ("after", after)) if isinstance(side, Lost)]
    if all(isinstance(side, Hashed) or not isinstance(content, Lost) for side, content in _sides(span, before, after)):
        remark = "This file is binary or large: only its hash was kept, so its lines are not shown."
    else:
        words = " and ".join(word for word, _ in lost)
        remark = f"What this file held {words} is not there to be compared: {lost[0][1]}."
    made = diff_of_patch(
        span.path,
        patch,
        old_path=span.old_path,
        created=span.before == ABSENT,
        deleted=span.after == ABSENT,
    )
    singly = " These are its single changes, as they were recorded." if made.stretches else ""
    return FileDiff(made.path, made.stretches, remark + singly, made.old_path, made.created, made.deleted)


def _sides(
    span: Span, before: bytes | Lost | None, after: bytes | Lost | None
) -> tuple[tuple[Content, bytes | Lost | None], ...]:
    return (span.before, before), (span.after, after)


def disk_diff(path: str, known: Content, present: OnDisk, load: Load) -> FileDiff:
    """From what a session last knew of a file to what is on the disk."""
    content = resolve(known, load)
    if present.kind == "other":
        return FileDiff(path, remark=f"What is on the disk now cannot be compared: {present.why}.")
    if isinstance(known, Hashed) and present.kind == "file":
        is_same = present.digest == known.digest
        return FileDiff(path, remark="Nothing is different." if is_same else "It is another file now; it has no lines.")
    if isinstance(content, Lost):
        return FileDiff(path, remark=f"What the session last knew of this file is not there: {content.why}.")
    if present.kind == "file" and present.data is None:
        return FileDiff(path, remark="The file on the disk is too large to be compared line by line.")
    return diff_of_contents(path, content, present.data)


def span_counts(span: Span, load: Load) -> tuple[int, int]:
    """(added, removed) lines, as `span_diff` shows them."""
    if len(span.changes) == 1:
        return span.changes[0].added, span.changes[0].removed
    diff = span_diff(span, load)
    return diff.added, diff.removed
