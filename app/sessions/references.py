"""Which blobs an event refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from app.sessions.bodies import MAX_SIZE, decode_common
from app.sessions.events import AgentMessage, AnyBody, BlobRef, Checkpoint, FileChange, ToolResult, Unknown, UserMessage

MAX_DEPTH = 16
_BLOB_ID = re.compile("[0-9a-f]{64}")


def blob_refs(body: AnyBody) -> Iterator[BlobRef]:
    """All references of a body that could name a blob."""
    match body:
        case UserMessage() | AgentMessage():
            found: tuple[BlobRef | None, ...] = body.attachments
        case FileChange():
            found = (body.before, body.after)
        case Checkpoint():
            found = tuple(file.blob for file in body.files)
        case ToolResult():
            found = tuple(_inside(body.content))
        case Unknown():
            found = tuple(_inside(body.fields))
        case _:
            return
    yield from (ref for ref in found if ref is not None and _BLOB_ID.fullmatch(ref.blob) and 0 <= ref.size <= MAX_SIZE)


def spilled_into(data: bytes) -> Iterator[str]:
    """Ids (hex) of the blobs that hold the body which a document has a stub of. data: JSON as in the document."""
    if b"blob" not in data:
        return
    common = decode_common(data)
    if common is None:
        return
    if common.blob is not None and _BLOB_ID.fullmatch(common.blob.id):
        yield common.blob.id
    if common.body is not None:
        yield from spilled_into(common.body.encode())


def _inside(value: Any, depth: int = MAX_DEPTH) -> Iterator[BlobRef]:
    """References inside a JSON value: objects with `blob` and `size`."""
    if isinstance(value, dict):
        blob, size, key = value.get("blob"), value.get("size"), value.get("key")
        if isinstance(blob, str) and type(size) is int:
            yield BlobRef(blob=blob, size=size, key=key if isinstance(key, str) else None)
        value = list(value.values())
    if isinstance(value, list) and depth:
        for item in value:
            yield from _inside(item, depth - 1)
