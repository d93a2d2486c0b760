"""The main shapes of Codex rollouts, with expectations written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from app.importers.registry import FORMATS
from app.importers.values import turn_id
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    Command,
    CommandResult,
    Notice,
    PlanEntry,
    Usage,
    UserMessage,
)
from tests.app.importers.transcripts import (
    FIXTURES,
    bodies,
    events,
    kinds,
    one,
    prompts,
    rollout_items,
    sessions,
    skipped,
    titles,
    write,
)

META = {"id": "s1", "cwd": "/w", "timestamp": "2026-01-01T00:00:00Z"}


def _line(kind: str, payload: dict[str, Any], second: int = 0) -> dict[str, Any]:
    return {"timestamp": f"2026-01-01T00:00:{second:02}Z", "type": kind, "payload": payload}


def _item(**payload: Any) -> dict[str, Any]:
    return _line("response_item", payload)


def _event(**payload: Any) -> dict[str, Any]:
    return _line("event_msg", payload)


def _said(role: str, text: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return _item(type="message", role=role, content=[{"type": kind, "text": text}])


def _call(name: str, call_id: str, **arguments: Any) -> dict[str, Any]:
    return _item(type="function_call", name=name, call_id=call_id, arguments=json.dumps(arguments))


HEAD = _line("session_meta", META)


def test_the_fixture() -> None:
    items = list(FORMATS["codex"].read([FIXTURES / "codex" / "tool_calls.jsonl"]))
    (session,) = sessions(items).values()
    assert (session.source, session.cwd, session.agent) == ("s1", "/workspace/project", "codex")
    assert kinds(items) == [
        *("notice", "user_message", "agent_thought", "tool_call", "tool_result"),
        *("tool_call", "tool_result", "tool_call", "tool_result", "agent_message"),
    ]
    assert skipped(items) == []
    assert one(items, "agent_message") == AgentMessage(text="Created one focused commit.", model="gpt-5.3-codex")
    assert [event.turn for event in events(items)] == [None, *[turn_id("s1/4")] * 9]
    assert titles(items) == {"s1": "create one focused commit"}


def test_what_two_channels_say_is_told_once(tmp_path: Path) -> None:
    items = rollout_items(
        tmp_path,
        HEAD,
        _said("user", "hello"),
        _event(type="user_message", message="hello", kind="plain"),
        _event(type="agent_reasoning", text="**Thinking**"),
        _item(type="reasoning", summary=[{"type": "summary_text", "text": "**Thinking**"}], encrypted_content="x"),
        _event(type="agent_message", message="hi"),
        _said("assistant", "hi"),
        _said("user", "hello"),
        _event(type="user_message", message="hello"),
    )
    assert bodies(items) == [
        UserMessage(text="hello"),
        AgentThought(text="**Thinking**"),
        AgentMessage(text="hi"),
        UserMessage(text="hello"),
    ]


def test_what_the_program_adds_is_no_prompt(tmp_path: Path) -> None:
    items = rollout_items(
        tmp_path,
        HEAD,
        _said("user", "<user_instructions>\nbe nice\n</user_instructions>"),
        _said("developer", "rules"),
        _said("user", "real"),
    )
    assert prompts(items) == ["real"]
    assert kinds(items) == ["notice", "notice", "user_message"]


def test_commands(tmp_path: Path) -> None:
    envelope = json.dumps({"output": "two\n", "metadata": {"exit_code": 1, "duration_seconds": 0.5}})
    plain = "Chunk ID: 1\nWall time: 1.25 seconds\nProcess exited with code 0\nOutput:\nthree\n"
    items = rollout_items(
        tmp_path,
        HEAD,
        _call("shell", "c1", command=["bash", "-lc", "ls | wc"], workdir="/w/sub"),
        _event(
            type="exec_command_end",
            call_id="c1",
            command=["bash", "-lc", "ls | wc"],
            cwd="/w/sub",
            stdout="one",
            stderr="oops",
            exit_code=2,
            duration={"secs": 1, "nanos": 5_000_000},
        ),
        _item(type="function_call_output", call_id="c1", output="one"),
        _call("shell", "c2", command=["git", "commit", "-m", "a b"]),
        _item(type="function_call_output", call_id="c2", output=envelope),
        _call("exec_command", "c3", cmd="cat x"),
        _item(type="function_call_output", call_id="c3", output=plain),
    )
    found = bodies(items)
    assert [body for body in found if isinstance(body, Command)] == [
        Command(call_id="c1", command="ls | wc", cwd="sub"),
        Command(call_id="c2", command="git commit -m 'a b'"),
        Command(call_id="c3", command="cat x"),
    ]
    assert [body for body in found if isinstance(body, CommandResult)] == [
        CommandResult(call_id="c1", exit_code=2, stdout="one", stderr="oops", duration_ms=1005),
        CommandResult(call_id="c2", exit_code=1, stdout="two\n", duration_ms=500),
        CommandResult(call_id="c3", exit_code=0, stdout="three\n", duration_ms=1250),
    ]
    assert [body.status for body in found if body.kind == "tool_result"] == ["completed", "failed", "completed"]


PATCH = """*** Begin Patch
*** Update File: src/a.py
@@ def f():
 one
-two
+TWO
*** Add File: b.md
+# B
*** Delete File: old.txt
*** Update File: c.go
*** Move to: d.go
@@
-x
+y
*** End Patch
"""


def test_a_patch_is_changes_of_files(tmp_path: Path) -> None:
    items = rollout_items(
        tmp_path,
        HEAD,
        _item(type="custom_tool_call", name="apply_patch", call_id="c1", input=PATCH),
        _item(type="custom_tool_call_output", call_id="c1", output="Success."),
    )
    changes = [body for body in bodies(items) if body.kind == "file_change"]
    assert [(c.path, c.language, c.added, c.removed, c.renamed_from) for c in changes] == [
        ("src/a.py", "python", 1, 1, None),
        ("b.md", "markdown", 1, 0, None),
        ("old.txt", None, 0, 0, None),
        ("d.go", "go", 1, 1, "c.go"),
    ]
    assert changes[0].diff == "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,2 +1,2 @@ def f():\n one\n-two\n+TWO\n"
    assert changes[2].diff == "--- a/old.txt\n+++ /dev/null\n"


def test_the_applied_patch_is_told_once_whichever_comes_first(tmp_path: Path) -> None:
    call = _item(type="custom_tool_call", name="apply_patch", call_id="c1", input=PATCH)
    output = _item(type="custom_tool_call_output", call_id="c1", output="Success.")
    changes = {"/w/a.py": {"type": "update", "unified_diff": "@@ -7 +7 @@\n-old\n+new\n", "move_path": None}}
    end = _event(type="patch_apply_end", call_id="c1", success=True, changes=changes)
    exact = rollout_items(tmp_path, HEAD, call, end, output)
    assert one(exact, "file_change").diff == "--- a/a.py\n+++ b/a.py\n@@ -7 +7 @@\n-old\n+new\n"
    assert kinds(rollout_items(tmp_path, HEAD, call, output, end)).count("file_change") == 4
    failed = _event(type="patch_apply_end", call_id="c1", success=False, changes=changes)
    refused = _item(type="custom_tool_call_output", call_id="c1", output="apply_patch verification failed: x")
    assert kinds(rollout_items(tmp_path, HEAD, call, failed, refused)) == ["tool_call", "tool_result"]


def test_items_of_newer_versions(tmp_path: Path) -> None:
    command = {"type": "CommandExecution", "id": "e1", "command": ["ls"], "cwd": "/w", "aggregated_output": "x"}
    change = {"type": "FileChange", "id": "e2", "changes": {"/w/n.txt": {"type": "add", "content": "hi\n"}}}
    items = rollout_items(
        tmp_path,
        HEAD,
        _event(type="item_completed", item={**command, "exit_code": 0}),
        _event(type="item_completed", item=change),
        _event(type="item_completed", item={"type": "AgentMessage", "content": [{"type": "Text", "text": "done"}]}),
        _said("assistant", "done"),
    )
    assert kinds(items) == ["tool_call", "command", "command_result", "file_change", "agent_message"]
    assert one(items, "file_change").path == "n.txt"


def test_usage_counts_what_is_new(tmp_path: Path) -> None:
    usage = {"input_tokens": 100, "cached_input_tokens": 80, "output_tokens": 7}
    info = {"total_token_usage": usage, "last_token_usage": usage}
    count = _event(type="token_count", info=info, rate_limits={})
    items = rollout_items(tmp_path, HEAD, count, count, _event(type="token_count", info=None))
    assert one(items, "usage") == Usage(input=20, output=7, cache_read=80)


def test_plans_searches_and_the_rest(tmp_path: Path) -> None:
    items = rollout_items(
        tmp_path,
        HEAD,
        _call("update_plan", "c1", plan=[{"step": "one", "status": "completed"}, {"step": "two", "status": "odd"}]),
        _item(type="web_search_call", status="completed", action={"type": "search", "query": "q"}),
        _event(type="turn_aborted", reason="interrupted"),
        _line("compacted", {"message": "short"}),
        _event(type="context_compacted"),
        _line("world_state", {"x": 1}),
        _event(type="thread_name_updated", thread_name="Named"),
    )
    assert kinds(items) == [*("tool_call", "plan", "tool_call", "tool_result", "notice", "compaction", "notice")]
    assert one(items, "plan").entries == (PlanEntry(text="one", status="completed"), PlanEntry(text="two"))
    assert bodies(items)[-1] == Notice(text="Record: world_state", data={"x": 1})
    assert titles(items) == {"s1": "Named"}


def test_a_sub_agent_names_its_parent(tmp_path: Path) -> None:
    source = {"subagent": {"thread_spawn": {"parent_thread_id": "p", "depth": 1}}}
    items = rollout_items(tmp_path, _line("session_meta", {**META, "source": source}), _said("user", "go"))
    session = sessions(items)["s1"]
    assert (session.type, session.parent) == ("agent", ("p", None))


def test_bare_rollouts_of_old_versions(tmp_path: Path) -> None:
    items = rollout_items(
        tmp_path,
        {"id": "old", "timestamp": "2025-05-01T00:00:00Z", "instructions": None},
        {"record_type": "state"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
    )
    assert list(sessions(items)) == ["old"]
    assert kinds(items) == ["user_message", "agent_message"]
    assert events(items)[0].time == 1_746_057_600_000


def test_a_rollout_that_is_there_twice_is_told_once(tmp_path: Path) -> None:
    records = [HEAD, _said("user", "a"), _said("assistant", "b")]
    paths = [write(tmp_path / name, records) for name in ("one", "two")]
    assert len(events(FORMATS["codex"].read(paths))) == 2


def test_a_rollout_without_its_head_has_a_steady_name(tmp_path: Path) -> None:
    lines = [_said("user", "a"), _said("assistant", "b")]
    (name,) = sessions(rollout_items(tmp_path, *lines))
    assert name.startswith("unnamed-")
    assert list(sessions(rollout_items(tmp_path, *lines, _said("user", "c")))) == [name]
