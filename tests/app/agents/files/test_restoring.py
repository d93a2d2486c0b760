"""Restoring real files: what is refused, what is kept, and that every restoring can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.agents.files.restoring import Restored, plan_restore, read_session_files, restore
from app.errors import NotFound, UserError
from app.sessions.events import Body, Checkpoint, CheckpointFile, Draft, FileChange, UserMessage
from app.workspace import Workspace
from tests.helpers.homes import open_home


class Desk:
    """A session whose turns write files in a bound folder."""

    def __init__(self, home: Workspace, folder: Path) -> None:
        self.home, self.folder = home, folder
        folder.mkdir(exist_ok=True)
        home.use(home.write(lambda operations: operations.open_folder(folder)))
        self.session = home.write(lambda operations: operations.create(cwd=str(folder)))
        self.touched: set[str] = set()

    def tell(self, turn: str, body: Body) -> None:
        self.home.write(lambda operations: operations.append(self.session, [Draft(body=body, time=0, turn=turn)]))

    def begin(self, turn: str) -> None:
        self.tell(turn, UserMessage(text=turn))
        files = tuple(CheckpointFile(path=name, blob=self.keep(self.bytes(name))) for name in sorted(self.touched))
        self.tell(turn, Checkpoint(files=files))

    def keep(self, data: bytes | None):
        return None if data is None else self.home.write(lambda operations: operations.put_blob(data))

    def bytes(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def put(self, turn: str, name: str, data: bytes) -> None:
        before = self.keep(self.bytes(name))
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(data)
        self.touched.add(name)
        self.tell(turn, FileChange(path=name, before=before, after=self.keep(data)))

    def restore(self, before: str | None = None) -> Restored:
        files = read_session_files(self.home, self.session, turns=True)
        return restore(self.home, files, plan_restore(self.home, files, before))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def desk(home: Workspace, tmp_path: Path) -> Desk:
    made = Desk(home, tmp_path / "work")
    made.begin("T1")
    made.put("T1", "a.txt", b"one\n")
    made.put("T1", "b.txt", b"b\n")
    return made


contents = st.sampled_from([b"", b"x\n", b"\0binary", b"\xff\xfe", b"long" * 200_000])
edits = st.lists(st.tuples(st.booleans(), st.sampled_from(["a.txt", "d/c.bin"]), contents), min_size=1, max_size=8)


@given(edits=edits, by_hand=contents)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_moment_can_be_restored_and_every_restoring_undone(
    home: Workspace, tmp_path_factory, edits: list[tuple[bool, str, bytes]], by_hand: bytes
) -> None:
    desk = Desk(home, tmp_path_factory.mktemp("work"))
    moments = {}
    turn = "T0"
    for number, (is_new, name, data) in enumerate(edits):
        if is_new or not moments:
            turn = f"T{number}"
            moments[turn] = {file: desk.bytes(file) for file in ("a.txt", "d/c.bin")}
            desk.begin(turn)
        desk.put(turn, name, data)
    (desk.folder / "a.txt").write_bytes(by_hand)
    desk.touched.add("a.txt")
    for turn, moment in moments.items():
        found = {file: desk.bytes(file) for file in moment}
        known = read_session_files(home, desk.session).history.states()
        done = desk.restore(turn)
        assert done.skipped == ()
        assert {file: desk.bytes(file) for file in known} == {file: moment[file] for file in known}
        if done.turn is not None:
            desk.restore(done.turn)
            assert {file: desk.bytes(file) for file in known} == {file: found[file] for file in known}


def test_a_folder_in_its_place_is_refused_and_the_others_are_restored(desk: Desk) -> None:
    (desk.folder / "a.txt").unlink()
    (desk.folder / "a.txt").mkdir()
    (desk.folder / "b.txt").write_text("by hand\n")
    done = desk.restore()
    assert (done.paths, done.skipped) == (("b.txt",), (("a.txt", "it is a folder"),))
    assert desk.bytes("b.txt") == b"b\n"
    assert (desk.folder / "a.txt").is_dir()


def test_a_link_in_its_place_is_neither_followed_nor_replaced(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    for name, target in (("a.txt", secret), ("b.txt", desk.folder / "other.txt")):
        (desk.folder / name).unlink()
        (desk.folder / name).symlink_to(target)
    (desk.folder / "other.txt").write_text("other\n")
    done = desk.restore()
    assert [path for path, _ in done.skipped] == ["a.txt", "b.txt"]
    assert done.turn is None
    assert secret.read_text() == "secret\n"
    assert desk.bytes("other.txt") == b"other\n"


def test_a_folder_that_became_a_link_out_of_the_workspace_is_refused(desk: Desk, tmp_path: Path) -> None:
    desk.put("T1", "sub/c.txt", b"c\n")
    (desk.folder / "sub/c.txt").unlink()
    (desk.folder / "sub").rmdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (desk.folder / "sub").symlink_to(outside)
    assert [path for path, _ in desk.restore().skipped] == ["sub/c.txt"]
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("path", ["/etc/hostname", "../x.txt", "a/../../x", ".git/config", "", ".", "bad\0name"])
def test_paths_outside_the_workspace_are_refused(desk: Desk, path: str) -> None:
    desk.tell("T1", FileChange(path=path, after=desk.keep(b"bad\n")))
    done = desk.restore()
    assert [name for name, _ in done.skipped] == [path]
    assert done.paths == ()
    assert not (desk.folder.parent / "x.txt").exists()


def test_a_read_only_file_is_left_alone(desk: Desk) -> None:
    (desk.folder / "a.txt").write_text("by hand\n")
    (desk.folder / "a.txt").chmod(0o444)
    assert desk.restore().skipped == (("a.txt", "is read-only"),)
    assert desk.bytes("a.txt") == b"by hand\n"


@pytest.mark.slow
def test_a_large_file_in_its_place_is_kept_and_comes_back(desk: Desk) -> None:
    large = b"0123456789abcdef" * (50_000_000 // 16)
    (desk.folder / "a.txt").write_bytes(large)
    done = desk.restore()
    assert desk.bytes("a.txt") == b"one\n"
    assert done.turn is not None
    desk.restore(done.turn)
    assert desk.bytes("a.txt") == large


def test_a_file_too_large_to_be_kept_is_not_replaced(desk: Desk) -> None:
    with (desk.folder / "a.txt").open("wb") as file:
        file.truncate(70 * 1024 * 1024)
    assert desk.restore().skipped == (("a.txt", "what is there now is too large to be kept first"),)
    assert (desk.folder / "a.txt").stat().st_size == 70 * 1024 * 1024


def test_a_file_that_changes_at_the_last_moment_is_left_alone(desk: Desk) -> None:
    files = read_session_files(desk.home, desk.session, turns=True)
    (desk.folder / "a.txt").write_text("by hand\n")
    steps = plan_restore(desk.home, files)
    (desk.folder / "a.txt").write_text("just now\n")
    assert restore(desk.home, files, steps).skipped == (("a.txt", "it changed just now"),)
    assert desk.bytes("a.txt") == b"just now\n"


def test_an_unknown_turn_is_not_found_and_a_vanished_folder_is_said(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.restore("T9")
    desk.folder.rename(desk.folder.with_name("moved"))
    with pytest.raises(UserError, match="workspace open DIR"):
        desk.restore()


def test_an_import_is_restored_where_its_diffs_tell_the_content(desk: Desk) -> None:
    desk.tell("I1", FileChange(path="c.txt", diff="--- /dev/null\n+++ b/c.txt\n@@ -0,0 +1 @@\n+one\n"))
    desk.tell("I2", FileChange(path="c.txt", diff="--- a/c.txt\n+++ b/c.txt\n@@ -1 +1 @@\n-one\n+two\n"))
    desk.tell("I2", FileChange(path="d.txt", diff="--- a/d.txt\n+++ b/d.txt\n@@ -1 +1 @@\n-one\n+two\n"))
    done = desk.restore()
    assert (done.paths, done.skipped) == (("c.txt",), (("d.txt", "its content is not known"),))
    assert desk.bytes("c.txt") == b"two\n"
    desk.restore("I2")
    assert desk.bytes("c.txt") == b"one\n"


def test_a_session_in_a_folder_of_a_root_names_its_files_from_there(home: Workspace, tmp_path: Path) -> None:
    desk = Desk(home, tmp_path / "work")
    (desk.folder / "sub").mkdir()
    desk.session = home.write(lambda operations: operations.create(cwd=str(desk.folder / "sub")))
    desk.tell("T", FileChange(path="c.txt", after=desk.keep(b"c\n")))
    assert desk.restore().paths == ("c.txt",)
    assert desk.bytes("sub/c.txt") == b"c\n"


def test_undoing_leaves_absent_what_was_absent(desk: Desk) -> None:
    (desk.folder / "a.txt").unlink()
    done = desk.restore("T1")
    assert (done.paths, desk.bytes("b.txt")) == (("b.txt",), None)
    assert done.turn is not None
    assert desk.restore(done.turn).paths == ("b.txt",)
    assert (desk.bytes("a.txt"), desk.bytes("b.txt")) == (None, b"b\n")
