"""The main shapes of opencode's sessions, with expectations written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from app.importers.drafts import Item
from app.importers.values import turn_id
from app.sessions.events import AgentMessage, Command, CommandResult, Compaction, FileRead, Notice, Usage
from tests.app.importers.foreign import (
    Opencode,
    items_in,
    opencode_database,
    opencode_schema,
    opencode_tree,
    writing,
)
from tests.app.importers.transcripts import bodies, events, kinds, one, prompts, sessions, skipped, titles


def _parts(tmp_path: Path, *parts: dict[str, Any], role: str = "assistant", **message: Any) -> list[Item]:
    """What a session gives whose agent answers `go` with these parts."""
    path = tmp_path / "x.db"
    with writing(path) as connection:
        opencode_schema(connection)
        tool = Opencode(connection)
        tool.session("ses_1")
        prompt = tool.prompt("ses_1", "go")
        answer = tool.message("ses_1", role, parentID=prompt, modelID="m", path={"cwd": "/repo/src"}, **message)
        for part in parts:
            tool.part("ses_1", answer, **part)
    return items_in("opencode", path)


def _tool(name: str, given: Any, status: str = "completed", **state: Any) -> dict[str, Any]:
    state = {"status": status, "input": given, "time": {"start": 1_795_000_001_000, "end": 1_795_000_001_250}, **state}
    return {"type": "tool", "tool": name, "callID": "c1", "state": state}


def test_what_was_recorded(tmp_path: Path) -> None:
    items = items_in("opencode", opencode_database(tmp_path / "opencode.db"))
    assert skipped(items) == []
    first, fork, second, child = sessions(items).values()
    assert (first.cwd, first.agent, first.type, first.parent) == ("/repo", "opencode", "interactive", None)
    assert fork.title is not None and fork.title.endswith("(fork #1)")
    assert (child.type, child.title) == ("agent", "Look around (@general subagent)")
    (call,) = [body for body in bodies(items, second.source) if body.kind == "tool_call" and body.name == "task"]
    assert child.parent == (second.source, call.call_id)
    assert prompts(items, first.source) == ['"make a hello file"', '"again please"']
    turn = [event for event in events(items, first.source) if event.turn == events(items, first.source)[0].turn]
    assert [event.body.kind for event in turn] == [
        *("user_message", "agent_thought", "agent_message", "tool_call", "plan", "tool_result", "usage"),
        *("agent_thought", "agent_message", "tool_call", "tool_result", "file_change", "usage", "notice"),
        *("agent_thought", "agent_message", "tool_call", "tool_result", "file_change", "usage", "notice"),
        *("agent_thought", "agent_message", "tool_call", "command", "tool_result", "command_result", "usage"),
        *("agent_thought", "agent_message", "usage"),
    ]
    created, changed = [event.body for event in turn if event.body.kind == "file_change"]
    assert created.diff == "--- /dev/null\n+++ b/hello.py\n@@ -0,0 +1,1 @@\n+print('hello')\n"
    assert (changed.path, changed.added, changed.removed) == ("hello.py", 1, 1)
    (result,) = [event.body for event in turn if isinstance(event.body, CommandResult)]
    assert (result.exit_code, result.stdout, result.duration_ms) == (3, "hello world\noops\n", 307)


def test_the_tree_of_files_tells_the_same(tmp_path: Path) -> None:
    database = items_in("opencode", opencode_database(tmp_path / "opencode.db"))
    files = [path for path in opencode_tree(tmp_path / "storage").rglob("*") if path.is_file()]
    tree = items_in("opencode", *files)
    for session in sessions(database):
        told = [[replace(event, size=0) for event in events(items, session)] for items in (tree, database)]
        assert told[0] == told[1]
        assert sessions(tree)[session] == sessions(database)[session]


def test_a_database_and_its_older_tree_are_one(tmp_path: Path) -> None:
    database = opencode_database(tmp_path / "opencode.db")
    files = [path for path in opencode_tree(tmp_path / "storage").rglob("*") if path.is_file()]
    both = items_in("opencode", database, *files)
    assert len(events(both)) == len(events(items_in("opencode", database)))


def test_a_command(tmp_path: Path) -> None:
    items = _parts(tmp_path, _tool("bash", {"command": "ls", "workdir": "/repo/a"}, output="x", metadata={"exit": 0}))
    assert one(items, "command") == Command(call_id="c1", command="ls", cwd="a")
    assert one(items, "command_result") == CommandResult(call_id="c1", exit_code=0, stdout="x", duration_ms=250)
    (call,) = [event for event in events(items) if event.body.kind == "tool_call"]
    (result,) = [event for event in events(items) if event.body.kind == "tool_result"]
    assert (call.time, result.time) == (1_795_000_001_000, 1_795_000_001_250)


def test_calls_that_did_not_go_well(tmp_path: Path) -> None:
    for number, (error, status) in enumerate(
        (
            ("The user rejected permission to use this specific tool call.", "denied"),
            ("Tool execution aborted", "cancelled"),
            ("Could not find oldString", "failed"),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        items = _parts(folder, _tool("edit", {"filePath": "/repo/a.py"}, "error", error=error))
        assert (one(items, "tool_result").status, one(items, "tool_result").output) == (status, error)
        assert "file_change" not in kinds(items)


def test_reading_and_patching(tmp_path: Path) -> None:
    given = {"filePath": "/repo/a.py", "offset": 5, "limit": 10}
    assert one(_parts(tmp_path, _tool("read", given, output="")), "file_read") == FileRead(
        path="a.py", first=5, last=14, call_id="c1"
    )
    (tmp_path / "x.db").unlink()
    for log in tmp_path.glob("x.db-*"):
        log.unlink()
    files = [
        {"filePath": "/repo/a.py", "type": "update", "diff": "@@ -1,1 +1,1 @@\n-1\n+2\n"},
        {"filePath": "/repo/b.py", "type": "add", "after": "new\n"},
        {"filePath": "/repo/c.py", "movePath": "/repo/d.py", "type": "move", "diff": "@@ -1,1 +1,1 @@\n-1\n+2\n"},
    ]
    items = _parts(tmp_path, _tool("apply_patch", {"patchText": "…"}, output="ok", metadata={"files": files}))
    changes = [body for body in bodies(items) if body.kind == "file_change"]
    assert [(change.path, change.renamed_from, change.added) for change in changes] == [
        ("a.py", None, 1),
        ("b.py", None, 1),
        ("d.py", "c.py", 1),
    ]


def test_a_shortened_conversation_an_error_and_the_tokens(tmp_path: Path) -> None:
    tokens = {"input": 7, "output": 2, "reasoning": 3, "cache": {"read": 5, "write": 1}}
    items = _parts(
        tmp_path,
        {"type": "text", "text": "What was before.", "time": {"start": 1, "end": 2}},
        {"type": "step-finish", "cost": 0.25, "tokens": tokens},
        summary=True,
        error={"name": "APIError", "data": {"message": "Overloaded"}},
    )
    assert one(items, "compaction") == Compaction(text="What was before.")
    assert one(items, "usage") == Usage(input=7, output=5, cost=0.25, model="m", cache_read=5, cache_write=1)
    notice = one(items, "notice")
    assert isinstance(notice, Notice) and (notice.level, notice.text) == ("error", "Overloaded")


def test_what_was_left_unfinished_is_told_at_the_end(tmp_path: Path) -> None:
    half = {"type": "text", "text": "I was about to", "time": {"start": 1_795_000_002_000}}
    pending = {"type": "tool", "tool": "bash", "callID": "c1", "state": {"status": "pending", "input": {}, "raw": ""}}
    items = _parts(tmp_path, half, pending)
    assert kinds(items) == ["user_message", "agent_message", "tool_call", "command"]
    assert one(items, "agent_message") == AgentMessage(text="I was about to", model="m")


def test_titles_and_turns(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with writing(path) as connection:
        opencode_schema(connection)
        tool = Opencode(connection)
        tool.session("ses_1", "New session - 2026-01-01T00:00:00.000Z")
        prompt = tool.prompt("ses_1", "fix it\nplease")
        tool.answer("ses_1", prompt, "done")
    items = items_in("opencode", path)
    assert titles(items) == {"ses_1": "fix it"}
    assert [event.turn for event in events(items)] == [turn_id(prompt)] * 2
