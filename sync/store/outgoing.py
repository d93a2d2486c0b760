"""Reading stored entries for peers: batches of one document, device and grant, with their changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from sync.documents.bundle import check_bundle, open_bundle
from sync.documents.change import split_chunks
from sync.documents.entry import Entry
from sync.documents.purges import GoneName, encode_gone
from sync.errors import DocumentError
from sync.protocol.envelope import MAX_ENTRIES, Batch, SignedPart
from sync.store.bundles import find_bundle
from sync.store.database import Connection
from sync.store.entries import split_hashes
from sync.store.schema import PURGED

_COLUMNS = (
    "SELECT e.document, d.id, e.grant_id, e.n, e.prev, e.hashes, e.signature, e.changes, length(e.changes) "
    "FROM entry e JOIN document d ON d.row=e.document WHERE e.workspace=? AND e.device=?"
)
_ENTRY_BYTES = 128
"""What an entry takes beside its changes and their hashes."""
_WHOLE = 8
"""By how much a bundle may go beyond a limit: cut in two, it would have to be sent as single changes."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Whose entries are read: ids of workspace and device with their rows."""

    workspace: bytes
    workspace_row: int
    device: bytes
    device_row: int


@dataclass(frozen=True, slots=True)
class _Row:
    document_row: int
    part: SignedPart
    changes: bytes | None


def _belongs(row: _Row, before: list[_Row]) -> bool:
    """Whether an entry is of the same bundle as the one before it, so that they should leave together."""
    return bool(before) and row.changes is None and row.document_row == before[-1].document_row


class OutgoingEntries:
    """Reads batches; keeps the last bundle that it opened."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._opened: tuple[int, dict[bytes, bytes]] = (0, {})

    def after(self, chain: Chain, n: int, limit: int) -> tuple[list[Batch], int, bool]:
        """Batches with the entries above n, about `limit` bytes; the last n among them, and whether nothing follows."""
        rows, size, after, done = list[_Row](), 0, n, True
        for row, length in self._read(chain, f"{_COLUMNS} AND e.n>? ORDER BY e.n, e.hash", (n,)):
            size += length
            is_full = len(rows) >= MAX_ENTRIES or size > (_WHOLE * limit if _belongs(row, rows) else limit)
            if rows and is_full and row.part.entry.n > after:
                done = False
                break
            rows.append(row)
            after = row.part.entry.n
        return self._batches(rows), after, done

    def by_hash(self, chain: Chain, hashes: Collection[bytes], limit: int) -> list[Batch]:
        """Batches with these entries, as many as fit into about `limit` bytes."""
        wanted, rows, size = set(hashes), list[_Row](), 0
        listed = self._connection.execute(
            "SELECT n, hash FROM entry WHERE workspace=? AND device=? ORDER BY n",
            (chain.workspace_row, chain.device_row),
        ).fetchall()
        for n, found in listed:
            if bytes(found) in wanted and size <= limit:
                for row, length in self._read(chain, f"{_COLUMNS} AND e.n=? AND e.hash=?", (n, found)):
                    size += length
                    rows.append(row)
        return self._batches(rows)

    def _read(self, chain: Chain, sql: str, values: Sequence[object]) -> Iterator[tuple[_Row, int]]:
        cursor = self._connection.execute(sql, (chain.workspace_row, chain.device_row, *values))
        for document_row, document, grant, n, prev, hashes, signature, changes, length in cursor:
            entry = Entry(
                chain.workspace,
                bytes(document),
                bytes(grant),
                chain.device,
                n,
                bytes(prev),
                tuple(split_hashes(hashes)),
            )
            size = _ENTRY_BYTES + len(hashes) + (length if length is not None else 4 * len(hashes))
            yield _Row(document_row, SignedPart(entry, bytes(signature)), changes), size

    def _batches(self, rows: list[_Row]) -> list[Batch]:
        groups: dict[tuple[int, bytes, bool], list[_Row]] = {}
        seen: set[tuple[int, int]] = set()
        for row in rows:
            number = (row.document_row, row.part.entry.n)
            groups.setdefault((row.document_row, row.part.entry.grant, number in seen), []).append(row)
            seen.add(number)
        return [batch for group in groups.values() for batch in self._batch(group)]

    def _batch(self, group: list[_Row]) -> Iterator[Batch]:
        """One batch, or two where some entries have lost their changes."""
        document = group[0].document_row
        bundle = find_bundle(self._connection, document) if any(row.changes is None for row in group) else None
        if bundle is not None and self._covers(document, group):
            yield Batch(tuple(row.part for row in group), "bundle", bytes(bundle))
            return
        with_changes = [(row, self._chunks(row, bundle)) for row in group]
        here = [(row, chunks) for row, chunks in with_changes if chunks is not None]
        gone = tuple(row.part for row, chunks in with_changes if chunks is None)
        if here:
            yield Batch(tuple(row.part for row, _chunks in here), "changes", b"".join(chunks for _row, chunks in here))
        if gone:
            yield Batch(gone, "none", self._gone_name(document))

    def _gone_name(self, document: int) -> bytes:
        """What shows others which purge took the changes, if one did."""
        kind, name, k = self._connection.execute(
            "SELECT kind, name, k FROM document WHERE row=?", (document,)
        ).fetchone()
        return encode_gone(GoneName(name, k or 0)) if kind == PURGED else b""

    def _covers(self, document: int, group: list[_Row]) -> bool:
        """Whether these are all entries of a document, and all of them in its bundle."""
        total, single = self._connection.execute(
            "SELECT count(*), count(changes) FROM entry WHERE document=?", (document,)
        ).fetchone()
        return (total, single) == (len(group), 0)

    def _chunks(self, row: _Row, bundle: bytes | None) -> bytes | None:
        if row.changes is not None or bundle is None:
            return row.changes
        if self._opened[0] != row.document_row:
            self._opened = row.document_row, _open(bundle)
        changes = self._opened[1]
        chunks = [changes.get(digest) for digest in row.part.entry.changes]
        return None if None in chunks else b"".join(chunk for chunk in chunks if chunk is not None)


def chunks_of_batch(batch: Batch) -> Callable[[Entry], list[bytes] | None]:
    """Where an entry's changes are found: a function that gives them one by one, None where they were erased.

    DocumentError (also from the function) if the payload does not hold what the entries name.
    """
    if batch.form == "none":
        return lambda _entry: None
    if batch.form == "bundle":
        check_bundle(batch.payload)
        bundled = open_bundle(batch.payload)
        return lambda entry: _take(bundled, entry)
    chunks, at = split_chunks(batch.payload), 0
    single: dict[tuple[int, bytes], list[bytes]] = {}
    for part in batch.parts:
        count = len(part.entry.changes)
        single[part.entry.n, part.entry.changes[0]] = chunks[at : at + count]
        at += count
    if at != len(chunks):
        raise DocumentError("An envelope does not hold the changes that its entries name.")
    return lambda entry: single[entry.n, entry.changes[0]]


def _take(bundled: dict[bytes, bytes], entry: Entry) -> list[bytes]:
    missing = [digest for digest in entry.changes if digest not in bundled]
    if missing:
        raise DocumentError("A bundle does not hold the changes that its entries name.")
    return [bundled[digest] for digest in entry.changes]


def _open(bundle: bytes) -> dict[bytes, bytes]:
    try:
        return open_bundle(bundle)
    except DocumentError:
        return {}
