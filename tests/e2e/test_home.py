"""Homes: made once, locked, damaged; workspaces; exit codes and errors."""

from __future__ import annotations

import json

import pytest


def test_init_is_repeatable(program) -> None:
    again = program.json("init", "--name", "Somebody Else")
    assert again["ok"] and again["name"] == "Ada" and again["created"] is False
    names = {path.name for path in program.home.iterdir()}
    assert {"lovelace.db", "keyslots.json"} <= names
    assert program.home.stat().st_mode & 0o777 == 0o700
    assert (program.home / "lovelace.db").stat().st_mode & 0o777 == 0o600


def test_a_new_home_has_one_workspace_and_no_sessions(program) -> None:
    [row] = program.json("workspace", "list")
    assert set(row) >= {"id", "name", "current", "folders", "sessions"}
    assert (row["name"], row["current"], row["folders"], row["sessions"]) == ("Personal", True, [], 0)
    assert program.json("workspace", "show") == row
    assert program.json("sessions", "list") == program.json("search", "anything") == []
    for words in (["sessions", "show"], ["export", "--format", "json"]):
        assert program.run(*words).code == 4


def test_workspaces_and_their_folders(program, tmp_path) -> None:
    made = program.json("workspace", "create", "Work")
    assert made["name"] == "Work" and made["current"] is False
    project = tmp_path / "project"
    (project / "deep").mkdir(parents=True)
    opened = program.json("workspace", "open", str(project))
    assert opened["name"] == "project" and opened["folders"] == [str(project)]
    assert program.json("workspace", "open", str(project))["id"] == opened["id"]
    assert program.json("workspace", "show", cwd=project / "deep")["id"] == opened["id"]
    assert program.json("workspace", "show", "--workspace", "Work", cwd=project)["id"] == made["id"]
    assert program.json("workspace", "switch", "Work") == {"ok": True, "ids": [made["id"]]}
    assert program.json("workspace", "show")["name"] == "Work"
    assert program.json("workspace", "rename", "Office")["ids"] == [made["id"]]
    assert program.json("workspace", "show")["name"] == "Office"
    assert program.json("workspace", "switch", "Personal")["ok"]
    assert program.run("workspace", "switch", "nowhere").code == 4
    assert program.run("workspace", "open", str(tmp_path / "absent")).code == 1


def test_rebuild_keeps_everything(program) -> None:
    before = program.json("workspace", "list")
    assert program.json("rebuild")["ok"]
    assert program.json("workspace", "list") == before


def test_wrong_and_missing_keys(program, fresh_program, tmp_path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n")
    for words in (
        ["--passphrase-file", str(wrong)],
        ["--passphrase-file", str(tmp_path / "absent")],
        ["--passphrase-fd", "99"],
        [],
    ):
        result = program.run("--json", "--home", str(program.home), *words, "sessions", "list", unlock=False)
        assert (result.code, result.out, result.error["code"]) == (3, "", 3), words
    empty = tmp_path / "empty"
    empty.write_text("\n")
    assert fresh_program.run("--passphrase-file", str(empty), "sessions", "list").code == 3


def test_without_key_and_terminal_no_home_is_made(fresh_program) -> None:
    other = fresh_program
    result = other.run("--home", str(other.home), "sessions", "list", unlock=False)
    assert result.code == 3 and result.err.count("\n") == 1
    assert not (other.home / "lovelace.db").exists()


def test_first_use_makes_the_home(fresh_program) -> None:
    assert fresh_program.json("sessions", "list") == []


@pytest.mark.parametrize(
    ("harm", "code"),
    [("empty", 6), ("foreign", 6), ("missing", 6), ("truncated", 6), ("slots missing", 3), ("slots broken", 6)],
)
def test_damaged_homes(program, fresh_program, harm, code) -> None:
    other = fresh_program
    other.home.mkdir(mode=0o700)
    for path in program.home.iterdir():
        if path.is_file() and not path.name.endswith(".lock"):
            (other.home / path.name).write_bytes(path.read_bytes())
    database, slots = other.home / "lovelace.db", other.home / "keyslots.json"
    match harm:
        case "empty":
            database.write_bytes(b"")
        case "foreign":
            database.write_bytes(b"SQLite format 3\0" + bytes(4096))
        case "missing":
            database.unlink()
        case "truncated":
            database.write_bytes(database.read_bytes()[: 4096 * 3])
        case "slots missing":
            slots.unlink()
        case "slots broken":
            slots.write_text(slots.read_text()[:-10])
    for extra in other.home.glob("lovelace.db-*"):
        extra.unlink()
    result = other.run("--json", "sessions", "list")
    assert (result.code, result.out) == (code, ""), result.err
    assert json.loads(result.err)["error"]["code"] == code
    if harm == "missing":
        assert not database.exists()


def test_lovelace_alone_without_display_and_terminal_says_what_to_do(fresh_program) -> None:
    other = fresh_program
    result = other.run("--home", str(other.home), unlock=False)
    assert result.code == 0 and result.out.count("\n") == 1 and "lovelace chat" in result.out
    assert other.run("desktop").code == 1
    assert not other.home.exists()


def test_help_version_and_usage_touch_nothing(fresh_program) -> None:
    other = fresh_program
    assert other.run("--version").out == "lovelace 0.1.0\n"
    assert "sessions" in other.run("--help").out
    assert other.run("sessions", "lis").code == 2
    assert not other.home.exists()
