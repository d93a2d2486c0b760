"""The main shapes of Cursor's transcripts, with expectations written by hand."""

from __future__ import annotations

from pathlib import Path

from app.sessions.events import Command, FileRead, Notice
from tests.app.importers.foreign import cursor_line, items_in, text
from tests.app.importers.transcripts import FIXTURES, bodies, events, kinds, one, prompts, sessions, skipped, write

NAME = "0e5b1c2a-7c1d-4f6e-9a54-3d2b1f0c9e77"


def test_a_transcript() -> None:
    items = items_in("cursor", FIXTURES / "cursor" / f"{NAME}.jsonl")
    (session,) = sessions(items).values()
    assert (session.source, session.title, session.agent) == (NAME, "Make the greeting friendlier", "cursor")
    assert skipped(items) == []
    assert prompts(items) == ["Make the greeting friendlier", "Now write goodbye.py"]
    assert kinds(items) == [
        *("user_message", "agent_message", "tool_call", "file_read", "tool_call", "file_change"),
        *("tool_call", "command", "tool_call", "plan", "agent_message"),
        *("user_message", "tool_call", "file_change", "notice"),
    ]
    assert one(items, "file_read") == FileRead(path="/repo/hello.py", first=1, last=20, call_id="2-1")
    assert one(items, "command") == Command(call_id="3-1", command="python3 hello.py", cwd="/repo")
    assert one(items, "notice") == Notice(text="The turn ended: User aborted/interrupted manually.", level="warning")
    assert [event.time for event in events(items)][:2] == [1_789_853_460_000] * 2  # 21:31 UTC the day before
    assert len({event.turn for event in events(items)}) == 2


def test_older_prompts_and_odd_blocks(tmp_path: Path) -> None:
    lines = [
        cursor_line("user", text("<user_info>\nWorkspace Path: /repo\n</user_info>\n<user_query>\ngo\n</user_query>")),
        {"role": "assistant", "message": {"content": "plain text"}},
        cursor_line("assistant", {"type": "tool_use", "name": "Delete", "input": {"path": "/repo/a.py"}}),
        cursor_line("user", {"type": "tool_result", "content": "gone"}),
        cursor_line("assistant", {"type": "hologram"}),
        {"type": "hologram"},
    ]
    items = items_in("cursor", write(tmp_path / "x.jsonl", lines))
    assert next(iter(sessions(items).values())).cwd == "/repo"
    assert prompts(items) == ["go"]
    result = one(items, "tool_result")
    assert (result.call_id, result.output) == ("3-0", "gone")
    notices = [body.text for body in bodies(items) if isinstance(body, Notice)]
    assert notices[1:] == ["Content: hologram", "Record: hologram"] and "Workspace Path" in notices[0]


def test_a_sub_agent(tmp_path: Path) -> None:
    folder = tmp_path / NAME / "subagents"
    folder.mkdir(parents=True)
    part = write(folder / "1e5b1c2a-7c1d-4f6e-9a54-3d2b1f0c9e77.jsonl", [cursor_line("user", text("look"))])
    (session,) = sessions(items_in("cursor", part)).values()
    assert (session.type, session.parent) == ("agent", (NAME, None))
