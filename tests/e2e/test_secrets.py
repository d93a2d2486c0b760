"""Secrets by the real program: kept out of what is imported, shown and exported, told to their owner only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.sessions.formats.registry import FORMATS
from tests.e2e.conftest import Program
from tests.helpers.secrets_to_plant import TOKENS

TOKEN, OTHER = TOKENS["GitHub token"], TOKENS["npm token"]


def transcript(folder: Path) -> Path:
    """A Claude Code session that says two secrets."""
    path = folder / "0b0b0b0b-0000-4000-8000-000000000001.jsonl"
    said = [("user", f"use {TOKEN}"), ("assistant", f"I use {TOKEN} and {OTHER}")]
    records, parent = [], None
    for number, (role, text) in enumerate(said):
        uuid = f"00000000-0000-4000-8000-{number:012d}"
        records.append(
            {
                "type": role,
                "uuid": uuid,
                "parentUuid": parent,
                "sessionId": path.stem,
                "timestamp": f"2026-01-02T10:00:0{number}.000Z",
                "cwd": str(folder),
                "message": {"role": role, "content": [{"type": "text", "text": text}]},
            }
        )
        parent = uuid
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return transcript(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def session(program: Program, source: Path) -> str:
    done = program.json("import", str(source), "--format", "claude")
    assert done["created"] == 1
    [row] = program.json("sessions", "list")
    return str(row["id"])


def test_it_is_shown_with_placeholders(program: Program, session: str) -> None:
    shown = program.run("sessions", "show", session).out
    assert TOKEN not in shown and OTHER not in shown
    assert "use ‹secret 1›" in shown and "I use ‹secret 1› and ‹secret 2›" in shown
    assert TOKEN not in program.run("sessions", "list", "--json").out
    assert not program.json("search", TOKEN[:12])


def test_importing_again_adds_nothing(program: Program, session: str, source: Path) -> None:
    assert program.json("import", str(source), "--format", "claude")["unchanged"] == 1


def test_they_are_listed_and_told_after_a_question(program: Program, session: str) -> None:
    listed = program.json("sessions", "secrets", session)
    assert [(one["number"], one["kind"]) for one in listed] == [(1, "GitHub token"), (2, "npm token")]
    refused = program.run("sessions", "reveal", session, "1")
    assert refused.code == 1 and "--yes" in refused.err and TOKEN not in refused.out
    assert program.run("--yes", "sessions", "reveal", session, "1").out == f"{TOKEN}\n"
    assert program.json("--yes", "sessions", "reveal", session) == [
        {"number": 1, "secret": TOKEN},
        {"number": 2, "secret": OTHER},
    ]
    missing = program.run("--yes", "sessions", "reveal", session, "9")
    assert missing.code == 4 and "not on this device" in missing.err


@pytest.mark.parametrize("name", FORMATS)
def test_exports_have_them_only_when_asked(program: Program, session: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    program.json("export", session, "--format", name, "--out", str(path))
    assert TOKEN.encode() not in path.read_bytes()
    refused = program.run("export", session, "--format", name, "--out", str(tmp_path / "y"), "--reveal")
    assert refused.code == 1 and not (tmp_path / "y").exists()
    program.json("--yes", "export", session, "--format", name, "--out", str(path), "--reveal")
    if not FORMATS[name].binary:
        assert TOKEN in path.read_text() and OTHER in path.read_text()


def test_an_archive_with_secrets_comes_back_with_placeholders(
    program: Program, session: str, other_program: Program, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    program.json("--yes", "export", session, "--format", "json", "--out", str(path), "--reveal")
    assert TOKEN in path.read_text()
    assert other_program.json("import", str(path))["created"] == 1
    shown = other_program.run("sessions", "show", session, "--json").out
    assert "‹secret 1›" in shown and TOKEN not in shown and "damaged" not in shown
    gone = other_program.run("--yes", "sessions", "reveal", session, "1")
    assert gone.code == 4 and "not on this device" in gone.err


def test_what_is_no_secret_is_shown_again(fresh_program: Program, source: Path) -> None:
    fresh_program.json("import", str(source), "--format", "claude")
    [row] = fresh_program.json("sessions", "list")
    fresh_program.json("sessions", "secrets", row["id"], "--harmless", "2")
    shown = fresh_program.run("sessions", "show", row["id"]).out
    assert OTHER in shown and TOKEN not in shown
    assert [one["number"] for one in fresh_program.json("sessions", "secrets", row["id"])] == [1]
    assert "2 secrets" in fresh_program.run("doctor").out


def test_an_agent_works_with_a_file_that_holds_a_secret(program: Program, tmp_path: Path) -> None:
    """Written, read by a command, left alone for a turn, edited, restored: with its secret on the disk only."""
    written = f"TOKEN={TOKEN}\nREGION=eu\n"
    script = [
        [
            {"tool": "write", "input": {"path": ".env", "content": written}},
            {"tool": "run", "input": {"command": "cat .env"}},
            {"say": f"It has {TOKEN}."},
        ],
        [{"tool": "run", "input": {"command": "true"}}, {"say": "Nothing to do."}],
        [{"tool": "edit", "input": {"path": ".env", "old": "eu", "new": "us"}}, {"say": "Edited."}],
    ]
    (tmp_path / "script.json").write_text(json.dumps(script))
    folder = tmp_path / "project"
    folder.mkdir()
    program.json("workspace", "open", str(folder))
    agent = program.json("agents", "add", "env", "--script", str(tmp_path / "script.json"))["id"]
    chat = ["--json", "chat", "--agent", agent, "--tools", "--allow", "all"]
    session = program.run(*chat, "--new", "Write it", cwd=folder).lines[0]["session"]
    for prompt in ("Go on", "Edit it"):
        program.run(*chat, "--session", session, prompt, cwd=folder)
    assert (folder / ".env").read_text() == written.replace("eu", "us")

    shown = program.run("sessions", "show", session, "--json", cwd=folder)
    assert TOKEN not in shown.out and "TOKEN=‹secret 1›" in shown.out and "It has ‹secret 1›." in shown.out
    changes = [event for event in shown.lines if event["kind"] == "file_change"]
    assert [change["added"] for change in changes] == [2, 1]
    assert TOKEN not in program.run("sessions", "diff", session, cwd=folder).out
    assert [one["status"] for one in program.json("sessions", "drift", session, cwd=folder)] == ["unchanged"]

    (folder / ".env").write_text(f"TOKEN={TOKEN}\nOTHER={OTHER}\n")
    [drift] = program.json("sessions", "drift", session, cwd=folder)
    assert drift["status"] == "changed" and TOKEN not in drift["diff"] and OTHER not in drift["diff"]
    program.json("--yes", "sessions", "restore", session, cwd=folder)
    assert (folder / ".env").read_text() == written.replace("eu", "us")
    assert len(program.json("sessions", "secrets", session, cwd=folder)) == 2
