"""Reading what agents send: JSON of any shape, of which only what fits is taken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.agents.acp.limits import MOST_TEXT
from app.agents.history import cut_middle

_DEPTH = 12
_MEMBERS = 1_000
_INPUT_TEXT = 64_000


def text(value: Any) -> str:
    """A text; '' for anything else."""
    return value if isinstance(value, str) else ""


def first_text(source: Any, *keys: str) -> str:
    """The first of an object's members that is a text with something in it."""
    if isinstance(source, Mapping):
        for key in keys:
            if isinstance(value := source.get(key), str) and value:
                return value
    return ""


def member(source: Any, *path: str) -> Any:
    """What is at a path of keys; None where there is nothing."""
    for key in path:
        source = source.get(key) if isinstance(source, Mapping) else None
    return source


def integer(value: Any) -> int | None:
    """A whole number of a sensible size, also one that came as a text or with a point."""
    if isinstance(value, str) and value.lstrip("-").isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else None


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a list."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (entry for entry in value if isinstance(entry, Mapping))


def bounded(value: Any, depth: int = _DEPTH) -> Any:
    """The value with long texts cut in the middle, and without what lies deeper or beyond what a session keeps."""
    match value:
        case str():
            return cut_middle(value, _INPUT_TEXT)
        case dict() if depth:
            return {cut_middle(str(k), 200): bounded(v, depth - 1) for k, v in list(value.items())[:_MEMBERS]}
        case list() if depth:
            return [bounded(entry, depth - 1) for entry in value[:_MEMBERS]]
        case dict() | list():
            return "…"
        case int() if not isinstance(value, bool) and integer(value) is None:
            return str(value)[:400]
    return value


def within(value: Any) -> Any:
    """The same, and of a size that an event can have."""
    kept = bounded(value)
    written = json.dumps(kept, ensure_ascii=False, default=str)
    return kept if len(written) <= MOST_TEXT else cut_middle(written, MOST_TEXT)


def content_text(content: Any) -> str:
    """The text of the `content` of a call, or of one block; other things are named."""
    blocks = content if isinstance(content, list) else [content]
    return "\n".join(told for told in map(_block_text, blocks[:_MEMBERS]) if told)


def _block_text(block: Any) -> str:
    inner = block.get("content") if isinstance(block, dict) and block.get("type") == "content" else block
    if not isinstance(inner, dict):
        return ""
    match inner.get("type"):
        case "text":
            return text(inner.get("text"))
        case "resource_link":
            return " ".join(part for part in (text(inner.get("name")), text(inner.get("uri"))) if part)
        case "resource":
            return first_text(inner.get("resource"), "text", "uri")
        case "image" | "audio" as kind:
            return f"[{kind}: {text(inner.get('mimeType')) or 'of an unknown kind'}]"
    return ""
