"""The main shapes of Goose's sessions, with expectations written by hand."""

from __future__ import annotations

from pathlib import Path

from app.sessions.events import AgentMessage, Command, CommandResult, FileRead, Notice
from tests.app.importers.foreign import (
    goose_call,
    goose_database,
    goose_message,
    goose_result,
    goose_session,
    items_in,
    text,
)
from tests.app.importers.transcripts import FIXTURES, bodies, events, kinds, one, prompts, sessions, skipped, titles


def test_an_older_file() -> None:
    items = items_in("goose", FIXTURES / "goose" / "20250310_143022.jsonl")
    (session,) = sessions(items).values()
    assert (session.source, session.cwd, session.title) == ("20250310_143022", "/repo", "Friendlier greeting")
    assert skipped(items) == []
    assert kinds(items) == [
        *("user_message", "agent_thought", "tool_call", "tool_result", "file_change"),
        *("tool_call", "command", "tool_result", "command_result", "agent_message"),
    ]
    change = one(items, "file_change")
    assert (change.path, change.added, change.removed) == ("hello.py", 1, 1)
    assert one(items, "command") == Command(call_id="toolu_2", command="python3 hello.py; exit 3")
    assert one(items, "command_result").exit_code == 3
    assert [body.output for body in bodies(items) if body.kind == "tool_result"] == [
        "The file /repo/hello.py has been edited.",  # not what the person alone was shown
        "Command failed with exit code: 3",
    ]


def test_a_database(tmp_path: Path) -> None:
    inference = '{"userVisible":true,"inference":{"provider":"anthropic","requestedModel":"claude-sonnet-4-5"}}'
    rows = [
        goose_session(),
        goose_session("20260301_2", name="", description="A sub-agent", session_type="sub_agent"),
        goose_message("user", text("run the tests")),
        goose_message("assistant", goose_call("c1", "shell", command="pytest"), created=1_772_355_601),
        goose_message("user", goose_result("c1", "3 passed"), created=1_772_355_603),
        goose_message("assistant", text("All pass."), created=1_772_355_604, metadata_json=inference),
        goose_message("user", text("look"), session_id="20260301_2", created=1_772_355_700),
        goose_message("user", text("for the model only"), created=1_772_355_800, metadata_json='{"userVisible":false}'),
    ]
    items = items_in("goose", goose_database(tmp_path / "sessions.db", rows))
    first, second = sessions(items).values()
    assert (first.title, first.type, first.cwd) == ("Fix the test", "interactive", "/repo")
    assert (second.title, second.type) == ("A sub-agent", "agent")
    assert one(items, "command_result") == CommandResult(call_id="c1", exit_code=0, stdout="3 passed")
    assert one(items, "agent_message") == AgentMessage(text="All pass.", model="claude-sonnet-4-5")
    assert one(items, "notice") == Notice(text="for the model only")
    assert events(items)[0].time == 1_772_355_600_000


def test_messages_that_are_numbered_anew_are_not_told_again(tmp_path: Path) -> None:
    rows = [goose_session(), goose_message("user", text("one")), goose_message("user", text("one"))]
    assert prompts(items_in("goose", goose_database(tmp_path / "sessions.db", rows))) == ["one"]


def test_reading_and_writing_files(tmp_path: Path) -> None:
    rows = [
        goose_session(),
        goose_message("user", text("go")),
        goose_message(
            "assistant",
            goose_call("c1", "developer__text_editor", command="view", path="/repo/a.py", view_range=[2, 5]),
            goose_call("c2", "write", path="/repo/b.py", content="1\n"),
            goose_call("c3", "edit", path="/repo/c.py", before="1", after="2"),
            created=1_772_355_601,
        ),
        goose_message("user", *(goose_result(f"c{n}", "ok") for n in (1, 2, 3)), created=1_772_355_602),
    ]
    items = items_in("goose", goose_database(tmp_path / "sessions.db", rows))
    assert one(items, "file_read") == FileRead(path="a.py", first=2, last=5, call_id="c1")
    changes = [body for body in bodies(items) if body.kind == "file_change"]
    assert [(change.path, change.added, change.removed) for change in changes] == [("b.py", 1, 0), ("c.py", 1, 1)]
    assert titles(items) == {"20260301_1": "Fix the test"}
