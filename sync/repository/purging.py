"""Purges that others have signed, and what they do here.

A purge counts for a document if this person signed it (on any of their devices), or if whoever signed it may act on
everybody who wrote there: on themselves, and as an owner on those who are weaker. So nobody destroys others' work whom
the roles do not let. It takes effect at the end of the transaction in which both it and the document are here,
whichever came first. What this device wrote after all that the signer had seen is kept aside, to come back as
something new.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from sync.documents.note import note_id, restarted_name
from sync.documents.purges import GoneName, decode_gone, decode_record
from sync.documents.segment import segment_id
from sync.errors import ProtocolError
from sync.protocol.envelope import Batch, decode_batch, encode_batch
from sync.repository.opened import Repository, WorkspaceKeys
from sync.store import entries, purge
from sync.store.database import Connection
from sync.store.entries import DocumentRow
from sync.store.projector import Projector
from sync.store.purge import NamedDocument, Purge
from sync.store.schema import SEGMENT

if TYPE_CHECKING:
    from sync.documents.entry import Entry
    from sync.membership.state import State
    from sync.repository.memberships import Memberships
    from sync.repository.receiving import Author, Receiver
    from sync.repository.showing import Shower
    from sync.repository.transaction import Transaction

HEARD = "purged"
"""The commit subject of a purge by somebody else; `Engine.erase` must follow."""


class Purges:
    """Use it inside transactions. own: the row of this device."""

    def __init__(
        self,
        connection: Connection,
        memberships: Memberships,
        repository: Repository,
        projector: Projector,
        keys: Callable[[int], WorkspaceKeys],
        shower: Callable[[Transaction], Shower],
        receiver: Callable[[Transaction, int], Receiver],
        own: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._memberships = memberships
        self._repository = repository
        self._projector = projector
        self._keys = keys
        self._shower = shower
        self._receiver = receiver
        self._own = own
        self._names: set[tuple[int, str]] | None = None
        self._pending: dict[tuple[int, str], None] = {}

    def forget(self) -> None:
        """Nothing remembered counts: a transaction failed, or another process wrote."""
        self._names = None
        self._pending.clear()

    def remember(self, workspace: int, name: str) -> None:
        """This device purges a name."""
        purge.add_purge(self._connection, workspace, name, self._own(), 1 << 53, binds=True)
        self._names = None

    # what comes in

    def hear(self, keys: WorkspaceKeys, author: Author, items: Iterable[tuple[str, str]]) -> None:
        """Somebody has signed records; see `sync.documents.purges`."""
        state = self._memberships.state(keys.id)
        own = self._memberships.identity
        for name, text in items:
            seen = decode_record(name, text)
            if seen is not None:
                binds = _may(own, state, author.identity, [own])
                own_seen = seen.get(self._memberships.device_id, 0)
                purge.add_purge(self._connection, keys.row, name, author.row, own_seen, binds=binds)
                self._pending[keys.row, name] = None
        self._names = None

    def note(self, workspace: int, name: str) -> None:
        """A document with this name has got something."""
        if self._names is None:
            self._names = purge.purged_names(self._connection)
        if (workspace, name) in self._names:
            self._pending[workspace, name] = None

    def place_gone(self, keys: WorkspaceKeys, author: Author, entry: Entry, payload: bytes) -> DocumentRow | None:
        """Where an entry belongs whose sender has purged its document, if that is one that is purged here too."""
        gone = decode_gone(payload)
        if gone is None or not _is_of(keys, gone, entry):
            return None
        purges = purge.purges_of(self._connection, keys.row, gone.name)
        if not self._counts(self._memberships.state(keys.id), purges, [author.identity]):
            return None
        row = entries.add_purged(self._connection, entry.document, keys.row, gone.name, author.row, gone.k)
        return row

    def keep_gone(self, workspace: int, batch: Batch) -> None:
        """Entries without changes came before it was heard why."""
        gone = decode_gone(batch.payload)
        if gone is not None:
            document = batch.parts[0].entry.document
            purge.keep_gone(self._connection, workspace, gone.name, document, encode_batch(batch))

    # what it does

    def settle(self, tx: Transaction) -> None:
        """Let everything take effect that was heard in this transaction."""
        while self._pending:
            workspace, name = self._pending.popitem()[0]
            self._apply(tx, workspace, name)
            self._take_gone(tx, workspace, name)

    def _apply(self, tx: Transaction, workspace: int, name: str) -> None:
        keys = self._keys(workspace)
        state = self._memberships.state(keys.id)
        purges = purge.purges_of(self._connection, workspace, name)
        documents = purge.named_documents(self._connection, workspace, name)
        gone = [each for each in documents if self._counts(state, purges, each.identities)]
        if not gone:
            return
        seen = max(
            (each.own_seen for each in purges if self._counts(state, [each], [self._memberships.identity])), default=0
        )
        for each in gone:
            if each.device == self._own():
                self._keep_late(keys, name, each, seen)
        blobs = self._projector.purge(self._connection, workspace, name, whole=len(gone) == len(documents))
        purge.keep_purged_blobs(self._connection, blobs)
        purge.purge_documents(self._connection, [each.row for each in gone])
        for each in gone:
            self._repository.drop(each.row)
        self._projector.forget()
        self._show_rest(tx, keys, documents, gone)
        purge.note_remains(self._connection)
        tx.touch(HEARD)
        tx.touch(f"session/{name}")

    def _counts(self, state: State, purges: Sequence[Purge], identities: Iterable[bytes]) -> bool:
        authors = list(identities)
        return any(_may(self._memberships.identity, state, each.identity, authors) for each in purges)

    def _show_rest(
        self, tx: Transaction, keys: WorkspaceKeys, documents: list[NamedDocument], gone: list[NamedDocument]
    ) -> None:
        """What others wrote whom the purge does not touch is all that is left."""
        shower = self._shower(tx)
        for each in documents:
            row = None if each in gone else entries.find_document(self._connection, each.id)
            if row is not None:
                shower.show_all(keys, self._repository.load(keys, row))
                self._pending.pop((keys.row, row.name), None)

    def _keep_late(self, keys: WorkspaceKeys, name: str, document: NamedDocument, seen: int) -> None:
        """What this device wrote after entry number `seen`."""
        rows = self._connection.execute(
            "SELECT id FROM entry WHERE document=? AND device=? AND n>?", (document.row, self._own(), seen)
        )
        late = {entry for (entry,) in rows.fetchall()}
        row = entries.find_document(self._connection, document.id)
        if not late or row is None:
            return
        everything = self._repository.load(keys, row).segment.events()
        before = self._repository.blank(keys, row, SEGMENT).segment
        for stored in entries.stored_changes(self._connection, document.row):
            if stored.last not in late:
                before.apply(stored.chunks, stored.hashes)
        known = {ident for ident, _text in before.events()}
        items = [item for item in everything if item[0] not in known]
        purge.keep_late(self._connection, keys.row, name, msgspec.json.encode(items).decode())

    def _take_gone(self, tx: Transaction, workspace: int, name: str) -> None:
        keys = self._keys(workspace)
        for document, data in purge.take_gone(self._connection, workspace, name):
            batch = decode_batch(keys.id, document, data)
            receiver = self._receiver(tx, workspace)
            for part in batch.parts:
                with contextlib.suppress(ProtocolError):  # such entries can be asked for again
                    receiver.receive(keys, part.entry, part.signature, None, batch.payload)


def _may(own: bytes, state: State, signer: bytes, authors: Iterable[bytes]) -> bool:
    """Whether a purge by `signer` counts for what these identities wrote together."""
    return signer == own or all(author == signer or state.may_act_on(signer, author) for author in authors)


def _is_of(keys: WorkspaceKeys, gone: GoneName, entry: Entry) -> bool:
    """Whether a document is the one that its sender says it was."""
    segment = segment_id(gone.name, entry.device, entry.grant, gone.k)
    return entry.document in (segment, note_id(keys.id, restarted_name(gone.name, gone.k)))
