"""JSON of events as documents hold it, and back.

`{"v": 1, "time": ms, "turn"?, "agent"?, "source"?, "kind", …fields of the kind}`. The bytes written first are the bytes
hashed into the id and kept, so nothing is ever encoded twice; objects inside fields have their keys sorted, so that an
export whose keys a tool has sorted gives the same bytes again. A body over 4 KiB lives in a blob, so that it can be
erased; the document then holds a stub with the same common fields and `"blob"` instead of the kind's own.

Whatever arrives here may be hostile: reading raises nothing, and what cannot be read becomes `Unknown`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from app.sessions.events import KINDS, AnyBody, Body, Draft, Unknown

BODY_VERSION = 1
SPILL_BYTES = 4096
MAX_TIME = (1 << 43) - 1
"""Times (ms) beyond this, about 278 years around 1970, are no times."""
MAX_SIZE = 1 << 40
"""What stubs and references may claim as a size, in bytes."""
_MISSING = "This content is not on this device."
_COMMON = frozenset({"v", "time", "turn", "agent", "source", "kind", "blob", "restored"})
_ENCODER = msgspec.json.Encoder(order="deterministic")
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeError)


class BlobStub(msgspec.Struct, frozen=True):
    """Where a spilled body is. id: hex. key: base64 for a sealed file."""

    id: str
    size: int
    key: str | None = None


class Restored(msgspec.Struct, frozen=True):
    """Who an event from an export says it is by; identity, device: hex. Nobody's signature vouches for it."""

    identity: str
    device: str
    name: str


class Common(msgspec.Struct, frozen=True):
    """What every stored body says; fields of the kind are left aside."""

    kind: str
    time: int
    v: int = BODY_VERSION
    turn: str | None = None
    agent: str | None = None
    source: str | None = None
    blob: BlobStub | None = None
    restored: Restored | None = None
    body: str | None = None
    """With `restored`: the JSON that the event's id was made from."""


_common_decoder = msgspec.json.Decoder(Common)
_plain_decoder = msgspec.json.Decoder(dict[str, Any])
_decoders: dict[str, msgspec.json.Decoder[Body]] = {name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()}


def encode_draft(draft: Draft) -> bytes:
    """The JSON that documents hold."""
    try:
        return _encode_draft(draft)
    except UnicodeEncodeError:  # half characters, as in names of files that are not UTF-8
        return _encode_draft(_mended(draft))


def _encode_draft(draft: Draft) -> bytes:
    head = [b'{"v":1,"time":%d' % min(max(draft.time, -MAX_TIME), MAX_TIME)]
    for name, value in (("turn", draft.turn), ("agent", draft.agent), ("source", draft.source)):
        if value is not None:
            head.append(b',"%s":%s' % (name.encode(), _ENCODER.encode(value)))
    return b"".join((*head, b",", _encode_body(draft.body)[1:]))


def _encode_body(body: AnyBody) -> bytes:
    if isinstance(body, Unknown):
        fields = {key: value for key, value in body.fields.items() if key not in _COMMON}
        return _ENCODER.encode({"kind": body.kind, **fields})
    return _ENCODER.encode(body)


def _mended(value: Any) -> Any:
    """The same value with U+FFFD for lone surrogates, which JSON in UTF-8 cannot hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, msgspec.Struct):
        return type(value)(**{name: _mended(getattr(value, name)) for name in value.__struct_fields__})
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_mended, value))
    return value


def encode_stub(common: Common, blob: BlobStub) -> bytes:
    """The JSON that stands for a spilled body."""
    fields = {
        "v": common.v,
        "time": common.time,
        "turn": common.turn,
        "agent": common.agent,
        "source": common.source,
    }
    present = {key: value for key, value in fields.items() if value is not None}
    return msgspec.json.encode({**present, "kind": common.kind, "blob": msgspec.to_builtins(blob)})


def encode_restored(body: bytes, author: Restored) -> bytes:
    """An exported body with the author it had; the id stays that of the body itself."""
    common = decode_common(body)
    if common is None:
        raise ValueError("An event of an export has no kind or time.")
    wrapped = {"v": BODY_VERSION, "time": common.time, "kind": common.kind}
    return msgspec.json.encode({**wrapped, "restored": author, "body": body.decode()})


@dataclass(frozen=True, slots=True)
class OpenedBody:
    """A stored body, unwrapped. data: the JSON that the id was made from; of a missing body its stub.

    restored: its author, if from an export. size: of the JSON, also where it is not here.
    """

    common: Common
    body: AnyBody
    data: bytes
    size: int
    restored: Restored | None = None
    missing: bool = False


Resolve = Callable[[BlobStub], bytes | None]
"""Gives the JSON of a spilled body; None when its blob is not on this device."""


def open_body(data: bytes, resolve: Resolve) -> OpenedBody | None:
    """Read what a document holds for an event: unspilled, and unwrapped where it came with an export.

    None when it is no body at all.
    """
    opened = _unspill(data, resolve)
    if opened is None or opened.missing or opened.common.restored is None or opened.common.body is None:
        return opened
    inner = _unspill(opened.common.body.encode(), resolve)
    if inner is None:
        return opened
    return replace(inner, restored=opened.common.restored)


def _unspill(data: bytes, resolve: Resolve) -> OpenedBody | None:
    common = decode_common(data)
    if common is None:
        return None
    if common.blob is None:
        return OpenedBody(common, decode_body(common, data), data, len(data))
    full = resolve(common.blob)
    inside = None if full is None else decode_common(full)
    if full is None or inside is None or inside.blob is not None:
        size = min(max(common.blob.size, 0), MAX_SIZE)
        return OpenedBody(common, Unknown(common.kind, missing_fields(size)), data, size, missing=True)
    return OpenedBody(inside, decode_body(inside, full), full, len(full))


def missing_fields(size: int) -> dict[str, Any]:
    """Fields of an event whose body is not here; size: of its JSON, in bytes."""
    return {"missing": _MISSING, "bytes": size}


def missing_bytes(body: AnyBody) -> int | None:
    """How large a body is that is not on this device; None for all others."""
    if not isinstance(body, Unknown) or body.fields.get("missing") != _MISSING:
        return None
    size = body.fields.get("bytes")
    return size if isinstance(size, int) else 0


def decode_common(data: bytes) -> Common | None:
    """The common fields; None when this is not a body at all."""
    try:
        data.decode()
        common = _common_decoder.decode(data)
    except _UNREADABLE:
        return None
    return common if abs(common.time) <= MAX_TIME else None


def decode_body(common: Common, data: bytes) -> AnyBody:
    """The fields of the kind; `Unknown` where this version does not know the kind or they do not fit it."""
    decoder = _decoders.get(common.kind)
    if decoder is not None and common.v == BODY_VERSION:
        try:
            return decoder.decode(data)
        except _UNREADABLE:
            pass
    try:
        fields = _plain_decoder.decode(data)
    except _UNREADABLE:  # valid JSON all the same: numbers beyond all bounds
        fields = {}
    return Unknown(common.kind, {key: value for key, value in fields.items() if key not in _COMMON})
