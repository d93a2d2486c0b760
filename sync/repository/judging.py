"""Which stored entries count, and what happens when the membership log changes that.

A new entry is judged when it comes in (`Judging.verdict`). When the log of its workspace or of an identity changes,
what is held is tried again, and what was admitted and does not count any more is held: a segment then loses its last
entries, on which nobody else's work depends. What a note has admitted stays in it, because others may have written on.
The entries of this very device always count here: a removed person keeps what they had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sync.documents.entry import Entry, SignedEntry
from sync.membership.admission import Verdict, judge_entry
from sync.membership.roster import Roster
from sync.membership.state import State
from sync.repository.opened import WorkspaceKeys
from sync.store import entries
from sync.store.bundles import find_bundle, forget_bundle
from sync.store.database import Connection
from sync.store.entries import DocumentRow
from sync.store.schema import ADMITTED, HELD, QUARANTINED, SEGMENT


@dataclass(frozen=True, slots=True)
class Judging:
    """Judges the entries of a workspace by one state of its log."""

    connection: Connection
    workspace: int
    state: State
    roster: Roster

    def verdict(self, signed: SignedEntry) -> Verdict:
        """Whether an entry counts."""
        return judge_entry(signed.entry, signed.hash, self.state, self.roster, self._leads_to(signed.entry))

    def _leads_to(self, entry: Entry) -> Callable[[bytes, bytes], bool | None]:
        def leads_to(digest: bytes, last: bytes) -> bool | None:
            row = self.connection.execute("SELECT row FROM device WHERE id=?", (entry.device,)).fetchone()
            return None if row is None else self._walk(row[0], entry.n, digest, last)

        return leads_to

    def _walk(self, device: int, n: int, digest: bytes, last: bytes) -> bool | None:
        """Follow `prev` from the last entry that counts down to number n."""
        found = self.connection.execute(
            "SELECT n, prev FROM entry WHERE workspace=? AND device=? AND n>? AND hash=?",
            (self.workspace, device, n, last),
        ).fetchone()
        while found is not None:
            number, prev = found
            if number == n + 1:
                return bytes(prev) == digest
            found = self.connection.execute(
                "SELECT n, prev FROM entry WHERE workspace=? AND device=? AND n=? AND hash=?",
                (self.workspace, device, number - 1, prev),
            ).fetchone()
        return None


def withdraw(judging: Judging, keys: WorkspaceKeys, own_device: int) -> list[DocumentRow]:
    """Hold the admitted entries that do not count any more; gives the documents that lost some.

    These must be dropped from memory, and what they show be projected anew.
    """
    touched: dict[int, DocumentRow] = {}
    for document, device, ident in _limited_documents(judging, own_device):
        lost = [
            row
            for row, signed in _admitted(judging.connection, keys, document, device, ident)
            if judging.verdict(signed).outcome != "admitted"
        ]
        if lost:
            unbundle(judging.connection, document.row)
            judging.connection.executemany("UPDATE entry SET state=? WHERE id=?", [(HELD, row) for row in lost])
            _reconsider(judging.connection, document.row, device)
            touched[document.row] = document
    return list(touched.values())


def _reconsider(connection: Connection, document: int, device: int) -> None:
    """What was refused of a device, perhaps only because it contradicts what counts no more, is to be tried again."""
    rows = connection.execute(
        "SELECT id FROM entry WHERE document=? AND device=? AND state<>0 AND state=? AND changes IS NOT NULL",
        (document, device, QUARANTINED),
    ).fetchall()
    connection.executemany("UPDATE entry SET state=? WHERE id=?", [(HELD, row) for (row,) in rows])
    connection.executemany("DELETE FROM quarantine WHERE entry=?", rows)


def held_documents(connection: Connection, workspace: int) -> list[bytes]:
    """The ids of the documents that have held entries."""
    rows = connection.execute(
        "SELECT DISTINCT d.id FROM entry e INDEXED BY entry_aside JOIN document d ON d.row=e.document "
        "WHERE e.state<>0 AND e.state=? AND d.workspace=?",
        (HELD, workspace),
    )
    return [bytes(ident) for (ident,) in rows]


def _limited_documents(judging: Judging, own_device: int) -> Iterator[tuple[DocumentRow, int, bytes]]:
    """Segments whose grant does not count without limits: (document, row and id of its device)."""
    pairs = judging.connection.execute(
        "SELECT DISTINCT d.device, v.id, d.grant_id FROM document d JOIN device v ON v.row=d.device "
        "WHERE d.workspace=? AND d.kind=? AND d.device<>?",
        (judging.workspace, SEGMENT, own_device),
    ).fetchall()
    for device, ident, grant in pairs:
        if _is_limited(judging, bytes(ident), bytes(grant)):
            for document in entries.written_under(judging.connection, judging.workspace, device, bytes(grant)):
                yield document, device, bytes(ident)


def _is_limited(judging: Judging, device: bytes, grant: bytes) -> bool:
    granted = judging.state.grant(grant)
    claim = None if granted is None else judging.roster.claim(device, granted[0])
    return claim is None or claim.life == "stolen" or bool(judging.state.limits(grant))


def _admitted(
    connection: Connection, keys: WorkspaceKeys, document: DocumentRow, device: int, ident: bytes
) -> list[tuple[int, SignedEntry]]:
    rows = connection.execute(
        "SELECT id, grant_id, n, prev, hashes, signature, hash FROM entry "
        "WHERE document=? AND device=? AND state=? ORDER BY n",
        (document.row, device, ADMITTED),
    ).fetchall()
    return [
        (
            row,
            SignedEntry(Entry(keys.id, document.id, grant, ident, n, prev, tuple(entries.split_hashes(hashes))), s, h),
        )
        for row, grant, n, prev, hashes, s, h in rows
    ]


def unbundle(connection: Connection, document: int) -> None:
    """Keep the changes of a document singly again, because not all of them count."""
    if find_bundle(connection, document) is not None:
        for stored in entries.stored_changes(connection, document):
            connection.execute("UPDATE entry SET changes=? WHERE id=?", (b"".join(stored.chunks), stored.last))
    forget_bundle(connection, document)
