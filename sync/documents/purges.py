"""What says that documents were purged: events of a segment of its own, one for each name.

They lie in the segments of the reserved name `PURGES`, whose changes are signed, sealed and sent as all others. Key is
the purged name, value JSON: `{"v": 1, "seen": {device: n}}`, for each device that wrote there the number of its last
entry that the signer had seen. Who writes on later has written what nobody purged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from sync.crypto import decode, encode
from sync.errors import ProtocolError

PURGES = "purges"
MAX_NAME = 128
MAX_SEEN = 4096
MAX_GONE_BYTES = 1024
_Number = Annotated[int, Meta(ge=0, le=2**53)]
_Device = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class _Record(msgspec.Struct, frozen=True):
    v: Annotated[int, Meta(ge=1)]
    seen: Annotated[dict[_Device, _Number], Meta(max_length=MAX_SEEN)]


class GoneName(msgspec.Struct, frozen=True):
    """What a document was that its sender has purged; its id follows from that. k: as of a segment or note."""

    name: Annotated[str, Meta(max_length=MAX_NAME)]
    k: _Number


def encode_record(seen: Mapping[bytes, int]) -> str:
    """The value of a record; of more devices than `MAX_SEEN` only the first."""
    devices = dict(sorted((device.hex(), n) for device, n in seen.items())[:MAX_SEEN])
    return msgspec.json.encode(_Record(1, devices), order="sorted").decode()


def decode_record(name: str, text: str) -> Mapping[bytes, int] | None:
    """What a record says that its signer had seen; None for what is no record."""
    if not 0 < len(name) <= MAX_NAME or name == PURGES:
        return None
    try:
        record = msgspec.json.decode(text, type=_Record)
    except (msgspec.DecodeError, RecursionError):
        return None
    return {bytes.fromhex(device): n for device, n in record.seen.items()}


def encode_gone(gone: GoneName) -> bytes:
    """What entries carry in the place of their changes."""
    return encode({"name": gone.name, "k": gone.k})


def decode_gone(data: bytes) -> GoneName | None:
    """The reverse; None for anything else."""
    if not data:
        return None
    try:
        return msgspec.convert(decode(data, MAX_GONE_BYTES), GoneName, builtin_types=(bytes,))
    except (msgspec.ValidationError, ProtocolError):
        return None
