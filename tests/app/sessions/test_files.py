"""The history of files over events, against a plain model of a folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import NotFound
from app.sessions.diff import unified_diff
from app.sessions.events import AnyBody, BlobRef, Checkpoint, CheckpointFile, FileChange, UserMessage
from app.sessions.file_changes import MISSING, OnDisk, file_drift, file_on_disk, net_change, restore_plan, touched
from app.sessions.files import ABSENT, UNKNOWN, FileHistory, Hashed, Lost, resolve

Folder = dict[str, bytes]


@dataclass(frozen=True)
class Past:
    id: str
    turn: str | None
    body: AnyBody


@dataclass
class World:
    """A folder, the events of what is done to it, and the folder as it was before each turn."""

    disk: Folder = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    events: list[Past] = field(default_factory=list)
    moments: dict[str, Folder] = field(default_factory=dict)

    def keep(self, data: bytes | None) -> BlobRef | None:
        if data is None:
            return None
        key = hashlib.sha256(data).hexdigest()
        self.blobs[key] = data
        return BlobRef(blob=key, size=len(data))

    def load(self, ref: BlobRef) -> bytes | None:
        return self.blobs.get(ref.blob)

    def look(self, path: str) -> OnDisk:
        return file_on_disk(self.disk[path]) if path in self.disk else MISSING

    def tell(self, turn: str | None, body: AnyBody) -> None:
        self.events.append(Past(f"E{len(self.events):04}", turn, body))

    @property
    def history(self) -> FileHistory:
        return FileHistory.of(self.events)

    def begin(self, turn: str) -> None:
        """A prompt, with the checkpoint of what was touched so far."""
        self.tell(turn, UserMessage(text=turn))
        self.moments[turn] = dict(self.disk)
        paths = self.history.states()
        self.tell(turn, Checkpoint(files=tuple(self._entry(path) for path in paths)))

    def _entry(self, path: str) -> CheckpointFile:
        return CheckpointFile(path=path, blob=self.keep(self.disk.get(path)))

    def put(self, turn: str, path: str, data: bytes | None) -> None:
        """A recorded change; None deletes."""
        before = self.disk.get(path)
        if before == data:
            return
        diff = unified_diff(path, *(None if side is None else side.decode() for side in (before, data)))
        kept = {"before": self.keep(before), "after": self.keep(data)}
        self.tell(turn, FileChange(path=path, diff=diff.text, added=diff.added, removed=diff.removed, **kept))
        self.drift(path, data)

    def drift(self, path: str, data: bytes | None) -> None:
        """A change that nobody records."""
        if data is None:
            self.disk.pop(path, None)
        else:
            self.disk[path] = data

    def restore(self, turn: str, before: str) -> bool:
        """What the program does when a person restores; whether anything had to be done."""
        steps = restore_plan(self.history.before(before), self.history.states(), self.look, self.load)
        if not touched(steps):
            return False
        self.moments[turn] = dict(self.disk)
        self.tell(turn, Checkpoint(files=tuple(self._entry(step.path) for step in steps)))
        for step in touched(steps):
            self.put(turn, step.path, step.data)
        return True


paths = st.sampled_from(["a", "b", "dir/c"])
datas = st.one_of(st.none(), st.sampled_from([b"", b"one\n", b"one\ntwo\n", b"no end"]))
acts = st.lists(st.tuples(st.sampled_from(["turn", "put", "put", "drift"]), paths, datas), max_size=25)


@given(start=st.dictionaries(paths, datas.filter(bool)), acts=acts, data=st.data())
@settings(max_examples=200)
def test_restoring_gives_the_bytes_of_the_moment_and_can_be_undone(start: Folder, acts: list[Any], data: Any) -> None:
    world = World(dict(start))
    world.begin("T0")
    for kind, path, content in acts:
        turn = f"T{len(world.moments) - 1}"
        if kind == "turn":
            world.begin(f"T{len(world.moments)}")
        elif kind == "put":
            world.put(turn, path, content)
        else:  # seen by the checkpoint of the next turn, if the session knows the file by then
            known = path in world.history.states()
            world.drift(path, content)
            if not known:
                world.moments = {name: {**moment, path: b"?"} for name, moment in world.moments.items()}
            world.begin(f"T{len(world.moments)}")
    chosen = data.draw(st.sampled_from(list(world.moments)))
    wanted = world.moments[chosen]
    known_paths = [path for path in world.history.states() if wanted.get(path) != b"?"]
    world.drift("a", data.draw(datas))
    found = dict(world.disk)
    changed = world.restore("R1", chosen)
    assert all(world.disk.get(path) == wanted.get(path) for path in known_paths)
    if not changed:
        return
    assert world.restore("R2", "R1")
    assert all(world.disk.get(path) == found.get(path) for path in world.history.states())
    assert world.restore("R3", "R2")
    assert all(world.disk.get(path) == wanted.get(path) for path in known_paths)


@given(puts=st.lists(st.tuples(paths, datas), min_size=1, max_size=12))
@settings(max_examples=100)
def test_net_changes_lead_from_first_to_last(puts: list[tuple[str, bytes | None]]) -> None:
    world = World({"a": b"start\n"})
    first = dict(world.disk)
    for path, data in puts:
        world.put("T", path, data)
    for path, state in world.history.states().items():
        before, after = first.get(path), world.disk.get(path)
        net = net_change(state, world.load)
        assert (net is None) == (before == after)
        if net is not None:
            expected = unified_diff(path, *(None if side is None else side.decode() for side in (before, after)))
            assert (net.diff, net.added, net.removed, net.exact) == (
                expected.text,
                expected.added,
                expected.removed,
                True,
            )
    assert {drift.status for drift in file_drift(world.history.states(), world.look, world.load)} <= {"unchanged"}


def change(path: str, diff: str, **more: Any) -> FileChange:
    return FileChange(path=path, diff=diff, **more)


def test_diffs_without_contents_lead_on_from_a_creation() -> None:
    world = World()
    world.tell("T1", change("a", "--- /dev/null\n+++ b/a\n@@ -0,0 +1,2 @@\n+one\n+two\n"))
    world.tell("T2", change("a", "--- a/a\n+++ b/a\n@@ -2 +2 @@\n-two\n+three\n"))
    state = world.history.states()["a"]
    assert resolve(state.last, world.load) == b"one\nthree\n"
    assert resolve(world.history.before("T2")["a"], world.load) == b"one\ntwo\n"
    assert world.history.before("T1")["a"] == ABSENT
    net = net_change(state, world.load)
    assert net is not None
    assert net.diff == "--- /dev/null\n+++ b/a\n@@ -0,0 +1,2 @@\n+one\n+three\n"


def test_a_content_that_nobody_recorded_is_said_to_be_unknown() -> None:
    world = World({"a": b"one\n"})
    diff = "--- a/a\n+++ b/a\n@@ -2 +2 @@\n-two\n+three\n"
    world.tell("T1", change("a", diff, added=1, removed=1))
    state = world.history.states()["a"]
    assert (state.first, state.last, state.exists) == (UNKNOWN, UNKNOWN, None)
    net = net_change(state, world.load)
    assert net is not None
    assert (net.diff, net.added, net.removed, net.exact) == (diff, 1, 1, False)
    [drift] = file_drift(world.history.states(), world.look, world.load)
    assert (drift.status, drift.why) == ("unknown", "its content is not known")
    [step] = restore_plan({"a": state.last}, world.history.states(), world.look, world.load)
    assert (step.action, step.why) == ("refuse", "its content is not known")


def test_a_diff_that_does_not_fit_loses_the_content() -> None:
    world = World()
    world.tell("T1", change("a", "--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+one\n"))
    world.tell("T1", change("a", "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-two\n+three\n"))
    assert resolve(world.history.states()["a"].last, world.load) == Lost("its recorded diffs do not fit together")


def test_a_blob_that_is_not_here_is_said() -> None:
    world = World()
    world.put("T", "a", b"one\n")
    world.blobs.clear()
    assert resolve(world.history.states()["a"].last, world.load) == Lost("its content is not on this device")


def test_hashes_tell_drift_but_cannot_be_put_back() -> None:
    world = World({"a": b"\0one"})
    digest = hashlib.sha256(b"\0one").hexdigest()
    world.tell("T", FileChange(path="a", before_hash="0" * 64, after_hash=digest, binary=True))
    state = world.history.states()["a"]
    assert state.last == Hashed(digest)
    [same] = file_drift(world.history.states(), world.look, world.load)
    assert same.status == "unchanged"
    assert restore_plan({"a": state.last}, {"a": state}, world.look, world.load)[0].action == "keep"
    [step] = restore_plan(world.history.before("T"), {"a": state}, world.look, world.load)
    assert (step.action, step.why) == ("refuse", "only its hash was kept, because it is binary or large")
    world.disk["a"] = b"\0two"
    [changed] = file_drift(world.history.states(), world.look, world.load)
    assert changed.status == "changed"


def test_a_moved_file_leaves_its_old_place() -> None:
    world = World()
    world.put("T", "old", b"one\n")
    world.tell("U", change("new", "--- a/old\n+++ b/new\n@@ -1 +1 @@\n-one\n+two\n", renamed_from="old"))
    states = world.history.states()
    assert states["old"].last == ABSENT
    assert resolve(states["new"].last, world.load) == b"two\n"
    before = world.history.before("U")
    assert resolve(before["old"], world.load) == b"one\n"
    assert before["new"] == ABSENT


def test_turns_are_found_by_their_beginnings_and_events() -> None:
    world = World()
    for turn in ("abc1", "abd2"):
        world.begin(turn)
    history = world.history
    assert history.find_turn("abc") == (0, "abc1")
    assert history.find_turn("abd2") == (2, "abd2")
    assert history.find_turn("E0003") == (2, "abd2")
    with pytest.raises(NotFound, match="several turns") as several:
        history.find_turn("ab")
    assert several.value.candidates == ("abc1", "abd2")
    for wrong in ("zzz", "", "E9"):
        with pytest.raises(NotFound):
            history.find_turn(wrong)
