"""Authors of segments and notes, and changes forged byte by byte with a checksum that fits."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sync.crypto import signing_key
from sync.documents.change import MAGIC
from sync.documents.core import BuiltChange
from sync.documents.entry import FIRST_PREV, Entry, SignedEntry, sign_entry
from sync.documents.guard import ChangeGuard, actor_id
from sync.documents.intake import OpenedEntry, ReceivedEvents, open_entry, receive_segment
from sync.documents.leb import encode_uleb, read_bytes, read_uleb
from sync.documents.segment import Segment, SegmentHeader, segment_id

WORKSPACE, GRANT = b"w" * 32, b"g" * 32
SESSION = "01HXSESSION000000000000000"


@dataclass(frozen=True, slots=True)
class Parts:
    """A change body taken apart; `rest` is what follows the operation number."""

    deps: tuple[bytes, ...]
    actor: bytes
    seq: int
    start_op: int
    rest: bytes

    def chunk(self) -> bytes:
        head = encode_uleb(len(self.deps)) + b"".join(self.deps) + encode_uleb(len(self.actor)) + self.actor
        return chunk_of(head + encode_uleb(self.seq) + encode_uleb(self.start_op) + self.rest)


def body_of(chunk: bytes) -> bytes:
    """The plain body of a good chunk."""
    length, at = read_uleb(chunk, 9)
    body = chunk[at : at + length]
    return zlib.decompress(body, -15) if chunk[8] == 2 else body


def hash_of(body: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + encode_uleb(len(body)) + body).digest()


def chunk_of(body: bytes, kind: int = 1) -> bytes:
    """A chunk with a good checksum."""
    return MAGIC + hash_of(body)[:4] + bytes((kind,)) + encode_uleb(len(body)) + body


def deflated(body: bytes, digest: bytes | None = None) -> bytes:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflater.compress(body) + deflater.flush()
    return MAGIC + (digest or hash_of(body))[:4] + b"\x02" + encode_uleb(len(packed)) + packed


def parts_of(chunk: bytes) -> Parts:
    body = body_of(chunk)
    count, at = read_uleb(body, 0)
    deps = tuple(body[at + 32 * i : at + 32 * i + 32] for i in range(count))
    actor, at = read_bytes(body, at + 32 * count)
    seq, at = read_uleb(body, at)
    start_op, at = read_uleb(body, at)
    return Parts(deps, actor, seq, start_op, body[at:])


@dataclass(slots=True)
class Author:
    """A device that writes the segment k of SESSION, and everything it signed."""

    seed: int = 1
    k: int = 0
    signed: list[tuple[SignedEntry, list[bytes]]] = field(default_factory=list)
    workspace: bytes = WORKSPACE
    grant: bytes = GRANT
    segment: Segment = field(init=False)

    def __post_init__(self) -> None:
        self.segment = Segment(self.actor)

    @property
    def key(self) -> bytes:
        return signing_key(bytes([self.seed]) * 32)

    @property
    def device(self) -> bytes:
        return self.key[32:]

    @property
    def document(self) -> bytes:
        return segment_id(SESSION, self.device, self.grant, self.k)

    @property
    def actor(self) -> bytes:
        return actor_id(self.workspace, self.document, self.device)

    @property
    def header(self) -> SegmentHeader:
        return SegmentHeader(SESSION, self.k, "Ada", "{}")

    def write(self, *items: tuple[str, str]) -> tuple[SignedEntry, list[bytes]]:
        """Append honestly; gives the signed entry with its change."""
        change = self.segment.append(items, None if self.segment.header() else self.header)
        assert change is not None
        return self.sign([change.hash], [change.chunk])

    def sign(
        self, hashes: Sequence[bytes], chunks: Sequence[bytes], document: bytes | None = None
    ) -> tuple[SignedEntry, list[bytes]]:
        """The next link of the chain, over any changes."""
        n, prev = (self.signed[-1][0].entry.n, self.signed[-1][0].hash) if self.signed else (0, FIRST_PREV)
        entry = Entry(self.workspace, document or self.document, self.grant, self.device, n + 1, prev, tuple(hashes))
        self.signed.append((sign_entry(entry, self.key), list(chunks)))
        return self.signed[-1]

    def forge(self, chunks: Sequence[bytes], document: bytes | None = None) -> tuple[SignedEntry, list[bytes]]:
        """Sign chunks by the hashes of their bodies; the chain does not remember it."""
        made = self.sign([hash_of(body_of(chunk)) for chunk in chunks], chunks, document)
        self.signed.pop()
        return made


@dataclass(slots=True)
class Reader:
    """Another device's copy of a segment, with the rows from which it can be rebuilt."""

    author: Author
    segment: Segment = field(init=False)
    guard: ChangeGuard = field(init=False)
    rows: list[tuple[list[bytes], list[bytes]]] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rebuild()

    def rebuild(self) -> None:
        self.segment = Segment(b"r" * 16)
        if self.rows:
            chunks = [chunk for row in self.rows for chunk in row[0]]
            self.segment.apply(chunks, [digest for row in self.rows for digest in row[1]])
        self.guard = ChangeGuard(self.segment.core)

    def open(self, signed: SignedEntry, chunks: Sequence[bytes]) -> OpenedEntry:
        return open_entry(signed.entry, signed.signature, chunks)

    def receive(self, signed: SignedEntry, chunks: Sequence[bytes]) -> ReceivedEvents:
        """Take in an entry, keep its row and what it showed, as the engine does."""
        opened = self.open(signed, chunks)
        received = receive_segment(self.segment, self.guard, opened)
        self.rows.append((list(chunks), [header.hash for header in opened.headers]))
        assert not self.seen.keys() & dict(received.items).keys()
        self.seen |= dict(received.items)
        return received


def wrong_header(change: BuiltChange, **fields: object) -> bytes:
    """The same change with other header fields and a checksum that fits."""
    return replace(parts_of(change.chunk), **fields).chunk()  # type: ignore[arg-type]
