"""The main shapes of Claude Code transcripts, with expectations written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.importers.registry import FORMATS
from app.importers.values import turn_id
from app.sessions.events import (
    AgentMessage,
    Command,
    CommandResult,
    FileRead,
    Location,
    Notice,
    PlanEntry,
    ToolCall,
    Usage,
    UserMessage,
)
from tests.app.importers.transcripts import (
    FIXTURES,
    Talk,
    bodies,
    events,
    items_of,
    kinds,
    one,
    prompts,
    sessions,
    skipped,
    titles,
)

CLAUDE = FIXTURES / "claude_code"


def _fixture(name: str) -> list[Any]:
    return list(FORMATS["claude"].read([CLAUDE / name]))


def test_representative_messages() -> None:
    items = _fixture("representative_messages.jsonl")
    assert list(sessions(items)) == ["test_session"]
    assert kinds(items) == [
        *("user_message", "agent_message", "usage", "user_message", "tool_call", "tool_result", "file_change"),
        *("usage", "agent_message", "usage", "user_message", "tool_call", "command", "tool_result"),
        *("command_result", "usage", "agent_message", "usage", "user_message"),
    ]
    assert skipped(items) == []
    change = one(items, "file_change")
    assert (change.path, change.language, change.added, change.removed) == ("decorator_example.py", "python", 14, 0)
    assert change.diff.startswith("--- /dev/null\n+++ b/decorator_example.py\n@@ -0,0 +1,14 @@\n+def repeat(times):\n")
    assert titles(items)["test_session"].startswith("User learned about Python decorators")
    assert one(items, "command") == Command(call_id="tool_002", command="python /tmp/decorator_example.py", cwd=".")


def test_edge_cases() -> None:
    items = _fixture("edge_cases.jsonl")
    assert list(sessions(items)) == ["edge_cases", "todowrite_session"]
    assert skipped(items) == [(line, "The line is not a JSON object.") for line in (13, 15, 16)]
    assert kinds(items, "todowrite_session") == ["tool_call", "plan", "usage"]
    assert len(events(items, "edge_cases")) == 18
    notices = [body.text for body in bodies(items, "edge_cases") if isinstance(body, Notice)]
    assert len(notices) == 6
    assert "Unknown record" in notices
    assert one(_fixture("edge_cases.jsonl"), "tool_result").status == "failed"
    assert any(prompt.startswith("/test-command --verbose --output /tmp/test.log") for prompt in prompts(items))


def test_todos_become_plans() -> None:
    items = _fixture("todowrite_examples.jsonl")
    plans = [body for body in bodies(items) if body.kind == "plan"]
    assert [len(plan.entries) for plan in plans] == [5, 5, 6]
    assert plans[1].entries[:2] == (
        PlanEntry(text="Design the feature architecture", status="completed", priority="high"),
        PlanEntry(text="Implement core functionality", status="in_progress", priority="high"),
    )
    assert titles(items) == {"todowrite_session": "Feature Implementation with Task Management"}


def test_a_sub_agents_file_is_a_session_of_its_own() -> None:
    items = _fixture("subagent.jsonl")
    (session,) = sessions(items).values()
    assert session.source == "parent-session-fixture/agent-subagent-fixture"
    assert (session.type, session.parent) == ("agent", ("parent-session-fixture", None))
    assert kinds(items) == ["user_message", "agent_message"]


def test_a_turn_and_its_author(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1", "first")
    talk.answer("a1")
    talk.prompt("u2", "second")
    talk.answer("a2")
    found = events(items_of(tmp_path, talk))
    assert [(event.source, event.turn, event.agent) for event in found] == [
        ("u1/0", turn_id("u1"), None),
        ("a1/0", turn_id("u1"), "claude-code"),
        ("u2/0", turn_id("u2"), None),
        ("a2/0", turn_id("u2"), "claude-code"),
    ]
    assert found[1].time - found[0].time == 1000
    assert found[0].body == UserMessage(text="first")
    assert found[1].body == AgentMessage(text="answer a1", model="m")


def test_usage_is_told_once_for_a_message(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    for uuid, output in (("a1", 1), ("a2", 40)):
        talk.answer(uuid, message="msg")
        talk.records[-1]["message"]["usage"] = {
            "input_tokens": 3,
            "output_tokens": output,
            "cache_read_input_tokens": 9,
        }
    items = items_of(tmp_path, talk)
    assert one(items, "usage") == Usage(input=3, output=40, cache_read=9, model="m")


def test_an_edit_with_its_patch(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    talk.call("a1", "t1", "Edit", {"file_path": "/repo/src/a.py", "old_string": "b", "new_string": "c"})
    patch = [{"oldStart": 4, "oldLines": 2, "newStart": 4, "newLines": 2, "lines": [" a", "-b", "+c"]}]
    talk.result("r1", "t1", "done", {"filePath": "/repo/src/a.py", "structuredPatch": patch, "originalFile": "a\nb\n"})
    items = items_of(tmp_path, talk)
    change = one(items, "file_change")
    assert change.diff == "--- a/src/a.py\n+++ b/src/a.py\n@@ -4,2 +4,2 @@\n a\n-b\n+c\n"
    assert (change.path, change.language, change.added, change.removed) == ("src/a.py", "python", 1, 1)
    assert change.call_id == "t1"
    call = one(items, "tool_call")
    assert (call.tool_kind, call.title, call.locations) == ("edit", "Edit src/a.py", (Location(path="src/a.py"),))


def test_an_edit_without_a_patch_is_compared(tmp_path: Path) -> None:
    talk = Talk()
    edits = [{"old_string": "b", "new_string": "B"}, {"old_string": "d\n", "new_string": ""}]
    talk.call("a1", "t1", "MultiEdit", {"file_path": "/repo/x.md", "edits": edits})
    talk.result("r1", "t1", "done", {"filePath": "/repo/x.md", "originalFile": "a\nb\nc\nd\n"})
    change = one(items_of(tmp_path, talk), "file_change")
    assert change.diff == "--- a/x.md\n+++ b/x.md\n@@ -2,1 +2,1 @@\n-b\n+B\n@@ -4,1 +0,0 @@\n-d\n"


def test_a_failed_edit_changes_nothing(tmp_path: Path) -> None:
    talk = Talk()
    talk.call("a1", "t1", "Edit", {"file_path": "/repo/x", "old_string": "a", "new_string": "b"})
    talk.result("r1", "t1", "String to replace not found", "Error: not found", is_error=True)
    assert kinds(items_of(tmp_path, talk)) == ["tool_call", "tool_result"]


def test_a_written_file(tmp_path: Path) -> None:
    talk = Talk()
    talk.call("a1", "t1", "Write", {"file_path": "/else/n.ts", "content": "a\nb\n"})
    result = {"type": "create", "filePath": "/else/n.ts", "content": "a\nb\n", "structuredPatch": []}
    talk.result("r1", "t1", "created", result)
    change = one(items_of(tmp_path, talk), "file_change")
    assert change.path == "/else/n.ts"
    assert change.diff == "--- /dev/null\n+++ b/else/n.ts\n@@ -0,0 +1,2 @@\n+a\n+b\n"


def test_commands(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    talk.call("a1", "t1", "Bash", {"command": "make"}, cwd="/repo/sub")
    talk.result("r1", "t1", "ok", {"stdout": "ok", "stderr": "warned", "interrupted": False, "durationMs": 7})
    talk.call("a2", "t2", "Bash", {"command": "false"})
    talk.result("r2", "t2", "Exit code 3\nbroken", "Error: Exit code 3\nbroken", is_error=True)
    talk.call("a3", "t3", "Bash", {"command": "rm"})
    talk.result("r3", "t3", "The user doesn't want to proceed with this tool use.", "User rejected", is_error=True)
    items = items_of(tmp_path, talk)
    found = bodies(items)
    assert next(body for body in found if isinstance(body, Command)).cwd == "sub"
    assert [body for body in found if isinstance(body, CommandResult)] == [
        CommandResult(call_id="t1", exit_code=0, stdout="ok", stderr="warned", duration_ms=7),
        CommandResult(call_id="t2", exit_code=3, stdout="broken"),
    ]
    assert [body.status for body in found if body.kind == "tool_result"] == ["completed", "failed", "denied"]


def test_files_that_were_read(tmp_path: Path) -> None:
    talk = Talk()
    for number, (start, count, total) in enumerate(((1, 5, 5), (10, 20, 90))):
        talk.call(f"a{number}", f"t{number}", "Read", {"file_path": "/repo/a.rs"})
        file = {"filePath": "/repo/a.rs", "content": "…", "startLine": start, "numLines": count, "totalLines": total}
        talk.result(f"r{number}", f"t{number}", "…", {"type": "text", "file": file})
    assert [body for body in bodies(items_of(tmp_path, talk)) if isinstance(body, FileRead)] == [
        FileRead(path="a.rs", call_id="t0"),
        FileRead(path="a.rs", first=10, last=29, call_id="t1"),
    ]


def test_what_a_person_did_not_type_is_no_prompt(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1", "real")
    talk.prompt("u2", "injected", isMeta=True)
    talk.prompt("u3", "[Request interrupted by user]")
    talk.prompt("u4", "<local-command-stdout>out</local-command-stdout>")
    talk.prompt("u5", "<task-notification>x</task-notification>")
    talk.prompt("u6", "Summary of all", isCompactSummary=True)
    talk.prompt("u7", "<command-message>x</command-message><command-name>/model</command-name>")
    talk.add("attachment", "at", attachment={"type": "queued_command", "commandMode": "prompt", "prompt": "also this"})
    items = items_of(tmp_path, talk)
    assert prompts(items) == ["real", "/model", "also this"]
    assert one(items, "compaction").text == "Summary of all"
    assert [body.level for body in bodies(items) if isinstance(body, Notice)] == ["info", "warning", "info", "info"]


def test_images_and_unknown_content_are_kept(tmp_path: Path) -> None:
    talk = Talk()
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    talk.prompt("u1", [{"type": "text", "text": "look"}, image])
    talk.answer("a1", {"type": "hologram", "x": 1}, {"type": "thinking", "thinking": "", "signature": "s"})
    talk.result("r1", "t1", [{"type": "text", "text": "seen"}, image])
    found = bodies(items_of(tmp_path, talk))
    assert found[0] == Notice(text="Content: image", data=image)
    assert found[1] == UserMessage(text="look")
    assert found[2] == Notice(text="Content: hologram", data={"type": "hologram", "x": 1})
    assert (found[3].output, found[3].content) == ("seen", [{"type": "text", "text": "seen"}, image])


def test_records_beside_the_conversation(tmp_path: Path) -> None:
    talk = Talk()
    head = {"type": "file-history-snapshot", "messageId": "m", "snapshot": {"x": 1}}
    talk.prompt("u1")
    talk.add("system", "y1", subtype="api_error", content="overloaded")
    talk.add("progress", "p1", data={"type": "hook_progress"})
    records = [head, *talk.records, {"type": "mode", "mode": "plan", "sessionId": "s1"}]
    items = items_of(tmp_path, records)
    assert [(body.text, body.level) for body in bodies(items) if isinstance(body, Notice)] == [
        ("Record: file-history-snapshot", "info"),
        ("overloaded", "error"),
        ("Record: progress", "info"),
        ("Record: mode", "info"),
    ]
    assert bodies(items)[0].data == head
    assert events(items)[0].time == events(items)[1].time > 0


def test_titles_by_rank(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1", "ask")
    assert titles(items_of(tmp_path, talk)) == {"s1": "ask"}
    summary = {"type": "summary", "summary": "sum", "leafUuid": "u1"}
    assert titles(items_of(tmp_path, [summary, *talk.records])) == {"s1": "sum"}
    own = {"type": "custom-title", "customTitle": "mine", "sessionId": "s1"}
    other = {"type": "ai-title", "aiTitle": "theirs", "sessionId": "s1"}
    assert titles(items_of(tmp_path, [*talk.records, own, other, summary])) == {"s1": "mine"}


def test_a_summary_of_nothing_is_reported(tmp_path: Path) -> None:
    items = items_of(tmp_path, [{"type": "summary", "summary": "sum", "leafUuid": "gone"}])
    assert skipped(items) == [(1, "The summary belongs to a conversation that is not in the sources.")]


def test_a_line_of_no_session_is_reported(tmp_path: Path) -> None:
    assert skipped(items_of(tmp_path, [{"type": "user", "message": {}}])) == [(1, "The line belongs to no session.")]


def test_replaced_text_is_said(tmp_path: Path) -> None:
    talk = Talk()
    talk.prompt("u1")
    bad = b'{"type":"user","uuid":"u2","sessionId":"s1","message":{"role":"user","content":"caf\xe9"}}'
    items = items_of(tmp_path, [*talk.records, bad])
    assert prompts(items) == ["prompt u1", "caf�"]
    assert bodies(items)[-1].level == "warning"


def test_tool_call_keeps_its_input(tmp_path: Path) -> None:
    talk = Talk()
    talk.call("a1", "t1", "mcp__x__y", {"deep": [1, {"k": None}]})
    assert one(items_of(tmp_path, talk), "tool_call") == ToolCall(
        call_id="t1", name="mcp__x__y", title="mcp__x__y", input={"deep": [1, {"k": None}]}
    )
