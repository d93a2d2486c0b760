"""Which files were changed over a session, a turn or events, and what of it can be shown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from app.sessions.changed_files import (
    Span,
    changing_turns,
    disk_diff,
    event_spans,
    session_spans,
    span_counts,
    span_diff,
    turn_spans,
)
from app.sessions.diff import unified_diff
from app.sessions.events import AnyBody, BlobRef, Checkpoint, CheckpointFile, FileChange, UserMessage
from app.sessions.file_changes import (
    MISSING,
    OnDisk,
    Step,
    drift_sentence,
    drift_status,
    file_on_disk,
    restore_sentence,
)
from app.sessions.files import ABSENT, UNKNOWN, FileHistory, Hashed, Kept


@dataclass(frozen=True)
class Past:
    id: str
    turn: str | None
    body: AnyBody


@dataclass
class Story:
    """Events in order, and the contents they refer to."""

    events: list[Past] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def keep(self, data: bytes | None) -> BlobRef | None:
        if data is None:
            return None
        key = hashlib.sha256(data).hexdigest()
        self.blobs[key] = data
        return BlobRef(blob=key, size=len(data))

    def load(self, ref: BlobRef) -> bytes | None:
        return self.blobs.get(ref.blob)

    def tell(self, turn: str | None, body: AnyBody) -> str:
        self.events.append(Past(f"E{len(self.events)}", turn, body))
        return self.events[-1].id

    def change(self, turn: str, path: str, before: bytes | None, after: bytes | None, moved: str | None = None) -> str:
        texts = [None if side is None else side.decode() for side in (before, after)]
        diff = unified_diff(path, *texts)
        return self.tell(
            turn,
            FileChange(
                path=path,
                before=self.keep(before),
                after=self.keep(after),
                diff=diff.text,
                added=diff.added,
                removed=diff.removed,
                renamed_from=moved,
            ),
        )

    def session(self) -> dict[str, Span]:
        return {span.path: span for span in session_spans(FileHistory.of(self.events).states())}

    def turn(self, turn: str) -> dict[str, Span]:
        return {span.path: span for span in turn_spans(FileHistory.of(self.events).states(), turn)}


def content(story: Story, data: bytes) -> Kept:
    ref = story.keep(data)
    assert ref is not None
    return Kept(ref)


def test_spans_go_from_before_the_first_to_after_the_last_change() -> None:
    story = Story()
    story.change("T1", "a", b"1\n", b"2\n")
    second = story.change("T2", "a", b"2\n", b"3\n")
    story.change("T2", "b", None, b"b\n")
    whole = story.session()["a"]
    assert (whole.before, whole.after, whole.event) == (content(story, b"1\n"), content(story, b"3\n"), second)
    assert story.turn("T2")["a"].before == content(story, b"2\n")
    assert set(story.turn("T1")) == {"a"}
    (one,) = event_spans(FileHistory.of(story.events).states(), {second})
    assert (one.before, one.after) == (content(story, b"2\n"), content(story, b"3\n"))
    assert span_counts(whole, story.load) == (1, 1)


def test_what_became_of_files() -> None:
    story = Story()
    story.change("T", "new", None, b"x\n")
    story.change("T", "old", b"x\n", None)
    story.change("T", "both", None, b"x\n")
    story.change("T", "both", b"x\n", None)
    story.change("T", "kept", b"x\n", b"y\n")
    assert {path: span.fate for path, span in story.session().items()} == {
        "new": "created",
        "old": "deleted",
        "both": "gone",
        "kept": "changed",
    }
    assert "no such file on either side" in span_diff(story.session()["both"], story.load).remark


def test_a_moved_file_is_followed_to_where_it_was() -> None:
    story = Story()
    story.change("T1", "a", b"1\n", b"2\n")
    story.change("T2", "b", b"2\n", b"3\n", moved="a")
    story.change("T2", "c", b"3\n", b"4\n", moved="b")
    moved = story.session()["c"]
    assert (moved.fate, moved.old_path, moved.before) == ("renamed", "a", content(story, b"1\n"))
    assert moved.targets == {"c": ABSENT, "a": content(story, b"1\n")}
    assert story.turn("T2")["c"].before == content(story, b"2\n")
    assert span_diff(moved, story.load).old_path == "a"


def test_files_that_move_in_a_circle_end_somewhere() -> None:
    story = Story()
    story.change("T", "b", b"1\n", b"1\n", moved="a")
    story.change("T", "a", b"1\n", b"1\n", moved="b")
    assert story.session()


def test_a_checkpoint_tells_what_was_before_where_the_change_does_not() -> None:
    story = Story()
    story.tell("T", Checkpoint(files=(CheckpointFile(path="a", blob=story.keep(b"1\n")),)))
    story.tell("T", FileChange(path="a", diff="--- a/a\n+++ b/a\n", after=story.keep(b"2\n")))
    span = story.turn("T")["a"]
    assert span.before == content(story, b"1\n")
    assert (span_diff(span, story.load).added, span_diff(span, story.load).removed) == (1, 1)


def test_what_is_not_known_is_shown_from_the_single_changes() -> None:
    story = Story()
    diff = unified_diff("a", "1\n2\n", "1\n3\n").text
    for _ in range(2):
        story.tell("T", FileChange(path="a", diff=diff, added=1, removed=1))
    span = story.session()["a"]
    assert span.before == UNKNOWN
    shown = span_diff(span, story.load)
    assert (shown.added, shown.removed) == (2, 2)
    assert "before and after" in shown.remark
    assert "single changes" in shown.remark


def test_a_content_that_is_not_on_this_device_is_said() -> None:
    story = Story()
    story.change("T", "a", b"1\n", b"2\n")
    story.blobs.clear()
    assert "not on this device" in span_diff(story.session()["a"], story.load).remark


def test_turns_are_named_by_their_prompts() -> None:
    story = Story()
    story.tell("T1", UserMessage(text="  First\nmore"))
    story.change("T1", "a", None, b"1\n")
    story.change("T1", "a", b"1\n", b"2\n")
    story.tell("T2", UserMessage(text="Only a question"))
    story.change("T3", "b", None, b"1\n")
    told = [(turn.turn, turn.prompt, turn.files) for turn in changing_turns(story.events)]
    assert told == [("T1", "First", 1), ("T3", "", 1)]


def test_the_disk_against_what_was_known() -> None:
    story = Story()
    known = content(story, b"1\n")
    other = OnDisk("other", why="it is a link")
    assert disk_diff("a", known, file_on_disk(b"2\n"), story.load).added == 1
    assert disk_diff("a", known, MISSING, story.load).deleted
    assert "it is a link" in disk_diff("a", known, other, story.load).remark
    assert "too large" in disk_diff("a", known, OnDisk("file", None, "00"), story.load).remark
    hashed = Hashed(file_on_disk(b"2\n").digest or "")
    assert "Nothing is different" in disk_diff("a", hashed, file_on_disk(b"2\n"), story.load).remark
    assert "another file" in disk_diff("a", hashed, file_on_disk(b"3\n"), story.load).remark
    assert "not known" in disk_diff("a", UNKNOWN, file_on_disk(b"3\n"), story.load).remark
    statuses = [drift_status(known, disk, story.load) for disk in (file_on_disk(b"1\n"), MISSING, other)]
    assert statuses == ["unchanged", "missing", "changed"]
    assert drift_status(UNKNOWN, file_on_disk(b""), story.load) == "unknown"


def test_what_restoring_does_is_said_in_a_sentence() -> None:
    steps = [Step(f"{n}", "write", MISSING, b"") for n in range(12)]
    steps += [Step("gone", "delete", file_on_disk(b""), drifted=True), Step("same", "keep", MISSING, drifted=True)]
    said = restore_sentence(steps)
    assert said == "This will write 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more and delete gone."
    assert drift_sentence(steps) == "Changed since the session last saw them: gone."
    assert restore_sentence(steps[-1:]) == drift_sentence(steps[-1:]) == ""
