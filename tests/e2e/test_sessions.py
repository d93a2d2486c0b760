"""Transcripts come in, are listed, read, found, arranged, exported, and come in elsewhere equal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time

import pytest

from tests.e2e.conftest import CHECKOUT, Program

_FIXTURES = CHECKOUT / "tests" / "fixtures" / "import"
FIXTURES = [str(_FIXTURES / "claude_code"), str(_FIXTURES / "codex")]
SESSION_KEYS = {
    "id", "title", "type", "status", "workspace", "workspace_name", "created", "updated",
    "events", "archived", "tags", "agent", "authors", "bytes",
}  # fmt: skip
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module")
def report(program: Program):
    """What the import of all fixtures said; every test of the module finds them there."""
    return program.json("import", *FIXTURES)


@pytest.fixture
def sessions(program: Program, report):
    return program.json("sessions", "list")


@pytest.fixture(scope="module")
def session(program, report):
    [row] = [row for row in program.json("sessions", "list") if row["title"].startswith("Feature Impl")]
    return row["id"]


def test_import_counts_and_a_second_import_adds_nothing(program, report) -> None:
    assert set(report) == {
        "sources", "sessions", "created", "updated", "unchanged", "events", "notices", "skipped",
    }  # fmt: skip
    assert report["sessions"] == report["created"] == 6 and report["sources"] == 6
    assert {"source", "line", "reason"} <= set(report["skipped"][0])
    again = program.json("import", *FIXTURES)
    assert again == report | {"created": 0, "unchanged": 6}
    text = program.run("import", *FIXTURES)
    assert text.code == 0 and text.out.startswith("6 files: 6 sessions (0 new, 0 updated, 6 as they were)")
    assert "edge_cases.jsonl:13: " in text.err


def test_a_dry_run_writes_nothing(program, report, tmp_path) -> None:
    transcript = tmp_path / "new.jsonl"
    lines = (_FIXTURES / "claude_code" / "session_b.jsonl").read_text()
    transcript.write_text(lines.replace("session_b", "another").replace("test_session", "another"))
    before = program.json("sessions", "list")
    assert program.json("import", "--dry-run", str(transcript))["sources"] == 1
    assert program.json("sessions", "list") == before


def test_nothing_recognised_is_an_error(program, tmp_path) -> None:
    (tmp_path / "x.jsonl").write_text("not a transcript\n")
    result = program.run("--json", "import", str(tmp_path))
    assert (result.code, result.out) == (1, "")
    assert str(tmp_path) in result.error["message"]


def test_sessions_list(program, sessions) -> None:
    assert len(sessions) == 6
    for row in sessions:
        assert set(row) >= SESSION_KEYS
        assert TIME.fullmatch(row["created"]) and TIME.fullmatch(row["updated"])
        assert isinstance(row["events"], int) and isinstance(row["bytes"], int) and row["authors"] == ["Ada"]
    assert [row["updated"] for row in sessions] == sorted((row["updated"] for row in sessions), reverse=True)
    plain = program.run("sessions", "list").out.splitlines()
    assert [line.split("\t")[0] for line in plain] == [row["id"] for row in sessions]
    assert program.json("sessions", "list", "--type", "agent") == [s for s in sessions if s["type"] == "agent"]
    assert program.json("sessions", "list", "--limit", "2") == sessions[:2]
    since, until = sessions[1]["updated"], sessions[0]["updated"]
    assert len(program.json("sessions", "list", "--since", since, "--until", until)) == 2
    assert program.json("sessions", "list", "--since", "1d", "--tag", "none") == []


def test_sessions_show(program, session) -> None:
    result = program.run("--json", "sessions", "show", session[:12])
    events = result.lines
    assert result.code == 0 and len(events) > 10
    for event in events:
        assert {"id", "session", "turn", "kind", "time", "author"} <= set(event)
        assert set(event["author"]) == {"identity", "device", "name", "agent"}
        assert event["session"] == session and TIME.fullmatch(event["time"])
    last = program.run("--json", "sessions", "show", session, "--limit", "3").lines
    assert last == events[-3:]
    after = program.run("--json", "sessions", "show", session, "--after", events[-3]["id"]).lines
    assert after == events[-2:]
    messages = program.run("--json", "sessions", "show", session, "--events", "user_message,agent_message").lines
    assert messages == [e for e in events if e["kind"] in ("user_message", "agent_message")]
    assert "\x1b" not in program.run("sessions", "show", session).out


def test_search(program, sessions) -> None:
    hits = program.json("search", "decorators")
    assert hits and all("‹" in hit["snippet"] and "›" in hit["snippet"] for hit in hits)
    assert set(hits[0]) >= {"session", "event", "kind", "time", "title", "snippet"}
    assert len(program.json("search", "decorators", "--limit", "1")) == 1
    assert all(h["kind"] == "user_message" for h in program.json("search", "decorators", "--kind", "user_message"))
    for query in ('"', "C++ OR (", "-x"):
        assert isinstance(program.json("search", "--", query), list)


def test_rename_tag_note(program, session) -> None:
    assert program.json("sessions", "rename", session, "New title") == {"ok": True, "ids": [session]}
    assert program.json("sessions", "tag", session, "+one", "+two", "-one")["ids"] == [session]
    assert program.json("sessions", "list", "--tag", "two")[0]["title"] == "New title"
    assert program.run("sessions", "tag", session).out == "two\n"
    assert program.run("sessions", "tag", session, "two").code == 2
    assert program.run("sessions", "note", session, "-", stdin="from stdin\n").code == 0
    assert program.run("sessions", "note", session).out == "from stdin\n"


def test_fork_goes_on_from_an_event(program, session) -> None:
    events = program.run("--json", "sessions", "show", session).lines
    fork = program.json("sessions", "fork", session, "--at", events[4]["id"])
    assert fork["id"] != session and fork["origin"] == {"session": session, "event": events[4]["id"]}
    inherited = program.run("--json", "sessions", "show", fork["id"]).lines[:5]
    assert [event["id"] for event in inherited] == [event["id"] for event in events[:5]]
    assert program.json("sessions", "delete", fork["id"])["ok"]


def test_archive_and_trash(program, sessions) -> None:
    a, b = sessions[-1]["id"], sessions[-2]["id"]
    assert program.json("sessions", "archive", a, b) == {"ok": True, "ids": [a, b]}
    assert {row["id"] for row in program.json("sessions", "list", "--archived")} == {a, b}
    assert program.json("sessions", "unarchive", a, b)["ok"]
    assert program.json("sessions", "delete", a)["ok"]
    assert a in [row["id"] for row in program.json("sessions", "list", "--trash")]
    assert a not in [row["id"] for row in program.json("sessions", "list")]
    assert program.json("sessions", "undelete", a)["ok"]
    assert a in [row["id"] for row in program.json("sessions", "list")]


def test_unknown_and_ambiguous_ids(program, sessions) -> None:
    unknown = program.run("--json", "sessions", "show", "zzzz")
    assert unknown.code == 4 and unknown.error["code"] == 4
    forks = [program.json("sessions", "fork", sessions[0]["id"])["id"] for _ in range(2)]
    common = forks[0][: next(i for i, (a, b) in enumerate(zip(*forks, strict=True)) if a != b)]
    ambiguous = program.run("sessions", "--json", "rename", common, "x")
    assert ambiguous.code == 4 and len(ambiguous.error["candidates"]) >= 2
    plain = program.run("sessions", "rename", common, "x")
    assert plain.err.count("\n") >= 3 and forks[0] in plain.err
    program.run("sessions", "delete", *forks)


def comparable(export):
    """An export without what may differ between homes."""
    for session in export["sessions"]:
        for name in ("workspace", "workspace_name", "bytes"):
            session.pop(name)
    return export


def test_export_and_import_elsewhere_are_equal(program, report, other_program, tmp_path) -> None:
    path = tmp_path / "all.json"
    done = program.json("export", "--all", "--format", "json", "--out", str(path))
    assert done["ok"] and path.stat().st_mode & 0o777 == 0o600
    other = other_program
    brought = other.json("import", str(path))
    assert brought["sources"] == 1 and brought["created"] == len(done["ids"])
    printed = other.run("export", "--all", "--format", "json")
    assert comparable(json.loads(printed.out)) == comparable(json.loads(path.read_text()))
    assert other.json("import", str(path))["unchanged"] == len(done["ids"])
    workspace = other.json("workspace", "create", "Elsewhere")["id"]
    assert other.run("import", str(path), "--workspace", workspace).code == 1
    assert other.json("sessions", "list", "--workspace", workspace) == []
    cut = tmp_path / "cut.json"
    cut.write_bytes(path.read_bytes()[:-200])
    assert other.run("import", str(cut)).code == 6


def test_export_markdown(program, session, tmp_path) -> None:
    text = program.run("export", session, "--format", "markdown")
    assert text.code == 0 and text.out.startswith("# ")
    assert program.run("export", "--all", "--format", "markdown").code == 2
    folder = tmp_path / "md"
    done = program.json("export", "--all", "--format", "markdown", "--out", str(folder))
    assert len(list(folder.glob("*.md"))) == len(done["ids"])


def test_a_reader_that_leaves_is_no_error(program, report) -> None:
    writer = subprocess.Popen(
        program.arguments(["export", "--all", "--format", "json"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=program.environment,
        cwd=program.folder,
    )
    assert writer.stdout and writer.stderr
    writer.stdout.read(10)
    writer.stdout.close()
    error = writer.stderr.read()
    writer.stderr.close()
    assert (writer.wait(30), error) == (0, b"")


def test_follow_shows_what_others_write_until_interrupted(program, session) -> None:
    follower = subprocess.Popen(
        program.arguments(["--json", "sessions", "show", session, "--limit", "1", "--follow"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=program.environment,
        cwd=program.folder,
    )
    assert follower.stdout and follower.stderr
    follower.stdout.readline()
    time.sleep(0.3)  # from the past to what comes
    program.json("sessions", "rename", session, "Seen by the follower")
    event = json.loads(follower.stdout.readline())
    assert event["kind"] == "session_set" and event["fields"] == {"title": "Seen by the follower"}
    follower.send_signal(signal.SIGINT)
    _, error = follower.communicate(timeout=30)
    assert follower.returncode == 130 and "Traceback" not in error
