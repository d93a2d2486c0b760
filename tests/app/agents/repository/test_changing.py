"""Staging files and hunks, discarding with a way back, commits that are events, and proposed messages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.agents.files.restoring import plan_restore, read_session_files, restore
from app.agents.own_command import run_own_command
from app.agents.repository.changing import move_hunk, plan_discard, stage, unstage
from app.agents.repository.committing import bound_folder, commit_command, failure, record_commit
from app.agents.repository.message import MOST_BODY, MOST_SUMMARY, propose_message, split_message
from app.agents.repository.reading import read_change
from app.agents.scripted import ScriptedBackend, parse_script
from app.errors import AgentError, UserError
from app.sessions.events import Checkpoint, Command, CommandResult
from app.workspace import Workspace
from tests.app.agents.repository.support import git, isolate, look, make_repository, names, the
from tests.app.agents.support import run
from tests.helpers.homes import open_home

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on this computer")
LINES = [f"{number}\n" for number in range(40)]


@pytest.fixture(autouse=True)
def person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate(monkeypatch, tmp_path / "person")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project", a_txt="".join(LINES), b_txt="b\n")


@pytest.fixture
def home(tmp_path: Path, folder: Path) -> Iterator[Workspace]:
    workspace = open_home(tmp_path / "home")
    workspace.use(workspace.write(lambda operations: operations.open_folder(folder)))
    yield workspace
    workspace.close()


def staged_text(folder: Path, name: str) -> str:
    return git(folder, "show", f":{name}") + "\n"


def two_hunks(folder: Path) -> None:
    lines = [*LINES]
    lines[3], lines[30] = "three\n", "thirty\n"
    (folder / "a.txt").write_text("".join(lines))


def move(folder: Path, group: str, name: str, number: int) -> None:
    found = look(folder)
    file = the(found, group, name)  # type: ignore[arg-type]
    diff = run(read_change(found, file))
    run(move_hunk(found, file, diff, diff.hunks[number]))


@pytest.mark.parametrize("name", ["plain", "a b", 'q"', "n\nl", "-rf", "*", ":x", os.fsdecode(b"\xff")])
def test_files_of_all_names_are_staged_and_taken_out_again(folder: Path, name: str) -> None:
    (folder / name).write_text("x\n")
    (folder / "other").write_text("not this one\n")
    found = look(folder)
    run(stage(found, [the(found, "untracked", name)]))
    found = look(folder)
    assert (names(found, "staged"), names(found, "untracked")) == ([("A", name)], [("?", "other")])
    run(unstage(found, found.status.of("staged")))
    assert names(look(folder), "staged") == []
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "odd")
    (folder / name).write_text("x\ny\n")
    move(folder, "changed", name, 0)
    assert names(look(folder), "staged") == [("M", name)] and names(look(folder), "changed") == []


def test_deleted_and_moved_files(folder: Path) -> None:
    (folder / "b.txt").unlink()
    found = look(folder)
    run(stage(found, found.status.of("changed")))
    git(folder, "mv", "a.txt", "c.txt")
    found = look(folder)
    assert names(found, "staged") == [("D", "b.txt"), ("R", "c.txt")]
    run(unstage(found, found.status.of("staged")))
    assert names(look(folder), "staged") == []


def test_variables_of_git_do_not_lead_elsewhere(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_repository(tmp_path / "other", a_txt="a\n")
    (folder / "new").write_text("x\n")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    found = look(folder)
    run(stage(found, found.status.files))
    assert names(look(folder), "staged") == [("A", "new")]


def test_before_the_first_commit(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a").write_text("a\n")
    found = look(folder)
    run(stage(found, found.status.files))
    assert names(look(folder), "staged") == [("A", "a")]
    run(unstage(look(folder), look(folder).status.files))
    assert names(look(folder), "untracked") == [("?", "a")]


def test_one_hunk_goes_and_comes_back(folder: Path) -> None:
    two_hunks(folder)
    on_disk = (folder / "a.txt").read_text()
    move(folder, "changed", "a.txt", 1)
    assert staged_text(folder, "a.txt") == "".join(LINES).replace("\n30\n", "\nthirty\n")
    move(folder, "changed", "a.txt", 0)
    assert staged_text(folder, "a.txt") == on_disk
    assert names(look(folder), "changed") == []
    move(folder, "staged", "a.txt", 0)
    assert staged_text(folder, "a.txt") == "".join(LINES).replace("\n30\n", "\nthirty\n")
    assert (folder / "a.txt").read_text() == on_disk


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_staging_all_hunks_one_by_one_stages_the_file(folder: Path, data: st.DataObject) -> None:
    git(folder, "reset", "-q", "--hard")
    lines = [*LINES]
    for at in sorted(data.draw(st.sets(st.integers(0, 39), min_size=1, max_size=5)), reverse=True):
        lines[at : at + 1] = data.draw(st.lists(st.sampled_from(["x\n", "é\r\n", "\n"]), max_size=3))
    text = "".join(lines) + data.draw(st.sampled_from(["", "no end"]))
    (folder / "a.txt").write_bytes(text.encode())
    while names(found := look(folder), "changed"):
        diff = run(read_change(found, the(found, "changed", "a.txt")))
        move(folder, "changed", "a.txt", data.draw(st.integers(0, len(diff.hunks) - 1)))
    assert run(read_change(found, the(found, "staged", "a.txt"))).new_text == text


def test_a_hunk_that_is_not_there_any_more_is_refused(folder: Path) -> None:
    two_hunks(folder)
    found = look(folder)
    file = the(found, "changed", "a.txt")
    diff = run(read_change(found, file))
    (folder / "a.txt").write_text("all other\n")
    git(folder, "add", "a.txt")
    with pytest.raises(UserError, match="has changed since"):
        run(move_hunk(found, file, diff, diff.hunks[0]))


def test_a_lock_is_said_before_anything_is_done(folder: Path) -> None:
    two_hunks(folder)
    (folder / ".git" / "index.lock").touch()
    with pytest.raises(UserError, match=r"index\.lock"):
        run(stage(look(folder), look(folder).status.files))


def test_a_settled_conflict_is_staged(folder: Path) -> None:
    git(folder, "checkout", "-qb", "other")
    (folder / "b.txt").write_text("theirs\n")
    git(folder, "commit", "-qam", "theirs")
    git(folder, "checkout", "-q", "trunk")
    (folder / "b.txt").write_text("ours\n")
    git(folder, "commit", "-qam", "ours")
    git(folder, "merge", "-q", "other", check=False)
    found = look(folder)
    with pytest.raises(UserError, match="only be staged as a whole"):
        diff = run(read_change(found, found.status.files[0]))
        run(move_hunk(found, found.status.files[0], diff, diff.hunks[0]))
    (folder / "b.txt").write_text("both\n")
    run(stage(found, found.status.of("conflict")))
    assert names(look(folder), "staged") == [("M", "b.txt")]


def discard(home: Workspace, session: str, folder: Path, group: str, name: str) -> str:
    found = look(folder)
    files = read_session_files(home, session)
    steps = run(plan_discard(found, files, the(found, group, name)))  # type: ignore[arg-type]
    done = restore(home, files, steps)
    assert done.turn is not None and not done.skipped
    return done.turn


@pytest.mark.parametrize(("group", "name"), [("changed", "a.txt"), ("untracked", "new.bin"), ("changed", "b.txt")])
def test_what_is_discarded_comes_back(home: Workspace, folder: Path, group: str, name: str) -> None:
    session = home.write(lambda operations: operations.create(cwd=str(folder)))
    two_hunks(folder)
    (folder / "new.bin").write_bytes(b"\0new")
    (folder / "b.txt").unlink()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    turn = discard(home, session, folder, group, name)
    assert (group, name) not in [(file.group, file.path) for file in look(folder).status.files]
    files = read_session_files(home, session, turns=True)
    restore(home, files, plan_restore(home, files, turn))
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_discarding_goes_back_to_what_is_staged(home: Workspace, folder: Path) -> None:
    session = home.write(lambda operations: operations.create(cwd=str(folder)))
    (folder / "b.txt").write_text("staged\n")
    git(folder, "add", "b.txt")
    (folder / "b.txt").write_text("more\n")
    discard(home, session, folder, "changed", "b.txt")
    assert (folder / "b.txt").read_text() == "staged\n"


def test_what_cannot_be_kept_is_not_discarded(home: Workspace, folder: Path, tmp_path: Path) -> None:
    session = home.write(lambda operations: operations.create(cwd=str(folder)))
    (folder / "b.txt").unlink()
    (folder / "b.txt").symlink_to(tmp_path)
    found = look(folder)
    with pytest.raises(UserError, match="left as it is"):
        run(plan_discard(found, read_session_files(home, session), found.status.files[0]))
    (tmp_path / "else").mkdir()
    home.use(home.write(lambda operations: operations.open_folder(tmp_path / "else")))
    other = home.write(lambda operations: operations.create())
    with pytest.raises(UserError, match="outside the workspace"):
        run(plan_discard(found, read_session_files(home, other), found.status.files[0]))


def commit(home: Workspace, session: str, folder: Path, summary: str, body: str = "") -> CommandResult:
    before = look(folder)
    line = commit_command(summary, body)
    result = run(run_own_command(home, session, line, folder=folder, clock=home.clock))
    if result.exit_code == 0:
        run(record_commit(home, session, before, home.clock))
    return result


def test_a_commit_is_events_of_the_session(home: Workspace, folder: Path) -> None:
    session = home.write(lambda operations: operations.create(cwd=str(folder)))
    two_hunks(folder)
    git(folder, "add", "-A")
    assert commit(home, session, folder, 'It\'s "quoted"  `x` $HOME\n', "Body\n# kept\n").exit_code == 0
    assert git(folder, "log", "-1", "--format=%B").strip() == 'It\'s "quoted" `x` $HOME\n\nBody\n# kept'
    events = home.read(lambda queries: queries.events(session))
    told = [event.body for event in events if event.kind in ("command", "command_result", "checkpoint")]
    assert [body.kind for body in told] == ["command", "command_result", "checkpoint"]  # type: ignore[union-attr]
    assert isinstance(told[0], Command) and told[0].command.startswith("git commit -m 'It'")
    assert isinstance(told[2], Checkpoint) and told[2].git is not None
    assert (told[2].git.head, told[2].git.branch, told[2].git.dirty) == (
        git(folder, "rev-parse", "HEAD"),
        "trunk",
        False,
    )


def test_a_hook_that_says_no_is_told_in_its_words(home: Workspace, folder: Path) -> None:
    session = home.write(lambda operations: operations.create(cwd=str(folder)))
    hook = folder / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'line too long in a.txt'\nexit 3\n")
    hook.chmod(0o755)
    two_hunks(folder)
    git(folder, "add", "-A")
    result = commit(home, session, folder, "No")
    assert "line too long in a.txt" in failure(result)
    assert git(folder, "log", "--format=%s") == "first"
    assert home.read(lambda queries: queries.events(session, kinds=["checkpoint"])) == []


def test_without_a_message_there_is_no_commit() -> None:
    with pytest.raises(UserError, match="no message"):
        commit_command(" \n")


def test_the_command_names_a_repository_below_a_bound_folder(tmp_path: Path) -> None:
    bound = [tmp_path / "other", tmp_path / "a"]
    assert bound_folder(tmp_path / "a" / "in it", bound) == (tmp_path / "a", "in it")
    assert commit_command("Do", "", "in it") == "git -C 'in it' commit -m Do"
    assert bound_folder(tmp_path / "a", bound) == (tmp_path / "a", ".")
    with pytest.raises(UserError, match="no folder of this workspace"):
        bound_folder(tmp_path, bound)


def agent(script: str) -> ScriptedBackend:
    return ScriptedBackend(parse_script(script.encode(), "test"))


def test_a_message_is_proposed_from_what_is_staged(folder: Path) -> None:
    with pytest.raises(UserError, match="Nothing is staged"):
        run(propose_message(look(folder), agent('[[{"say": "x"}]]')))
    two_hunks(folder)
    git(folder, "add", "-A")
    answer = run(propose_message(look(folder), agent('[[{"say": "{prompt}"}]]')))
    assert answer[0].startswith("Write the message") and "+thirty" in answer[1] and "a.txt" in answer[1]
    for script, words in (('[[{"fail": "No key."}]]', "No key"), ('[[{"think": "hm"}]]', "proposed nothing")):
        with pytest.raises(AgentError, match=words):
            run(propose_message(look(folder), agent(script)))
    with pytest.raises(AgentError, match="did not answer"):
        run(propose_message(look(folder), agent('[[{"delay_ms": 60000}]]'), within=0.2))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("Do it", ("Do it", "")),
        ("```\n\n**Do it**\n\nBecause.\nSo.\n```\n", ("Do it", "Because.\nSo.")),
        ('"Do it"\n', ("Do it", "")),
        (" \n```text\n```\n", None),
    ],
)
def test_what_agents_put_around_a_message_is_taken_off(answer: str, message: tuple[str, str] | None) -> None:
    assert split_message(answer) == message


@given(st.text())
def test_a_message_is_short_and_its_summary_one_line(answer: str) -> None:
    message = split_message(answer)
    if message is not None:
        assert message[0] and len(message[0]) <= MOST_SUMMARY and len(message[0].splitlines()) == 1
        assert len(message[1]) <= MOST_BODY
