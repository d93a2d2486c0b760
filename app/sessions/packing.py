"""How event bodies lie in rows: deflated with a dictionary of our own, or in a blob."""

from __future__ import annotations

import base64
import zlib

from app.sessions.bodies import BlobStub
from sync.errors import DamagedError
from sync.store.blobs import BlobStore
from sync.store.database import Connection

DEFLATE_BYTES = 160
KEY_BYTES = 32
MAX_BODY_BYTES = 32 << 20
"""No body is longer than the longest change that could bring it."""
_DICTIONARY = (
    b'"exit_code":0,"stdout":"","stderr":"","duration_ms":"status":"completed","output":"path":"language":"python"'
    b'"call_id":"toolu_call_","name":"Bash","input":{"command":"file_path":"old_string":"new_string":"tool_kind":"execute"'
    b'"source":"claude:codex:","kind":"tool_result","kind":"tool_call","kind":"agent_thought","kind":"command_result"'
    b'"kind":"command","kind":"file_change","kind":"user_message","text":"kind":"agent_message","text":""model":"claude-'
    b'"agent":"claude-code","turn":"01","time":17{"v":1,"time":1'
)
_DAMAGED = "The row of an event is damaged. `lovelace rebuild` makes all rows again."


def pack_body(data: bytes) -> bytes | str:
    """A body (UTF-8) as a row keeps it: deflated with a fixed dictionary (BLOB) where that is shorter, else as TEXT."""
    if len(data) > DEFLATE_BYTES:
        deflater = zlib.compressobj(1, zlib.DEFLATED, -12, 5, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
        packed = deflater.compress(data) + deflater.flush()
        if len(packed) < len(data):
            return packed
    return data.decode()


def unpack_body(stored: bytes | str) -> bytes:
    """The bytes of `pack_body`; raises DamagedError where a row holds something else."""
    if isinstance(stored, str):
        return stored.encode()
    inflater = zlib.decompressobj(-12, _DICTIONARY)
    try:
        data = inflater.decompress(stored, MAX_BODY_BYTES)
    except zlib.error as error:
        raise DamagedError(_DAMAGED) from error
    if not inflater.eof:
        raise DamagedError(_DAMAGED)
    return data


def resolve_stub(blobs: BlobStore, connection: Connection, stub: BlobStub) -> bytes | None:
    """The content of a blob; None when it is not on this device, or the stub is malformed."""
    try:
        key = None if stub.key is None else blob_key(stub.key)
        return blobs.find(connection, bytes.fromhex(stub.id), key)
    except ValueError:
        return None


def blob_key(text: str) -> bytes:
    """The key of a sealed file from its base64; raises ValueError where it is none."""
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError(f"A blob's key has {KEY_BYTES} bytes.")
    return key
