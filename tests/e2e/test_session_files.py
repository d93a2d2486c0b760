"""What a session did to files, from the terminal: files, diff, drift, restore and its undoing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Program

SCRIPT = [
    [
        {"tool": "write", "input": {"path": "a.txt", "content": "one\ntwo\n"}},
        {"tool": "write", "input": {"path": "new/b.txt", "content": "b\n"}},
        {"say": "Written."},
    ],
    [{"tool": "edit", "input": {"path": "a.txt", "old": "two", "new": "three"}}, {"say": "Edited."}],
]


@pytest.fixture
def folder(program: Program, tmp_path: Path) -> Path:
    """A folder of a workspace of its own with one file."""
    program.json("workspace", "open", str(tmp_path))
    (tmp_path / "a.txt").write_text("zero\n")
    return tmp_path


@pytest.fixture(scope="module")
def editor(program: Program) -> str:
    path = program.folder / "editor.json"
    path.write_text(json.dumps(SCRIPT))
    return program.json("agents", "add", "editor", "--script", str(path))["id"]


@pytest.fixture
def session(program: Program, editor: str, folder: Path) -> str:
    """Two turns of an agent that writes files."""
    chat = ["--json", "chat", "--agent", editor, "--tools", "--allow", "edit"]
    first = program.run(*chat, "--new", "Write", cwd=folder).lines
    program.run(*chat, "--session", first[0]["session"], "Edit", cwd=folder)
    return str(first[0]["session"])


def turns(program: Program, session: str, folder: Path) -> list[str]:
    prompts = program.run("--json", "sessions", "show", session, "--events", "user_message", cwd=folder).lines
    return [prompt["turn"] for prompt in prompts]


def test_files_and_diff_tell_the_net_change(program: Program, session: str, folder: Path) -> None:
    rows = program.json("sessions", "files", session, cwd=folder)
    assert [(row["path"], row["changes"], row["added"], row["removed"], row["exists"]) for row in rows] == [
        ("a.txt", 2, 3, 2, True),
        ("new/b.txt", 1, 1, 0, True),
    ]
    assert {row["cause"] for row in rows} == {"tool"}
    text = program.run("sessions", "diff", session, "a.txt", cwd=folder).out
    assert text == "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1,2 @@\n-zero\n+one\n+three\n"
    changes = program.json("sessions", "diff", session, cwd=folder)
    assert [(one["path"], one["added"], one["removed"], one["exact"]) for one in changes] == [
        ("a.txt", 2, 1, True),
        ("new/b.txt", 1, 0, True),
    ]
    assert program.run("sessions", "diff", session, "nowhere.txt", cwd=folder).code == 4


def test_drift_tells_what_became_of_the_files(program: Program, session: str, folder: Path) -> None:
    def drift() -> dict[str, str]:
        return {one["path"]: one["status"] for one in program.json("sessions", "drift", session, cwd=folder)}

    assert drift() == {"a.txt": "unchanged", "new/b.txt": "unchanged"}
    (folder / "a.txt").write_text("one\nmine\n")
    (folder / "new/b.txt").unlink()
    assert drift() == {"a.txt": "changed", "new/b.txt": "missing"}
    assert "-three\n+mine\n" in program.run("sessions", "drift", session, cwd=folder).out


def test_restore_goes_back_and_can_be_undone(program: Program, session: str, folder: Path) -> None:
    first, second = turns(program, session, folder)
    (folder / "a.txt").write_text("by hand\n")
    asked = program.run("sessions", "restore", session, "--before", second, cwd=folder)
    assert asked.code == 1
    assert "Changed since the session last saw them: a.txt." in asked.err
    assert (folder / "a.txt").read_text() == "by hand\n"

    done = program.json("--yes", "sessions", "restore", session, "--before", second, cwd=folder)
    assert (done["ok"], done["ids"], done["restored"]) == (True, [session], ["a.txt"])
    assert (folder / "a.txt").read_text() == "one\ntwo\n"
    program.json("--yes", "sessions", "restore", session, "--before", first[:8], cwd=folder)
    assert (folder / "a.txt").read_text() == "zero\n"
    assert not (folder / "new/b.txt").exists()
    program.json("--yes", "sessions", "restore", session, "--before", done["turn"], cwd=folder)
    assert (folder / "a.txt").read_text() == "by hand\n"
    assert (folder / "new/b.txt").read_text() == "b\n"
    changes = program.run("--json", "sessions", "show", session, "--events", "file_change", cwd=folder).lines
    assert changes[-1]["cause"] == "person"
    assert changes[-1]["author"]["agent"] is None


def test_restore_without_a_turn_undoes_what_came_after(program: Program, session: str, folder: Path) -> None:
    (folder / "a.txt").write_text("by hand\n")
    assert program.json("--yes", "sessions", "restore", session, cwd=folder)["restored"] == ["a.txt"]
    assert (folder / "a.txt").read_text() == "one\nthree\n"
    again = program.json("--yes", "sessions", "restore", session, cwd=folder)
    assert (again["restored"], again["turn"]) == ([], None)


def test_unknown_turns_and_vanished_folders(program: Program, session: str, folder: Path) -> None:
    unknown = program.run("--yes", "sessions", "restore", session, "--before", "nope", cwd=folder)
    assert unknown.code == 4
    name = program.json("workspace", "show", cwd=folder)["id"]
    moved = folder.with_name(folder.name + "-moved")
    folder.rename(moved)
    for words in (["drift", session], ["restore", session]):
        gone = program.run("--yes", "--workspace", name, "sessions", *words)
        assert gone.code == 1
        assert "workspace open DIR" in gone.err
    assert program.json("--workspace", name, "sessions", "diff", session)
