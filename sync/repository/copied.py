"""Taking in published copies: documents of a workspace in which this device has no part.

The workspace of a copy is a row like others, without membership and keys; `copied_workspace` says so, and nothing is
written into it. What is taken in keeps the ids and signatures that it has for its members, so that a copy and the real
workspace cannot be in one home: before this device joins that, the copies go (`forget_copies`).

Only the document kinds and names that the head of the copy speaks of are taken, of the devices that it lists. Whose
these devices are is the issuer's word: it is kept apart, and counts for this workspace only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sync.errors import DocumentError, MembershipError, ProtocolError
from sync.membership.admission import Verdict
from sync.protocol.envelope import Batch, decode_batch
from sync.protocol.published import BlobRecord, Head, Record
from sync.protocol.replica import BlobPart
from sync.repository.opened import OpenDocument, Repository, WorkspaceKeys
from sync.repository.receiving import Author, Receiver, Shown
from sync.store.blob_parts import BlobParts
from sync.store.bundles import forget_bundle
from sync.store.database import Connection
from sync.store.links import is_copied
from sync.store.operations import LINK_ROLE, NO_ROLE, set_standing
from sync.store.outgoing import chunks_of_batch
from sync.store.schema import ADMITTED

_LISTED = Verdict("admitted")
"""The issuer of a copy answers for what is in it; who may write there is known to its members only."""
_MEMBER = "This link belongs to a workspace of this home. Open the session there."


def begin_copy(connection: Connection, head: Head) -> int:
    """The row of the workspace that a copy is of, made if there is none; raises MembershipError for an own one."""
    found = connection.execute("SELECT row FROM workspace WHERE id=?", (head.workspace,)).fetchone()
    if found is None:
        sql = "INSERT INTO workspace(id, grant_id) VALUES(?, x'')"
        found = (connection.execute(sql, (head.workspace,)).lastrowid,)
        connection.execute("INSERT INTO copied_workspace VALUES(?, '')", found)
        set_standing(connection, found[0], LINK_ROLE, None)
    elif not is_copied(connection, found[0]):
        raise MembershipError(_MEMBER)
    name = f"Shared by {head.by}" if head.by else "Shared"
    connection.execute("UPDATE copied_workspace SET name=? WHERE workspace=?", (name, found[0]))
    for author in head.authors:
        _know(connection, found[0], author.device, author.person)
    return int(found[0])


def _know(connection: Connection, workspace: int, device: bytes, person: bytes) -> None:
    connection.execute("INSERT OR IGNORE INTO device(id, identity, is_own) VALUES(?,?,0)", (device, device))
    connection.execute(
        "INSERT OR IGNORE INTO copied_author SELECT ?, row, ? FROM device WHERE id=?", (workspace, person, device)
    )


class CopyTaker:
    """Takes in the units of one copy within one transaction. names: of the documents it may have."""

    def __init__(
        self,
        connection: Connection,
        repository: Repository,
        blobs: BlobParts,
        shown: Shown,
        names: Collection[str],
    ) -> None:
        self._connection = connection
        self._blobs = blobs
        self._receiver = Receiver(connection, repository, _Only(shown, names), b"", lambda _signed: _LISTED)

    def take(self, keys: WorkspaceKeys, head: Head, records: Sequence[Record]) -> None:
        """Take in a unit; raises ProtocolError for anything in it that does not fit."""
        devices = {author.device for author in head.authors}
        for record in records:
            if isinstance(record, BlobRecord):
                self._take_blob(record)
            else:
                self._take_batch(keys, decode_batch(keys.id, record.document, record.batch), devices)

    def _take_batch(self, keys: WorkspaceKeys, batch: Batch, devices: Collection[bytes]) -> None:
        if batch.parts[0].entry.device not in devices:
            raise ProtocolError("This link brings entries of a device that it does not name.")
        try:
            chunks_of = chunks_of_batch(batch)
            chunks = [chunks_of(part.entry) for part in batch.parts]
        except DocumentError as error:
            raise ProtocolError("What this link opens is damaged.") from error
        for part, changes in zip(batch.parts, chunks, strict=True):
            received = self._receiver.receive(keys, part.entry, part.signature, changes)
            if received.state != ADMITTED:
                raise ProtocolError(f"What this link opens is not whole ({received.reason or 'entries are missing'}).")

    def _take_blob(self, record: BlobRecord) -> None:
        part = BlobPart(record.offset, record.total, record.data)
        if self._blobs.keep(self._connection, record.blob, part) < record.offset + len(record.data):
            raise ProtocolError("A piece of a payload is missing.")


class _Only:
    """Shows documents with certain names and refuses all others."""

    def __init__(self, shown: Shown, names: Collection[str]) -> None:
        self._shown = shown
        self._names = names

    def show_segment(
        self,
        keys: WorkspaceKeys,
        author: Author,
        opened: OpenDocument,
        items: Sequence[tuple[str, str]],
        *,
        first: bool,
    ) -> object:
        self._check(opened)
        return self._shown.show_segment(keys, author, opened, items, first=first)

    def show_note(self, keys: WorkspaceKeys, opened: OpenDocument) -> None:
        self._check(opened)
        self._shown.show_note(keys, opened)

    def _check(self, opened: OpenDocument) -> None:
        if opened.row.name not in self._names:
            raise ProtocolError("This link brings more than the session that it names.")


def forget_copies(connection: Connection, workspace: int, names: Collection[str]) -> None:
    """Take out documents with these names from a copied workspace (row id).

    They may be opened again. Their rows in the projection are the caller's to remove, in the same transaction.
    """
    for name in names:
        found = connection.execute("SELECT row FROM document WHERE workspace=? AND name=?", (workspace, name))
        for (document,) in found.fetchall():
            forget_bundle(connection, document)
            connection.execute(
                "DELETE FROM quarantine WHERE entry IN (SELECT id FROM entry WHERE document=?)", (document,)
            )
            connection.execute("DELETE FROM entry WHERE document=?", (document,))
            connection.execute("DELETE FROM document WHERE row=?", (document,))
        connection.execute(
            "DELETE FROM opened WHERE name=? AND workspace=(SELECT id FROM workspace WHERE row=?)", (name, workspace)
        )
    if connection.execute("SELECT 1 FROM document WHERE workspace=? AND name<>''", (workspace,)).fetchone() is None:
        _empty_workspace(connection, workspace)


def become_own(connection: Connection, workspace: int) -> None:
    """A copied workspace (row id) without copies is one that this device has a part in from now on."""
    connection.execute("DELETE FROM copied_workspace WHERE workspace=?", (workspace,))
    connection.execute("UPDATE workspace SET grant_id=id WHERE row=?", (workspace,))
    set_standing(connection, workspace, NO_ROLE, None)


def drop_empty(connection: Connection, workspace: int) -> None:
    """Remove the row of a copied workspace (row id) that nobody has seen yet, if it holds nothing."""
    found = connection.execute("SELECT 1 FROM copied_workspace WHERE workspace=? AND name=''", (workspace,)).fetchone()
    if found is not None:
        for table in ("copied_workspace", "standing"):
            connection.execute(f"DELETE FROM {table} WHERE workspace=?", (workspace,))
        connection.execute("DELETE FROM workspace WHERE row=?", (workspace,))


def _empty_workspace(connection: Connection, workspace: int) -> None:
    """Its row stays, for those who are looking at it; nothing in it says whose it was."""
    connection.execute("UPDATE copied_workspace SET name='' WHERE workspace=?", (workspace,))
    for table in ("entry", "document", "copied_author"):
        connection.execute(f"DELETE FROM {table} WHERE workspace=?", (workspace,))
    connection.execute("DELETE FROM device WHERE identity=id AND row NOT IN (SELECT device FROM copied_author)")
