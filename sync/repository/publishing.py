"""Reading what a published copy is made of: the documents with certain names, and blobs.

What is given is stable: adding entries changes the last unit of their document only, and of the blobs that are rows one
bucket, so that publishing again costs what changed. Entries stand in the order in which they were admitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sync.documents.bundle import open_bundle
from sync.documents.entry import FIRST_PREV, Entry, sign_entry
from sync.documents.guard import actor_id
from sync.documents.segment import SEGMENT_EVENTS, Segment, SegmentHeader, segment_id
from sync.identity.device import DeviceKeys
from sync.protocol.envelope import MAX_ENTRIES, Batch, SignedPart, encode_batch
from sync.protocol.published import BlobRecord, EntriesRecord, Record
from sync.store import entries
from sync.store.blob_parts import BlobParts
from sync.store.bundles import find_bundle
from sync.store.database import Connection
from sync.store.entries import RawChanges
from sync.store.schema import ADMITTED, NOTE, SEGMENT

BATCH_ENTRIES = 256
BATCH_BYTES = 256 << 10
UNIT_BYTES = 768 << 10
BUCKET_BYTES = 512 << 10
PIECE_BYTES = 4 << 20
_LEAST_BLOB = 512
"""What a blob counts for at least when buckets are filled, so that none gets too many."""


@dataclass(frozen=True, slots=True)
class _Row:
    part: SignedPart
    raw: RawChanges


def document_rows(connection: Connection, workspace: int, names: Sequence[str]) -> list[tuple[int, bytes]]:
    """(row, id) of the documents with these names in a workspace (row id); of a note its last generation."""
    marks = ",".join("?" * len(names))
    rows = connection.execute(
        f"SELECT row, id FROM document d WHERE workspace=? AND name IN ({marks}) AND (kind=? OR kind=? AND k="
        "(SELECT max(k) FROM document WHERE workspace=d.workspace AND name=d.name AND kind=d.kind)) ORDER BY row",
        (workspace, *names, SEGMENT, NOTE),
    )
    return [(row, bytes(ident)) for row, ident in rows.fetchall()]


def authors(connection: Connection, documents: Iterable[int]) -> list[tuple[bytes, bytes]]:
    """(device, identity) of those whose entries are in documents (row ids)."""
    found: dict[bytes, bytes] = {}
    for document in documents:
        found |= connection.execute(
            "SELECT DISTINCT v.id, v.identity FROM entry e JOIN device v ON v.row=e.device "
            "WHERE e.document=? AND e.state=?",
            (document, ADMITTED),
        ).fetchall()
    return sorted(found.items())


def last_entries(connection: Connection, documents: Iterable[int]) -> list[tuple[int, int]]:
    """(greatest row id, count) of the admitted entries of each document: another value means that it changed."""
    sql = "SELECT coalesce(max(id), 0), count(*) FROM entry WHERE document=? AND state=?"
    return [tuple(connection.execute(sql, (document, ADMITTED)).fetchone()) for document in documents]


def document_units(connection: Connection, workspace: bytes, document: int, ident: bytes) -> Iterator[list[Record]]:
    """The entries of a document (row, id), as units."""
    rows = _rows(connection, workspace, document, ident)
    if not rows:
        return
    bundle = find_bundle(connection, document)
    if bundle is not None and len(rows) <= MAX_ENTRIES and all(row.raw.changes is None for row in rows):
        batch = Batch(tuple(row.part for row in rows), "bundle", bundle)
        yield [EntriesRecord(ident, encode_batch(batch))]
        return
    unit, size = list[Record](), 0
    for batch in _batches(rows, {} if bundle is None else open_bundle(bundle)):
        record = EntriesRecord(ident, encode_batch(batch))
        if unit and size + len(record.batch) > UNIT_BYTES:
            yield unit
            unit, size = [], 0
        unit.append(record)
        size += len(record.batch)
    yield unit


def _rows(connection: Connection, workspace: bytes, document: int, ident: bytes) -> list[_Row]:
    """Admitted entries whose changes are here, in the order of their admission."""
    known = {raw.last: raw for raw in entries.raw_changes(connection, document)}
    found = connection.execute(
        "SELECT e.id, e.grant_id, v.id, e.n, e.prev, e.signature FROM entry e JOIN device v ON v.row=e.device "
        "WHERE e.document=? AND e.state=? ORDER BY e.id",
        (document, ADMITTED),
    ).fetchall()
    return [
        _Row(SignedPart(Entry(workspace, ident, grant, device, n, prev, tuple(raw.hashes)), signature), raw)
        for row, grant, device, n, prev, signature in found
        if (raw := known.get(row)) is not None
    ]


def _batches(rows: Sequence[_Row], bundled: dict[bytes, bytes]) -> Iterator[Batch]:
    parts, payload = list[SignedPart](), bytearray()
    for row in rows:
        changes = b"".join(entries.chunks_of(row.raw, bundled))
        if parts and not _fits(parts, len(payload) + len(changes), row.part):
            yield Batch(tuple(parts), "changes", bytes(payload))
            parts, payload = [], bytearray()
        parts.append(row.part)
        payload += changes
    yield Batch(tuple(parts), "changes", bytes(payload))


def _fits(parts: Sequence[SignedPart], size: int, part: SignedPart) -> bool:
    last, new = parts[-1].entry, part.entry
    same = (last.device, last.grant) == (new.device, new.grant) and last.n < new.n
    return same and len(parts) < BATCH_ENTRIES and size <= BATCH_BYTES


# what is written anew


def event_units(
    workspace: bytes, name: str, items: Sequence[tuple[str, str]], author: DeviceKeys
) -> Iterator[list[Record]]:
    """Segments of a session that hold these (event id, JSON body) pairs, as units; signed by a key of the copy's own.

    Equal items and keys make equal units.
    """
    n, prev = 0, FIRST_PREV
    for k, start in enumerate(range(0, len(items), SEGMENT_EVENTS)):
        document = segment_id(name, author.device_id, workspace, k)
        segment = Segment(actor_id(workspace, document, author.device_id))
        header: SegmentHeader | None = SegmentHeader(name, k, "", "{}")
        for page in _pages(items[start : start + SEGMENT_EVENTS]):
            built = segment.append(page, header)
            header = None
            if built is not None:
                n += 1
                entry = Entry(workspace, document, workspace, author.device_id, n, prev, (built.hash,))
                signed = sign_entry(entry, author.signing_key)
                prev = signed.hash
                batch = Batch((SignedPart(entry, signed.signature),), "changes", built.chunk)
                yield [EntriesRecord(document, encode_batch(batch))]


def _pages(items: Sequence[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """So many together as fit into one change."""
    page, size = list[tuple[str, str]](), 0
    for item in items:
        if page and (len(page) >= BATCH_ENTRIES or size + len(item[1]) > BATCH_BYTES):
            yield page
            page, size = [], 0
        page.append(item)
        size += len(item[1])
    if page:
        yield page


# blobs


def blob_units(connection: Connection, store: BlobParts, blobs: Sequence[bytes]) -> Iterator[list[Record]]:
    """Blobs (ids) as units, without those that are not on this device."""
    sizes = dict[bytes, int]()
    for blob in blobs:
        row = connection.execute("SELECT length(data) FROM blob WHERE id=?", (blob,)).fetchone()
        if row is not None:
            sizes[blob] = row[0]
    for bucket in _buckets(sizes):
        yield [record for blob in bucket for record in _pieces(connection, store, blob)]
    for blob in sorted(set(blobs) - sizes.keys()):
        for record in _pieces(connection, store, blob):
            yield [record]


def _pieces(connection: Connection, store: BlobParts, blob: bytes) -> Iterator[BlobRecord]:
    """A blob in pieces; none if it is not here."""
    offset = 0
    while (piece := store.read(connection, blob, offset, PIECE_BYTES)) is not None:
        yield BlobRecord(blob, offset, piece.total, piece.data)
        offset += len(piece.data)
        if offset >= piece.total or not piece.data:
            return


def _buckets(sizes: dict[bytes, int]) -> list[list[bytes]]:
    """Blobs by their first bits, so many of these that buckets have about `BUCKET_BYTES`."""
    total = sum(max(size, _LEAST_BLOB) for size in sizes.values())
    bits = max(0, (total // BUCKET_BYTES).bit_length())
    buckets: dict[int, list[bytes]] = {}
    for blob in sorted(sizes):
        buckets.setdefault(int.from_bytes(blob[:4], "big") >> (32 - bits), []).append(blob)
    return list(buckets.values())
