"""What is recorded of changes in the folders during a turn, in real folders and a real store."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.agents.files import contents, tree, watch
from app.agents.files.watch import FileWatch
from app.agents.recorder import StoreRecorder
from app.agents.scripted import ScriptedBackend, parse_script
from app.agents.turn import TurnRunner
from app.sessions.events import AgentMessage, Checkpoint, FileChange, Notice
from app.workspace import Workspace
from tests.app.agents.support import context, run
from tests.helpers.homes import open_home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_home(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    return place


class Desk:
    """A session with a watch of one folder."""

    def __init__(self, home: Workspace, folder: Path) -> None:
        self.home, self.folder = home, folder
        self.session = home.write(lambda operations: operations.create(cwd=str(folder)))

    def recorder(self) -> StoreRecorder:
        return StoreRecorder(self.home, self.session, agent="bot", clock=self.home.clock)

    def watch(self) -> FileWatch:
        return FileWatch(self.recorder(), (self.folder,), (self.home.home,))

    def command(self, *acts: Callable[[], Any]) -> list[Any]:
        """A turn with one command that does this; what it changed."""

        async def turn() -> list[Any]:
            found = self.watch()
            await found.begin_turn()
            try:
                await found.command_began()
                for act in acts:
                    await asyncio.to_thread(act)
                changed = await found.command_ended("call")
                await self.recorder().record(*changed)
                return changed
            finally:
                await found.end_turn()

        return run(turn())

    def meanwhile(self, act: Callable[[], Any]) -> list[FileChange]:
        """A turn during which a person does this; what was recorded."""
        before = len(self.changes())

        async def turn() -> None:
            found = self.watch()
            await found.begin_turn()
            await found.command_began()
            await found.command_ended("call")
            await asyncio.to_thread(act)
            await found.end_turn()

        run(turn())
        return self.changes()[before:]

    def bodies(self, kind: type[Any]) -> list[Any]:
        events = self.home.read(lambda queries: queries.events(self.session))
        return [event.body for event in events if isinstance(event.body, kind)]

    def changes(self) -> list[FileChange]:
        return self.bodies(FileChange)

    def text(self, ref: Any) -> str:
        return self.home.read(lambda queries: queries.blob(ref)).decode()


@pytest.fixture
def desk(home: Workspace, folder: Path) -> Desk:
    return Desk(home, folder)


def git(folder: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *words]
    subprocess.run(command, check=True, capture_output=True)


def test_a_command_changes_creates_and_deletes(desk: Desk, folder: Path) -> None:
    (folder / "a.py").write_text("one\n")
    (folder / "gone.txt").write_text("old\n")
    (folder / "same.txt").write_text("same\n")

    def act() -> None:
        (folder / "a.py").write_text("one\ntwo\n")
        (folder / "new").mkdir()
        (folder / "new/b.txt").write_text("b\n")
        (folder / "gone.txt").unlink()
        (folder / "same.txt").write_text("same\n")

    changes = {body.path: body for body in desk.command(act)}
    assert sorted(changes) == ["a.py", "gone.txt", "new/b.txt"]
    edited, gone, new = changes["a.py"], changes["gone.txt"], changes["new/b.txt"]
    assert {body.cause for body in changes.values()} == {"command"}
    assert {body.call_id for body in changes.values()} == {"call"}
    assert (edited.language, edited.added, edited.removed) == ("python", 1, 0)
    assert desk.text(edited.before) == "one\n"
    assert desk.text(edited.after) == "one\ntwo\n"
    assert edited.diff == "--- a/a.py\n+++ b/a.py\n@@ -1 +1,2 @@\n one\n+two\n"
    assert (gone.after, gone.removed, gone.diff.split("\n")[1]) == (None, 1, "+++ /dev/null")
    assert (new.before, new.added, new.diff.split("\n")[0]) == (None, 1, "--- /dev/null")


def test_what_people_change_is_recorded_as_theirs(desk: Desk, folder: Path) -> None:
    (folder / "a.txt").write_text("one\n")
    [change] = desk.meanwhile(lambda: (folder / "a.txt").write_text("two\n"))
    assert (change.path, change.cause, change.added, change.removed) == ("a.txt", "person", 1, 1)
    events = desk.home.read(lambda queries: queries.events(desk.session, kinds=["file_change"]))
    assert events[0].author.agent is None


def test_a_change_is_recorded_while_the_turn_goes_on(desk: Desk, folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src/a.txt").write_text("one\n")

    async def turn() -> None:
        found = desk.watch()
        await found.begin_turn()
        await until(lambda: found._observing is not None and found._observing._observer is not None)
        while not desk.changes():
            (folder / "src/a.txt").write_text("two\n")
            await asyncio.sleep(0.05)
        await found.end_turn()

    run(turn())
    assert [(change.path, change.cause) for change in desk.changes()] == [("src/a.txt", "person")]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came")


def test_what_is_ignored_is_not_recorded(desk: Desk, folder: Path) -> None:
    (folder / ".gitignore").write_text("*.log\n/out/\n")
    for name in ("out", "node_modules", ".git", "sub"):
        (folder / name).mkdir()
    (folder / "sub/.gitignore").write_text("!keep.log\nlocal\n")

    def act() -> None:
        for name in ("a.log", "out/x", "node_modules/x", ".git/x", "sub/local", "sub/keep.log", "sub/b.log"):
            (folder / name).write_text("x\n")
        (folder / "sub/__pycache__").mkdir()
        (folder / "sub/__pycache__/x.pyc").write_text("x\n")

    assert [body.path for body in desk.command(act)] == ["sub/keep.log"]


def test_new_ignore_rules_hold_from_then_on(desk: Desk, folder: Path) -> None:
    (folder / "sub").mkdir()

    def act() -> None:
        (folder / ".gitignore").write_text("*.log\n")
        (folder / "sub/a.log").write_text("x\n")
        (folder / "sub/a.txt").write_text("x\n")

    assert sorted(body.path for body in desk.command(act)) == [".gitignore", "sub/a.txt"]


def test_lovelaces_own_home_is_not_watched(desk: Desk, tmp_path: Path) -> None:
    whole = Desk(desk.home, tmp_path)
    assert [body.path for body in whole.command(lambda: (tmp_path / "x.txt").write_text("x\n"))] == ["x.txt"]


def test_git_has_what_clean_files_held(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "FILE_BYTES", 4)
    git(folder, "init", "-q")
    (folder / "a.txt").write_text("committed\n")
    (folder / "b.txt").write_text("not committed\n")
    git(folder, "add", "a.txt")
    git(folder, "commit", "-qm", "first")

    def act() -> None:
        (folder / "a.txt").write_text("changed\n")
        (folder / "b.txt").write_text("changed as well\n")
        git(folder, "commit", "-qam", "second")

    changes = {body.path: body for body in desk.command(act)}
    assert desk.text(changes["a.txt"].before) == "committed\n"
    unseen = changes["b.txt"]
    assert (unseen.before, unseen.diff, unseen.binary) == (None, "--- a/b.txt\n+++ b/b.txt\n", False)
    assert desk.text(unseen.after) == "changed as well\n"
    [checkpoint] = desk.bodies(Checkpoint)
    assert checkpoint.git is not None
    assert (checkpoint.git.dirty, checkpoint.files, len(checkpoint.git.head)) == (False, (), 40)


def test_git_runs_no_program_that_the_repository_names(desk: Desk, folder: Path, tmp_path: Path) -> None:
    git(folder, "init", "-q")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    for name in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "diff.x.textconv", "core.pager"):
        git(folder, "config", name, str(trap))
    (folder / ".gitattributes").write_text("* filter=x diff=x\n")
    (folder / "a.txt").write_text("two\n")
    assert [body.path for body in desk.command(lambda: (folder / "a.txt").write_text("three\n"))] == ["a.txt"]
    assert not (tmp_path / "sprung").exists()
    [checkpoint] = desk.bodies(Checkpoint)
    assert checkpoint.git is not None
    assert checkpoint.git.dirty


def test_binary_and_large_files_are_known_by_their_hash(desk: Desk, folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"\0one")
    with (folder / "big.txt").open("wb") as file:
        file.truncate(50_000_000)

    def act() -> None:
        (folder / "a.bin").write_bytes(b"\0two")
        (folder / "new.bin").write_bytes(b"\0new")
        with (folder / "big.txt").open("ab") as file:
            file.write(b"more")

    changes = {body.path: body for body in desk.command(act)}
    assert sorted(changes) == ["a.bin", "big.txt", "new.bin"]
    assert all(body.binary and not body.before and not body.after for body in changes.values())
    assert all(len(body.after_hash) == 64 for body in changes.values())
    assert len(changes["a.bin"].before_hash) == 64
    assert (changes["new.bin"].before_hash, changes["new.bin"].diff) == (None, "")


def test_names_that_are_no_text_are_left_out_with_a_notice(desk: Desk, folder: Path) -> None:
    os.close(os.open(os.fsencode(folder) + b"/\xff.txt", os.O_CREAT | os.O_WRONLY))
    bodies = desk.command(lambda: (folder / "a.txt").write_text("a\n"))
    assert [body.path for body in bodies if isinstance(body, FileChange)] == ["a.txt"]
    assert [body.text for body in bodies if isinstance(body, Notice)] == [
        "1 names in the folder are not valid UTF-8; those are not watched."
    ]


def test_too_many_files_are_told(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree.Tree.__init__, "__kwdefaults__", {"max_files": 5})
    for number in range(9):
        (folder / f"f{number}").write_text("x\n")
    bodies = desk.command(lambda: (folder / "f0").write_text("y\n"))
    assert [body.path for body in bodies if isinstance(body, FileChange)] == ["f0"]
    assert "more files than are watched" in bodies[-1].text


def test_too_many_changes_are_counted(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MAX_CHANGES", 3)
    bodies = desk.command(lambda: [(folder / f"f{number}").write_text("x\n") for number in range(9)])
    assert [body.kind for body in bodies] == ["file_change"] * 3 + ["notice"]
    assert bodies[-1].text.startswith("6 more files")


def test_a_file_that_becomes_a_folder_or_a_link_is_deleted(desk: Desk, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    (folder / "a.txt").write_text("a\n")
    (folder / "b.txt").write_text("b\n")

    def act() -> None:
        (folder / "a.txt").unlink()
        (folder / "a.txt").mkdir()
        (folder / "b.txt").unlink()
        (folder / "b.txt").symlink_to(secret)

    changes = desk.command(act)
    assert [(body.path, body.after, body.removed) for body in changes] == [("a.txt", None, 1), ("b.txt", None, 1)]


def test_the_checkpoint_has_what_the_session_touched(desk: Desk, folder: Path) -> None:
    desk.command(lambda: [(folder / name).write_text(name) for name in ("a", "b", "c")])
    assert desk.bodies(Checkpoint) == []
    (folder / "b").write_text("by hand")
    (folder / "c").unlink()
    desk.command(lambda: (folder / "d").write_text("d"))
    [checkpoint] = desk.bodies(Checkpoint)
    files = {file.path: file.blob for file in checkpoint.files}
    assert sorted(files) == ["a", "b", "c"]
    assert [desk.text(files[name]) for name in "ab"] == ["a", "by hand"]
    assert files["c"] is None


def test_tools_record_their_changes_once(desk: Desk, folder: Path) -> None:
    (folder / "a.txt").write_text("zero\n")
    script = [
        {"tool": "write", "input": {"path": "a.txt", "content": "one\n"}},
        {"tool": "edit", "input": {"path": "a.txt", "old": "one", "new": "two"}},
        {"delay_ms": 800},
        {"tool": "write", "input": {"path": "new/b.txt", "content": "b\n"}},
    ]
    _run_script(desk, script)
    assert [(change.path, change.cause) for change in desk.changes()] == [
        ("a.txt", "tool"),
        ("a.txt", "tool"),
        ("new/b.txt", "tool"),
    ]


def test_commands_change_what_tools_wrote(desk: Desk, folder: Path) -> None:
    script = [
        {"tool": "write", "input": {"path": "a.txt", "content": "one\n"}},
        {"tool": "run", "input": {"command": "echo two >> a.txt; echo new > b.txt"}},
        {"say": "Done."},
    ]
    _run_script(desk, script)
    changes = desk.changes()
    assert [(change.path, change.cause, change.added) for change in changes] == [
        ("a.txt", "tool", 1),
        ("a.txt", "command", 1),
        ("b.txt", "command", 1),
    ]
    assert changes[1].before == changes[0].after
    kinds = [event.kind for event in desk.home.read(lambda queries: queries.events(desk.session))]
    after = kinds[kinds.index("command_result") :]
    assert after[:4] == ["command_result", "file_change", "file_change", "tool_result"]


def _run_script(desk: Desk, script: list[dict[str, Any]]) -> None:
    async def turn() -> None:
        recorder = desk.recorder()
        files = FileWatch(recorder, (desk.folder,), (desk.home.home,))
        given = context(desk.folder, keep=recorder.keep, files=files)
        conversation = await ScriptedBackend(parse_script(json.dumps([script]).encode(), "test")).start(given)
        await TurnRunner(conversation, recorder, files=files).run("go")
        await conversation.close()

    run(turn())


def test_a_cancelled_turn_records_what_happened_and_leaves_no_thread(desk: Desk, folder: Path) -> None:
    script = [{"tool": "run", "input": {"command": "echo x > a.txt; sleep 60"}}]

    async def cancelled() -> None:
        recorder = desk.recorder()
        files = FileWatch(recorder, (folder,), (desk.home.home,))
        conversation = await ScriptedBackend(parse_script(json.dumps([script]).encode(), "test")).start(
            context(folder, keep=recorder.keep, files=files)
        )
        runner = TurnRunner(conversation, recorder, files=files)
        work: Awaitable[Any] = asyncio.ensure_future(runner.run("go"))
        await until((folder / "a.txt").exists)
        await runner.cancel()
        assert (await work).outcome == "cancelled"
        await conversation.close()

    run(cancelled())
    assert [(change.path, change.cause) for change in desk.changes()] == [("a.txt", "command")]


def test_a_folder_that_vanishes_ends_nothing(desk: Desk, folder: Path) -> None:
    (folder / "a.txt").write_text("a\n")
    moved = folder.with_name("moved")
    [change] = desk.meanwhile(lambda: folder.rename(moved))
    assert (change.path, change.after) == ("a.txt", None)


def test_a_turn_cancelled_while_it_begins_asks_the_agent_nothing(desk: Desk) -> None:
    class Slow(FileWatch):
        async def begin_turn(self) -> None:
            await super().begin_turn()
            await runner.cancel()

    async def turn() -> str:
        nonlocal runner
        recorder = desk.recorder()
        files = Slow(recorder, (desk.folder,))
        script = parse_script(b'[[{"say": "never"}]]', "test")
        conversation = await ScriptedBackend(script).start(context(desk.folder, keep=recorder.keep, files=files))
        runner = TurnRunner(conversation, recorder, files=files)
        return (await runner.run("go")).outcome

    runner: Any = None
    assert run(turn()) == "cancelled"
    assert [body.text for body in desk.bodies(Notice)] == ["Cancelled."]
    assert desk.bodies(AgentMessage) == []
