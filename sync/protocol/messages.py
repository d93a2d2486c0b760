"""The messages of a conversation between two devices, every field bounded.

Both begin with `hello` and then send an `overview`, or a `summary`; the rest follows from what differs (`peer`).
Unknown fields are left alone and messages of unknown kinds ignored, so that later versions may add both without a new
number. A list of hashes or ids travels as one byte string (`join`, `split`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta, Struct

from sync.errors import ProtocolError
from sync.protocol.envelope import MAX_ENTRIES, MAX_ENVELOPE_BYTES
from sync.protocol.frames import decode_frame, encode_frame
from sync.protocol.replica import DIGEST_BYTES

VERSION = 1
LEAST_VERSION = 1
"""The oldest version this program still speaks."""
MAX_SETS = 4096
MAX_CHAINS = 8192
MAX_IDS = 1 << 16
MAX_OPERATIONS = 8192
MAX_OPERATION_BYTES = 4 << 20
MAX_BUCKETS = 1 << 14
MAX_BUCKET_ROWS = 4096
MAX_BUCKET_HASHES = 8192
MAX_TEXT = 500
MAX_TOPIC = 200
MAX_EPHEMERAL = 64 << 10
BLOB_PART = 256 << 10

_Id = Annotated[bytes, Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Version = Annotated[int, Meta(ge=0, le=2**31)]
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
_Hashes = Annotated[bytes, Meta(max_length=MAX_IDS * DIGEST_BYTES)]


class Message(Struct, frozen=True):
    """What all messages have in common."""

    kind: ClassVar[str]


class SetRow(Struct, frozen=True, array_like=True):
    """As `replica.SetSummary`."""

    id: _Id
    count: _Count
    digest: _Id


class ChainRow(Struct, frozen=True, array_like=True):
    """As `replica.ChainSummary`."""

    device: _Id
    n: _Count
    hash: _Id
    count: _Count
    digest: _Id


class BucketRow(Struct, frozen=True, array_like=True):
    """The hashes of the entries in one bucket of a chain, joined."""

    number: Annotated[int, Meta(ge=0, lt=MAX_BUCKETS)]
    hashes: Annotated[bytes, Meta(max_length=MAX_BUCKET_HASHES * DIGEST_BYTES)]


class Hello(Message, frozen=True):
    """Always the first message. version, least: what the sender speaks, newest and oldest. program: for people."""

    kind: ClassVar[str] = "hello"
    version: _Version
    least: _Version
    features: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=64)] = ()
    program: _Text = ""


class Bye(Message, frozen=True):
    """The last message. reason: a sentence, "" when there is nothing to say."""

    kind: ClassVar[str] = "bye"
    reason: _Text = ""


class Beat(Message, frozen=True):
    """Says only that the sender is still there."""

    kind: ClassVar[str] = "beat"


class Summary(Message, frozen=True):
    """All sets the sender shares with the receiver; after an `Overview`, logs only if these differ.

    answer: whether the sender asks for the receiver's own.
    """

    kind: ClassVar[str] = "summary"
    logs: Annotated[tuple[SetRow, ...], Meta(max_length=MAX_SETS)]
    workspaces: Annotated[tuple[SetRow, ...], Meta(max_length=MAX_SETS)]
    answer: bool = False


class Overview(Message, frozen=True):
    """What a summary would say, in two digests (`digest.sets_digest`); only where both sides know it.

    It comes instead of the first summary, which follows where the receiver has other digests.
    """

    kind: ClassVar[str] = "overview"
    logs: _Id
    workspaces: _Id


class Ids(Message, frozen=True):
    """All operations of a log that the sender has; asks for the others."""

    kind: ClassVar[str] = "ids"
    log: _Id
    ids: _Hashes


class Operations(Message, frozen=True):
    """Operations of a log, parents first; more: further ones follow."""

    kind: ClassVar[str] = "operations"
    log: _Id
    operations: Annotated[
        tuple[Annotated[bytes, Meta(max_length=MAX_OPERATION_BYTES)], ...], Meta(max_length=MAX_OPERATIONS)
    ]
    more: bool = False


class Chains(Message, frozen=True):
    """All chains of a workspace that the sender has; asks for what is not in them.

    round: comes back in the `State` after the answer. sent: how many `Entries` of this workspace went from the sender
    in this conversation. seen: what the receiver last said of its own.
    """

    kind: ClassVar[str] = "chains"
    workspace: _Id
    chains: Annotated[tuple[ChainRow, ...], Meta(max_length=MAX_CHAINS)]
    round: _Count = 0
    sent: _Count = 0
    seen: _Count = 0


class Buckets(Message, frozen=True):
    """Digests of all buckets of a chain, joined; asks for the hashes in those that differ."""

    kind: ClassVar[str] = "buckets"
    workspace: _Id
    device: _Id
    digests: Annotated[bytes, Meta(max_length=MAX_BUCKETS * DIGEST_BYTES)]


class Hashes(Message, frozen=True):
    """The hashes in differing buckets, ascending by number."""

    kind: ClassVar[str] = "hashes"
    workspace: _Id
    device: _Id
    buckets: Annotated[tuple[BucketRow, ...], Meta(max_length=MAX_BUCKET_ROWS)]
    more: bool = False


class Wanted(Message, frozen=True):
    """Asks for entries by their hashes, joined; more: further ones of the same chain follow."""

    kind: ClassVar[str] = "wanted"
    workspace: _Id
    device: _Id
    hashes: _Hashes
    more: bool = False


class Entries(Message, frozen=True):
    """Sealed entries of one chain. n, hash: how far the sender has that chain without a gap; 0 and zeros: not said.

    sent: as in `Chains`, this one counted.
    """

    kind: ClassVar[str] = "entries"
    workspace: _Id
    device: _Id
    envelopes: Annotated[
        tuple[Annotated[bytes, Meta(max_length=MAX_ENVELOPE_BYTES)], ...], Meta(max_length=MAX_ENTRIES)
    ]
    n: _Count = 0
    hash: _Id = bytes(DIGEST_BYTES)
    sent: _Count = 0
    more: bool = False


class State(Message, frozen=True):
    """Nothing more follows for now: what the sender has of a workspace.

    n, hash: how far it has the receiver's chain. round: of the last `Chains` that is answered. sent, seen: as there.
    """

    kind: ClassVar[str] = "state"
    workspace: _Id
    count: _Count
    digest: _Id
    n: _Count
    hash: _Id
    round: _Count
    sent: _Count
    seen: _Count


class WantBlob(Message, frozen=True):
    """Asks for a blob from an offset on; asking again moves to that offset."""

    kind: ClassVar[str] = "want_blob"
    workspace: _Id
    blob: _Id
    offset: _Count = 0


class BlobData(Message, frozen=True):
    """A piece of a blob. total: its whole size on the wire."""

    kind: ClassVar[str] = "blob"
    workspace: _Id
    blob: _Id
    offset: _Count
    total: _Count
    data: Annotated[bytes, Meta(max_length=BLOB_PART)]


class NoBlob(Message, frozen=True):
    """The sender does not have that blob, or not for the receiver."""

    kind: ClassVar[str] = "no_blob"
    workspace: _Id
    blob: _Id


class Passing(Message, frozen=True):
    """Something that is never stored, such as a streamed token. topic: what it is about, the application's matter."""

    kind: ClassVar[str] = "passing"
    workspace: _Id
    topic: Annotated[str, Meta(max_length=MAX_TOPIC)]
    payload: Annotated[bytes, Meta(max_length=MAX_EPHEMERAL)]


_KINDS: dict[str, type[Message]] = {
    form.kind: form
    for form in (
        *(Hello, Bye, Beat, Overview, Summary, Ids, Operations, Chains, Buckets, Hashes, Wanted, Entries, State),
        *(WantBlob, BlobData, NoBlob, Passing),
    )
}


def encode_message(message: Message) -> bytes:
    """The frame of a message."""
    return encode_frame(message.kind, msgspec.to_builtins(message, builtin_types=(bytes,)))


def decode_message(frame: bytes) -> Message | None:
    """The message in a frame, None if its kind is not known; raises ProtocolError for anything malformed."""
    kind, fields = decode_frame(frame)
    form: Any = _KINDS.get(kind)
    if form is None:
        return None
    try:
        message: Message = msgspec.convert(fields, form, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"A message of kind {kind} is malformed: {error}") from error
    return message


def join(hashes: Iterable[bytes]) -> bytes:
    """Hashes one after the other."""
    return b"".join(hashes)


def split(joined: bytes) -> list[bytes]:
    """Read `join`; raises ProtocolError for a torn one."""
    if len(joined) % DIGEST_BYTES:
        raise ProtocolError("A list of hashes is torn.")
    return [joined[at : at + DIGEST_BYTES] for at in range(0, len(joined), DIGEST_BYTES)]
