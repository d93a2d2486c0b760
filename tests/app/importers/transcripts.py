"""Small Claude Code transcripts, written like conversations, and what an import makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.importers.drafts import Item, NewEvent, NewSession, SetFields, Skipped
from app.importers.registry import FORMATS
from app.sessions.events import UserMessage

FIXTURES = Path(__file__).parents[2] / "fixtures" / "import"
START = datetime(2025, 7, 1, 12, tzinfo=UTC)


def format_of(path: Path) -> str:
    """The format of a fixture: the name of its folder says it."""
    return {"claude_code": "claude"}.get(path.parent.name, path.parent.name)


class Talk:
    """Records of one session; each hangs from the one before it unless told otherwise."""

    def __init__(self, session: str = "s1", cwd: str = "/repo") -> None:
        self.session = session
        self.cwd = cwd
        self.records: list[dict[str, Any]] = []
        self.tip: str | None = None

    def add(self, kind: str, uuid: str, parent: str | None = "tip", **fields: Any) -> dict[str, Any]:
        """A record of the conversation; parent "tip": the one before it."""
        record = {
            "type": kind,
            "uuid": uuid,
            "parentUuid": self.tip if parent == "tip" else parent,
            "isSidechain": False,
            "sessionId": self.session,
            "cwd": self.cwd,
            "timestamp": (START + timedelta(seconds=len(self.records))).isoformat(),
            **fields,
        }
        self.records.append(record)
        self.tip = uuid
        return record

    def prompt(self, uuid: str, text: Any = "", **fields: Any) -> dict[str, Any]:
        """What a person typed."""
        return self.add("user", uuid, message={"role": "user", "content": text or f"prompt {uuid}"}, **fields)

    def answer(self, uuid: str, *blocks: dict[str, Any], message: str | None = None, **fields: Any) -> dict[str, Any]:
        """An answer of these blocks, by default one text."""
        content = list(blocks) or [{"type": "text", "text": f"answer {uuid}"}]
        body = {"id": message or f"msg-{uuid}", "role": "assistant", "model": "m", "content": content}
        return self.add("assistant", uuid, message=body, **fields)

    def call(self, uuid: str, call_id: str, name: str, given: Any, **fields: Any) -> dict[str, Any]:
        """A tool call."""
        return self.answer(uuid, {"type": "tool_use", "id": call_id, "name": name, "input": given}, **fields)

    def result(self, uuid: str, call_id: str, output: Any, result: Any = None, **fields: Any) -> dict[str, Any]:
        """The result of a tool call."""
        error = fields.pop("is_error", False)
        block = {"type": "tool_result", "tool_use_id": call_id, "content": output, "is_error": error}
        if result is not None:
            fields["toolUseResult"] = result
        return self.add("user", uuid, message={"role": "user", "content": [block]}, **fields)


def write(path: Path, records: Iterable[Any]) -> Path:
    """A file with one JSON value a line; bytes are written as they are."""
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def items_of(tmp_path: Path, *talks: Talk | Sequence[Any]) -> list[Item]:
    """What the transcripts with these records give, each in a file of its own."""
    paths = [
        write(tmp_path / f"{number}.jsonl", talk.records if isinstance(talk, Talk) else talk)
        for number, talk in enumerate(talks)
    ]
    return list(FORMATS["claude"].read(paths))


def rollout_items(tmp_path: Path, *records: Any) -> list[Item]:
    """What a rollout with these records gives."""
    return list(FORMATS["codex"].read([write(tmp_path / "rollout.jsonl", records)]))


def sessions(items: Iterable[Item]) -> dict[str, NewSession]:
    return {item.source: item for item in items if isinstance(item, NewSession)}


def events(items: Iterable[Item], session: str | None = None) -> list[NewEvent]:
    return [item for item in items if isinstance(item, NewEvent) and session in (None, item.session)]


def bodies(items: Iterable[Item], session: str | None = None) -> list[Any]:
    return [event.body for event in events(items, session)]


def kinds(items: Iterable[Item], session: str | None = None) -> list[str]:
    return [body.kind for body in bodies(items, session)]


def prompts(items: Iterable[Item], session: str | None = None) -> list[str]:
    return [body.text for body in bodies(items, session) if isinstance(body, UserMessage)]


def one(items: Iterable[Item], kind: str) -> Any:
    """The only body of a kind."""
    (body,) = [body for body in bodies(items) if body.kind == kind]
    return body


def skipped(items: Iterable[Item]) -> list[tuple[int, str]]:
    return [(item.line, item.reason) for item in items if isinstance(item, Skipped)]


def titles(items: Iterable[Item]) -> dict[str, str]:
    """The last title of each session."""
    last: dict[str, str] = {}
    for item in items:
        if isinstance(item, NewSession) and item.title:
            last[item.source] = item.title
        elif isinstance(item, SetFields) and "title" in item.fields:
            last[item.session] = item.fields["title"]
    return last
