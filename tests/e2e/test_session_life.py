"""Pausing, the trash and the purge, on the real program."""

from __future__ import annotations

import json
import os
import pty
import subprocess

from tests.e2e.conftest import TIMEOUT_S, Program


def new_session(program: Program, text: str) -> str:
    program.json("sessions", "list")
    result = program.run("--json", "chat", text, "--new", "--agent", "scripted")
    assert result.code == 0, result.err
    return str(result.lines[-1]["session"])


def titles(program: Program, *options: str) -> set[str]:
    return {row["id"] for row in program.json("sessions", "list", *options)}


def test_pause_and_resume(program: Program) -> None:
    one, two = new_session(program, "first"), new_session(program, "second")
    assert program.json("sessions", "pause", one, two) == {"ok": True, "ids": [one, two]}
    assert {one, two} <= titles(program, "--status", "paused")
    assert program.json("sessions", "resume", one)["ids"] == [one]
    assert one in titles(program, "--status", "active")
    program.json("sessions", "delete", one)
    refused = program.run("sessions", "pause", two, one)
    assert refused.code == 1 and "trash" in refused.err
    unknown = program.run("--json", "sessions", "archive", two, "ZZZZZZ")
    assert unknown.code == 4 and two not in titles(program, "--archived")


def test_trash_and_purge(program: Program) -> None:
    kept, gone = new_session(program, "to be kept"), new_session(program, "to be purged Xylophon")
    program.json("sessions", "delete", kept, gone)
    assert {kept, gone} <= titles(program, "--trash") and not {kept, gone} & titles(program)
    program.json("sessions", "undelete", kept)
    fork = program.json("sessions", "fork", gone)["id"]
    asked = program.run("sessions", "delete", gone, "--purge")
    assert asked.code == 1 and "--yes" in asked.err and gone in titles(program, "--trash")
    purged = program.json("--yes", "sessions", "delete", gone, "--purge")
    assert purged == {"ok": True, "ids": [gone], "forks": [fork], "emptied": True}
    assert program.run("sessions", "show", gone).code == 4
    assert gone not in titles(program, "--trash") and kept in titles(program)
    assert "purged" in program.run("sessions", "show", fork).out
    assert program.run("rebuild").code == 0
    assert program.run("sessions", "undelete", gone).code == 4


def answer(program: Program, replies: str, *words: str) -> tuple[int, str]:
    """Run on a terminal on which a person types."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        program.arguments(words),
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=follower,
        env=program.environment,
        cwd=program.folder,
        text=True,
    )
    os.close(follower)
    os.write(leader, replies.encode())
    out, _ = process.communicate(timeout=TIMEOUT_S)
    os.close(leader)
    return process.returncode, out


def test_a_person_is_asked_and_may_export_first(program: Program) -> None:
    session = new_session(program, "export me")
    target = program.folder / "before.json"
    code, _ = answer(program, f"{target}\nno\n", "sessions", "delete", session, "--purge")
    assert code == 1 and session in titles(program)
    exported = json.loads(target.read_text())
    assert [entry["id"] for entry in exported["sessions"]] == [session]
    code, _ = answer(program, f"{target}\ny\n", "sessions", "delete", session, "--purge")
    assert code == 1 and session in titles(program)  # the file is there already
    code, out = answer(program, "\ny\n", "sessions", "delete", session, "--purge")
    assert code == 0 and "Purged 1 session." in out
    refused = program.run("import", str(target))
    assert refused.code == 1 and "purged" in refused.err


def test_a_folder_moves(program: Program) -> None:
    folder = program.folder / "project"
    folder.mkdir()
    workspace = program.json("workspace", "open", str(folder))["id"]
    session = program.run("--json", "chat", "in the folder", "--new", "--agent", "scripted", cwd=folder).lines[0]
    moved = folder.rename(program.folder / "moved")
    shown = program.run("--workspace", workspace, "sessions", "show", session["session"])
    assert shown.code == 0 and "in the folder" in shown.out
    asked = program.run("--workspace", workspace, "chat", "x", "--agent", "scripted", "--tools")
    assert asked.code == 1 and str(folder) in asked.err and "workspace relink" in asked.err
    assert "gone" in program.run("--workspace", workspace, "workspace", "show").out
    assert program.run("--workspace", workspace, "workspace", "relink", str(folder)).code == 1
    linked = program.json("--workspace", workspace, "workspace", "relink", str(moved))
    assert (linked["id"], linked["folders"]) == (workspace, [str(moved)])
    assert program.json("workspace", "show", cwd=moved)["id"] == workspace
    assert program.run("chat", "x", "--agent", "scripted", "--tools", cwd=moved).code == 0
    assert program.run("--workspace", workspace, "workspace", "relink", str(moved)).code == 1


def test_a_prompt_refers_to_another_session(program: Program) -> None:
    other = new_session(program, "The code word is Xylophon")
    result = program.run("--json", "chat", f"As in @{other[:20]}", "--new", "--agent", "scripted")
    session = result.lines[-1]["session"]
    [reference] = program.run("--json", "sessions", "show", session, "--events", "reference").lines
    assert reference["target"] == other and reference["text"] == ""
    [answer_] = program.run("--json", "sessions", "show", session, "--events", "agent_message").lines
    assert "The code word is Xylophon" in answer_["text"]
    assert f"→ session {other}" in program.run("sessions", "show", session).out
    assert f"lovelace://session/{other}" in program.run("export", session, "--format", "markdown").out


def test_the_agent_names_the_session(program: Program) -> None:
    script = program.folder / "namer.json"
    script.write_text(json.dumps([[{"say": "For eight minutes."}, {"title": "Boiling eggs"}]]))
    program.json("agents", "add", "namer", "--script", str(script))
    first = program.run("--json", "chat", "How do I boil an egg?", "--new", "--agent", "namer").lines[0]["session"]
    [row] = [row for row in program.json("sessions", "list") if row["id"] == first]
    assert row["title"] == "Boiling eggs"
    program.json("sessions", "rename", first, "How do I boil an egg?")
    program.run("chat", "And an ostrich's?", "--session", first, "--agent", "namer")
    [row] = [row for row in program.json("sessions", "list") if row["id"] == first]
    assert row["title"] == "How do I boil an egg?"
