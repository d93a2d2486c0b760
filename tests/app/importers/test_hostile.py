"""No input raises, and no line is lost: each is an event, a repetition, a description of its session, or skipped."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.importers.drafts import Item, NewEvent, NewSession, SetFields, Skipped
from app.importers.registry import FORMATS
from app.sessions.bodies import decode_body, decode_common, encode_draft
from app.sessions.events import Draft, Unknown
from tests.app.importers.transcripts import FIXTURES, format_of

_WORDS = [
    *(
        "user",
        "assistant",
        "system",
        "attachment",
        "progress",
        "summary",
        "text",
        "thinking",
        "tool_use",
        "tool_result",
    ),
    *("Bash", "Edit", "Write", "Read", "TodoWrite", "Task", "t1", "u1", "u2", "u3", "a1", "/repo/x.py", "create", ""),
    *("session_meta", "turn_context", "response_item", "event_msg", "compacted", "message", "reasoning", "shell"),
    *("function_call", "function_call_output", "custom_tool_call", "apply_patch", "exec_command_end", "token_count"),
    *("patch_apply_end", "patch_apply_begin", "item_completed", "CommandExecution", "FileChange", "McpToolCall"),
    *(
        "2025-06-14T11:00:00Z",
        "*** Begin Patch\n*** Add File: x\n+1\n*** End Patch",
        "Exit code 7\nx",
        "queued_command",
    ),
    *(
        "<command-name>/x</command-name>",
        "[Request interrupted by user]",
        '{"cmd":"ls"}',
        '{"output":"x","metadata":3}',
    ),
]
_KEYS = [
    *("type", "uuid", "parentUuid", "sessionId", "agentId", "isSidechain", "timestamp", "cwd", "message", "content"),
    *(
        "id",
        "name",
        "input",
        "tool_use_id",
        "toolUseResult",
        "file_path",
        "command",
        "todos",
        "edits",
        "usage",
        "model",
    ),
    *("structuredPatch", "lines", "oldStart", "file", "filePath", "startLine", "stdout", "text", "isMeta", "leafUuid"),
    *("payload", "call_id", "arguments", "output", "role", "action", "changes", "info", "last_token_usage", "item"),
    *("summary", "customTitle", "attachment", "prompt", "duration", "secs", "unified_diff", "exit_code", "result"),
    *("isCompactSummary", "subtype", "interrupted", "old_string", "new_string", "originalFile", "plan", "input_tokens"),
]
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**70)
    | st.floats(allow_nan=False)
    | st.sampled_from(_WORDS)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5),
    max_leaves=12,
)
_records = st.dictionaries(st.sampled_from(_KEYS), _values, max_size=8)
_blocks = st.lists(st.dictionaries(st.sampled_from(_KEYS), _values, max_size=6), max_size=3)
_claude_records = st.builds(
    lambda rest, kind, content, uuid, parent, result: {
        **rest,
        "type": kind,
        "sessionId": "s",
        "uuid": uuid,
        "parentUuid": parent,
        "message": {"content": content, "id": "m", "usage": rest},
        "toolUseResult": result,
    },
    _records,
    st.sampled_from(_WORDS[:6]),
    _blocks | st.text(),
    st.sampled_from(["u1", "u2", "u3", "a1", "a2"]),
    st.sampled_from([None, "u1", "u2", "a1", "zz"]),
    _values,
)
_codex_records = st.builds(
    lambda kind, inner, payload: {"type": kind, "payload": {**payload, "type": inner}},
    st.sampled_from(["session_meta", "turn_context", "response_item", "event_msg", "compacted", "other"]),
    st.sampled_from(_WORDS),
    _records,
)


def _read(name: str, data: bytes) -> list[Item]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        path.write_bytes(data)
        return list(FORMATS[name].read([path]))


def _check(items: list[Item]) -> None:
    announced: set[str] = set()
    for item in items:
        if isinstance(item, NewSession):
            assert item.source not in announced
            announced.add(item.source)
        elif isinstance(item, SetFields):
            assert item.session in announced
        elif isinstance(item, NewEvent):
            assert item.session in announced
            _check_body(item)


def _check_body(item: NewEvent) -> None:
    """What is stored reads back as the same kind: every field has the type that the vocabulary says."""
    data = encode_draft(Draft(body=item.body, time=item.time, turn=item.turn, agent=item.agent, source=item.source))
    common = decode_common(data)
    assert common is not None
    body = decode_body(common, data)
    assert not isinstance(body, Unknown)
    assert body == item.body


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes(name: str, data: bytes) -> None:
    _check(_read(name, data))


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=60)
@given(records=st.lists(_records | _claude_records | _codex_records, max_size=6))
def test_arbitrary_records(name: str, records: list[Any]) -> None:
    _check(_read(name, b"".join(json.dumps(record).encode() + b"\n" for record in records)))


@settings(max_examples=60)
@given(records=st.lists(_claude_records, min_size=1, max_size=6))
def test_every_record_of_a_conversation_is_told(records: list[Any]) -> None:
    for number, record in enumerate(records):
        record["uuid"] = f"r{number}"
    items = _read("claude", b"".join(json.dumps(record).encode() + b"\n" for record in records))
    lines = {item.line for item in items if isinstance(item, Skipped)}
    told = {item.source.partition("/")[0] for item in items if isinstance(item, NewEvent)}
    for number, record in enumerate(records):
        described = record["type"] == "summary"
        assert described or number + 1 in lines or f"r{number}" in told


@pytest.mark.parametrize("path", sorted(FIXTURES.rglob("*.jsonl")), ids=lambda path: path.name)
def test_fixtures_cut_anywhere(path: Path) -> None:
    data = path.read_bytes()
    for end in range(0, len(data), 97):
        _check(_read(format_of(path), data[:end]))


@pytest.mark.parametrize("path", sorted(FIXTURES.rglob("*.jsonl")), ids=lambda path: path.name)
def test_fixtures_are_told_in_the_vocabulary(path: Path) -> None:
    read = FORMATS[format_of(path)].read
    _check(list(read([path])))


def test_parsing_twice_gives_the_same() -> None:
    paths = sorted((FIXTURES / "claude_code").glob("*.jsonl"))
    assert list(FORMATS["claude"].read(paths)) == list(FORMATS["claude"].read(list(reversed(paths))))
