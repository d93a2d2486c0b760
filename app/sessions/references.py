"""Which blobs an event refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from app.sessions.bodies import MAX_SIZE, decode_common
from app.sessions.events import AgentMessage, AnyBody, BlobRef, Checkpoint, FileChange, ToolResult, Unknown, UserMessage
from sync.store.database import Connection

MAX_DEPTH = 16
_WITH_BLOBS = (UserMessage, AgentMessage, FileChange, Checkpoint, ToolResult, Unknown)
_BLOB_ID = re.compile("[0-9a-f]{64}")


def blob_refs(body: AnyBody) -> list[BlobRef]:
    """All references of a body that could name a blob."""
    if not isinstance(body, _WITH_BLOBS):
        return []
    return [
        ref for ref in _refs(body) if ref is not None and _BLOB_ID.fullmatch(ref.blob) and 0 <= ref.size <= MAX_SIZE
    ]


def _refs(body: AnyBody) -> Iterable[BlobRef | None]:
    match body:
        case UserMessage() | AgentMessage():
            return body.attachments
        case FileChange():
            return body.before, body.after
        case Checkpoint():
            return [file.blob for file in body.files]
        case ToolResult():
            return _inside(body.content)
        case Unknown():
            return _inside(body.fields)
    return ()


def naming_sessions(connection: Connection, blob: str) -> list[str]:
    """Ids of the sessions that refer to a blob (hex)."""
    sql = "SELECT s.id FROM session_blob b JOIN session s ON s.row=b.session WHERE b.blob=?"
    return [session for (session,) in connection.execute(sql, (blob,)).fetchall()]


def names_blob(data: bytes) -> bool:
    """Whether a body (JSON as in the document) could name one; most do not."""
    return b"blob" in data


def spilled_into(data: bytes) -> Iterator[str]:
    """Ids (hex) of the blobs that hold the body which a document has a stub of. data: JSON as in the document."""
    if not names_blob(data):
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
