"""The main shapes of Gemini CLI's chats, with expectations written by hand."""

from __future__ import annotations

import json
from pathlib import Path

from app.importers.drafts import SetFields
from app.sessions.events import AgentMessage, AgentThought, CommandResult, Notice, Usage
from tests.app.importers.foreign import gemini_head, gemini_items, gemini_message, items_in
from tests.app.importers.transcripts import (
    FIXTURES,
    bodies,
    events,
    kinds,
    one,
    prompts,
    sessions,
    skipped,
    titles,
    write,
)


def test_what_was_recorded() -> None:
    items = items_in("gemini", FIXTURES / "gemini" / "resumed.jsonl")
    (session,) = sessions(items).values()
    assert (session.source, session.cwd, session.agent) == ("35aecd00-5841-44df-910d-cf21fac32ca2", "/repo", "gemini")
    assert skipped(items) == [] and titles(items) == {session.source: "make a hello file"}
    assert prompts(items) == ["make a hello file", "again please"]  # a resumed chat repeats what was said
    turn = ["agent_thought", "agent_message", "usage"]
    assert kinds(items) == [
        *("notice", "user_message", *turn, "tool_call", "tool_result", "file_change"),
        *(*turn, "tool_call", "tool_result", "file_change", *turn, "tool_call", "tool_result", "file_read"),
        *(*turn, "tool_call", "command", "tool_result", "command_result"),
        *(*turn, "tool_call", "plan", "tool_result", *turn, "user_message", *turn),
    ]
    created, changed = [body for body in bodies(items) if body.kind == "file_change"]
    assert created.diff == "--- /dev/null\n+++ b/hello.py\n@@ -0,0 +1,1 @@\n+print('hello')\n"
    assert changed.diff.endswith("-print('hello')\n+print('hello world')\n")
    assert one(items, "command_result") == CommandResult(
        call_id=one(items, "command").call_id, exit_code=3, stdout="hello world\noops"
    )
    assert bodies(items)[4] == Usage(input=95, output=27, model="gemini-2.5-flash", cache_read=5)


def test_a_message_that_grows_is_told_once(tmp_path: Path) -> None:
    call = {"id": "c1", "name": "glob", "args": {"pattern": "*.py"}, "status": "executing"}
    thoughts = [{"subject": "Look", "description": "for it"}]
    tokens = {"input": 3, "output": 1}
    items = gemini_items(
        tmp_path,
        gemini_head(),
        gemini_message("u1", "user", [{"text": "go"}]),
        gemini_message("a1", "gemini", "I look.", 2, thoughts=thoughts, model="m"),
        gemini_message("a1", "gemini", "I look.", 2, thoughts=thoughts, model="m", tokens=tokens, toolCalls=[call]),
        gemini_message(
            "a1",
            "gemini",
            "I look.",
            2,
            thoughts=thoughts,
            model="m",
            tokens=tokens,
            toolCalls=[{**call, "status": "success", "resultDisplay": "a.py"}],
        ),
    )
    assert kinds(items) == [*("user_message", "agent_thought", "agent_message", "usage", "tool_call", "tool_result")]
    assert bodies(items)[1:3] == [AgentThought(text="Look\n\nfor it"), AgentMessage(text="I look.", model="m")]
    assert one(items, "tool_result").output == "a.py"


def test_a_rewind_is_a_fork(tmp_path: Path) -> None:
    items = gemini_items(
        tmp_path,
        gemini_head(),
        gemini_message("u1", "user", "one"),
        gemini_message("a1", "gemini", "first", 2),
        gemini_message("u2", "user", "two", 3),
        {"$rewindTo": "u2"},
        gemini_message("u3", "user", "another way", 4),
        {"$rewindTo": "u1"},
        gemini_message("u4", "user", "from the start", 5),
        {"$rewindTo": "nobody"},
        gemini_message("u5", "user", "nothing is left", 6),
    )
    assert [(one.source, one.fork_of) for one in sessions(items).values()] == [
        ("g1", None),
        ("g1/u2", ("g1", "a1/text/0")),
        ("g1/u1", ("g1", None)),
        ("g1/nobody", ("g1", None)),
    ]
    assert prompts(items, "g1/u2") == ["another way"] and prompts(items, "g1/u1") == ["from the start"]


def test_an_object_and_the_lines_it_became_are_one_chat(tmp_path: Path) -> None:
    messages = [gemini_message("u1", "user", "one"), gemini_message("a1", "gemini", "two", 2)]
    old = tmp_path / "session-1.json"
    old.write_text(json.dumps(gemini_head(messages=messages, summary="About one"), indent=2))
    new = write(tmp_path / "session-1.jsonl", [gemini_head(), *messages, gemini_message("u2", "user", "three", 3)])
    items = items_in("gemini", old, new)
    assert prompts(items) == ["one", "three"] and len(events(items)) == 3
    assert titles(items) == {"g1": "About one"}


def test_what_the_program_says_beside_the_conversation(tmp_path: Path) -> None:
    items = gemini_items(
        tmp_path,
        gemini_head(directories=["/repo"]),
        gemini_message("i1", "info", "Update available"),
        gemini_message("e1", "error", [{"text": "Quota exceeded"}], 2),
        gemini_message("h1", "hologram", "?", 3),
        gemini_message("u1", "user", [{"text": "see @a.py"}, {"text": "--- a.py ---"}], 4, displayContent="see @a.py"),
        gemini_message("u2", "user", [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}], 5),
        {"$set": {"summary": "A summary", "novelty": 1}},
        {"neither": "nor"},
    )
    notices = [body for body in bodies(items) if isinstance(body, Notice)]
    assert [(notice.level, notice.text) for notice in notices] == [
        ("info", "Update available"),
        ("error", "Quota exceeded"),
        ("info", "Message: hologram"),
        ("info", "see @a.py\n--- a.py ---"),
        ("info", "Content: inlineData"),
        ("info", "Change of the chat: novelty"),
        ("info", "Unknown record"),
    ]
    assert prompts(items) == ["see @a.py", "[attachment]"]
    assert [item.fields for item in items if isinstance(item, SetFields)] == [{"title": "A summary"}]


def test_a_sub_agent(tmp_path: Path) -> None:
    call = {"id": "c1", "name": "codebase_investigator", "args": {}, "status": "success", "agentId": "sub"}
    main = write(tmp_path / "main.jsonl", [gemini_head(), gemini_message("a1", "gemini", "", toolCalls=[call])])
    later = "2026-01-01T00:00:09Z"
    part = write(
        tmp_path / "sub.jsonl",
        [gemini_head("sub", kind="subagent", startTime=later), gemini_message("u1", "user", "look", 10)],
    )
    sub = sessions(items_in("gemini", part, main))["sub"]
    assert (sub.type, sub.parent) == ("agent", ("g1", "c1"))
