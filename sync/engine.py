"""The engine: the only executor of effects on the store.

Every change of a workspace takes one road, in one `BEGIN IMMEDIATE` transaction: newer change rows of the document
are applied, then a change is built, signed into the device's chain and stored, its rows are projected and indexed, the
commit is logged, and after the commit an event is published. One engine belongs to one thread, the writer's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence

from sync.clock import Clock, Random
from sync.crypto import KEY_BYTES, derive_key
from sync.documents.core import BuiltChange
from sync.documents.entry import Entry, sign_entry
from sync.documents.note import note_id
from sync.documents.purges import PURGES, encode_record
from sync.documents.segment import SEGMENT_EVENTS, SegmentHeader
from sync.errors import DamagedError, IdentityError, StoreError
from sync.events import Committed
from sync.identity.device import DeviceKeys
from sync.membership.bodies import Rekey, WorkspaceGenesis
from sync.membership.founding import Founding, found_identity, found_workspace
from sync.membership.operation import Operation, decode_operation
from sync.protocol.published import Head, Record
from sync.repository.branches import Branches
from sync.repository.bundling import bundle_closed
from sync.repository.copied import CopyTaker, begin_copy, drop_empty, forget_copies
from sync.repository.forks import Fork, find_forks
from sync.repository.judging import Judging
from sync.repository.members import Members
from sync.repository.memberships import Memberships
from sync.repository.notes import edit_note
from sync.repository.opened import Damage, OpenDocument, Repository, WorkspaceKeys, may_write, require_writing
from sync.repository.purging import HEARD, Purges
from sync.repository.receiving import Judge, Received, Receiver
from sync.repository.replica import StoredReplica
from sync.repository.showing import Shower
from sync.repository.transaction import Transaction
from sync.store import copies, entries, left_chains, operations, purge, search_index, vacuum
from sync.store.blob_parts import BlobParts
from sync.store.blobs import BlobStore, StoredBlob
from sync.store.bulk_index import BulkIndex
from sync.store.components import ENGINE_COMPONENTS
from sync.store.database import Connection, Database, DatabaseFault, opening, translated
from sync.store.dropping import drop_workspace
from sync.store.entries import DocumentRow
from sync.store.migrations import Component, migrate
from sync.store.network_rows import note_made
from sync.store.processes import Presence
from sync.store.projector import Projector, SegmentRows
from sync.store.purge import (
    delete_blob_rows,
    erase_remains,
    named_documents,
    purge_documents,
    require_not_purged,
    seen_of,
)
from sync.store.turns import Turns
from sync.store.update_copy import UpdateCopy

OPEN_DOCUMENTS = 64
COMMIT_LOG_ROWS = 10_000
"""How long the copy stays that an update makes first, unless the next update replaces it."""
_TRIM_EVERY = 1_000


class Engine:
    """Writes for one device. Use it from one thread, after `open`.

    process: a name of this process, unique among those that share the store. author: gives the person's name, which
    new segments carry.
    """

    def __init__(
        self,
        database: Database,
        projector: Projector,
        *,
        components: Sequence[Component],
        blobs: BlobStore,
        clock: Clock,
        random: Random,
        process: str,
        author: Callable[[], str],
    ) -> None:
        self.blobs = blobs
        self.home = database.path.parent
        self.presence = Presence(self.home, process)
        self._turns = Turns(self.home)
        self._database = database
        self.update_copy = UpdateCopy(database)
        self._projector = projector
        self._components = (*ENGINE_COMPONENTS, *components)
        self._clock = clock
        self._random = random
        self._process = process
        self._author = author
        self._listeners: list[Callable[[Committed], None]] = []
        self._damage_listeners: list[Callable[[Damage], None]] = []
        self._bundling: Iterator[None] | None = None
        self._chains: dict[int, tuple[int, bytes]] = {}
        self._workspaces: dict[int, WorkspaceKeys] = {}
        self._seen = 0
        self.identity = b""
        """The id of the person whose device this is."""
        self._transaction: Transaction | None = None

    # opening

    def open(self, progress: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        """Connect, bring the schema up to date, found the identity on first use, rebuild an outdated projection.

        progress: of the rebuild, as there.
        """
        self.connection = self._database.writer()
        self._repository = Repository(self.connection, OPEN_DOCUMENTS)
        self._begin_membership()
        try:
            with opening(self._database.path):
                migrate(self.connection, self._components, self.update_copy.make)
            self._find_identity()
            if self._stored_projection() != self._projector.version:
                self.rebuild(progress)
            self.update_copy.remove_old(self._clock.now_ms())
        except BaseException:
            self.close()
            raise

    @property
    def local_key(self) -> bytes:
        """As of the database."""
        return self._database.local_key

    def _begin_membership(self) -> None:
        self.memberships = Memberships(self.connection, self._random)
        self.members = Members(
            self.memberships,
            self._repository,
            self._projector,
            self.workspace,
            self._receiver,
            self._shower,
            lambda: self.device_row,
            self._forget_written,
            self._change_key,
        )
        self.purges = Purges(
            self.connection,
            self.memberships,
            self._repository,
            self._projector,
            self.workspace,
            self._shower,
            self._receiver,
            lambda: self.device_row,
        )
        branches = Branches(
            self.connection, self._repository, self._projector, self._shower, lambda: self.device_row, self
        )
        self.replica = StoredReplica(
            self.connection,
            self.memberships,
            self.members,
            self._projector,
            BlobParts(self.blobs),
            self._random,
            lambda durable: self.transaction(durable=durable),
            self.workspace,
            self._receiver,
            self.purges,
            self.become_new_device,
            branches,
        )

    def close(self) -> None:
        """Give the connection back, after giving some unused space back to the disk."""
        self.reclaim()
        self.presence.close()
        self._turns.close()
        self.connection.close()

    def reclaim(self) -> None:
        """Give some of the space that deletions left back to the disk; for idle moments."""
        with contextlib.suppress(StoreError):  # another process is writing: it, or a later call, will
            vacuum.reclaim(self._database.path, self.connection)

    def subscribe(self, listener: Callable[[Committed], None]) -> Callable[[Committed], None]:
        """Call `listener` on the writer's thread after each commit of this engine; gives it back for `unsubscribe`."""
        self._listeners.append(listener)
        return listener

    def unsubscribe(self, listener: Callable[[Committed], None]) -> None:
        """Do not call it any more; from any thread."""
        self._listeners = [kept for kept in self._listeners if kept is not listener]

    def on_damage(self, listener: Callable[[Damage], None]) -> None:
        """Call `listener` on the writer's thread when stored entries were found damaged and set aside."""
        self._damage_listeners.append(listener)

    def _tell_damages(self) -> None:
        damages, self._repository.damages = self._repository.damages, []
        for damage in damages:
            for listener in self._damage_listeners:
                listener(damage)

    def _find_identity(self) -> None:
        stored = self._stored_device()
        if stored is None:
            with self.transaction(durable=True) as tx:
                if self._stored_device() is None:  # another process may have been faster
                    self._store_founding(tx, found_identity(self._random))
            stored = self._stored_device()
        elif copies.is_copy(self.connection):
            with self.transaction(durable=True) as tx:
                if copies.is_copy(tx.connection):  # another process may have been faster
                    copies.become_new_device(tx.connection, self._random)
            stored = self._stored_device()
        self._use_identity(stored)

    def _use_identity(self, stored: bytes | None) -> None:
        if stored is None:
            raise IdentityError("The keys of this device could not be stored.")
        self.device = DeviceKeys.from_cbor(stored)
        row = self.connection.execute(
            "SELECT row, identity FROM device WHERE id=?", (self.device.device_id,)
        ).fetchone()
        if row is None:
            raise IdentityError("The keys of this device belong to no known identity.")
        self.device_row, self.identity = int(row[0]), bytes(row[1])
        self._repository.write_as(self.device, self.device_row)
        self.memberships.act_as(self.device, self.identity)

    def purge_keys(self, tx: Transaction, workspace: int) -> None:
        """Make what is sealed under the keys of a workspace (row id) so far unreadable: begin an epoch that leads back
        to none, forget the keys before it, and give this device another key to receive secrets with.

        MembershipError: only owners may. Other devices do the same when they hear of it.
        """
        self._change_key(tx)
        self.members.cut_epochs(tx, workspace)

    def _change_key(self, tx: Transaction) -> None:
        """Replace the key for which secrets are wrapped; what was wrapped for the old one does not open any more."""
        changed = self.device.with_encryption_seed(self._random(KEY_BYTES))
        tx.connection.execute("UPDATE secret SET value=? WHERE name='device'", (changed.to_cbor(),))
        self.memberships.sign(self.identity, Rekey(changed.encryption_key))
        self._use_identity(changed.to_cbor())
        purge.note_remains(tx.connection)
        for subject in (f"identity/{self.identity.hex()}", HEARD):
            tx.touch(subject)

    def become_new_device(self, tx: Transaction) -> None:
        """From now on this home is another device of the same person: the old one is written by somebody else too."""
        left_chains.leave_all(tx.connection, self.device_row, self._clock.now_ms())
        copies.become_new_device(tx.connection, self._random)
        self._start_anew(tx)

    def become(self, tx: Transaction, identity: bytes, encoded: Sequence[bytes]) -> None:
        """This device now belongs to an identity whose log (with this device in it) is given."""
        self.members.add_identity(tx, identity, encoded)
        if self.device.device_id not in self.memberships.identity_state(identity).members:
            raise IdentityError("The log of that identity does not have this device.")
        tx.connection.execute("UPDATE identity SET is_own = (id=?)", (identity,))
        tx.connection.execute("UPDATE device SET identity=? WHERE id=?", (identity, self.device.device_id))
        tx.connection.execute("DELETE FROM secret WHERE name='recovery'")
        self._start_anew(tx)

    def _start_anew(self, tx: Transaction) -> None:
        self._use_identity(self._stored_device())
        self._forget()
        for row, _keys in self._workspace_rows(tx):
            self.memberships.learn_standing(_keys, row)
        tx.touch("device")

    def _workspace_rows(self, tx: Transaction) -> list[tuple[int, bytes]]:
        """Those that have a log here, not those of which there are only copies."""
        rows = tx.connection.execute(
            "SELECT row, id FROM workspace WHERE row NOT IN (SELECT workspace FROM copied_workspace) ORDER BY row"
        ).fetchall()
        return [(row, bytes(ident)) for row, ident in rows]

    def _stored_device(self) -> bytes | None:
        row = self.connection.execute("SELECT value FROM secret WHERE name='device'").fetchone()
        return bytes(row[0]) if row else None

    def _store_founding(self, tx: Transaction, founding: Founding) -> None:
        secrets = (("device", founding.device.to_cbor()), ("recovery", founding.recovery_secret))
        tx.connection.executemany("INSERT INTO secret VALUES(?,?)", secrets)
        tx.connection.execute("INSERT INTO identity VALUES(?, 1)", (founding.identity_id,))
        tx.connection.execute(
            "INSERT INTO device(id, identity, is_own) VALUES(?,?,1)",
            (founding.device.device_id, founding.identity_id),
        )
        self._store_operations(tx, founding.identity_id, founding.operations)

    def _store_operations(self, tx: Transaction, log: bytes, operations: Sequence[Operation]) -> None:
        tx.connection.executemany(
            "INSERT INTO operation(id, log, content) VALUES(?,?,?)",
            [(operation.id, log, operation.encoded) for operation in operations],
        )

    # transactions

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Transaction]:
        """One BEGIN IMMEDIATE … COMMIT; inside another it joins that one.

        durable: wait until the commit is on the disk (membership, keys); the outermost one decides. Raises StoreError
        for what the database refuses; on any exception nothing is kept, even if somebody inside catches it.
        """
        if self._transaction is not None:
            if durable and not self._transaction.durable:
                raise ValueError("A durable transaction cannot join one that is not.")
            try:
                yield self._transaction
            except BaseException:
                self._transaction.failed = True  # documents in memory may be ahead of their rows
                raise
            return
        try:
            with self._turns.taken():
                committed = yield from self._run_transaction(durable)
        except DatabaseFault as error:
            raise translated(error, self._database.path) from error
        if committed is not None:
            for listener in self._listeners:
                listener(committed)
        self._tell_damages()

    def _run_transaction(self, durable: bool) -> Generator[Transaction, None, Committed | None]:
        connection = self.connection
        if durable:
            connection.execute("PRAGMA synchronous=full")
        connection.execute("BEGIN IMMEDIATE")
        tx = self._transaction = Transaction(connection, durable=durable)
        try:
            self._notice_others()
            yield tx
            self.purges.settle(tx)
            if tx.failed:
                raise StoreError("A part of this change failed, so nothing of it was kept.")
            committed = self._log_commit(tx)
            connection.execute("COMMIT")
        except BaseException:
            self._forget()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            with contextlib.suppress(DatabaseFault):
                self._notice_device()
            raise
        finally:
            self._transaction = None
            if durable and not connection.in_transaction:
                connection.execute("PRAGMA synchronous=normal")
        if committed is not None:
            self._seen = committed.seq
        return committed

    def _notice_others(self) -> None:
        """If another process committed since, nothing remembered counts until it is checked against the rows."""
        seq = self._last_seq()
        if seq != self._seen:
            self._seen = seq
            self._notice_device()
            self._repository.doubt()
            self.purges.forget()
            self._chains.clear()
            self._workspaces.clear()
            self._projector.forget()

    def _notice_device(self) -> None:
        """Another process may have made this home another device, or brought it to another identity."""
        if not self.identity:
            return  # just being opened
        stored = self._stored_device()
        found = self.connection.execute("SELECT identity FROM device WHERE id=?", (self.device.device_id,)).fetchone()
        if stored != self.device.to_cbor() or (found is not None and bytes(found[0]) != self.identity):
            self._use_identity(stored)

    def _last_seq(self) -> int:
        return int(self.connection.execute("SELECT coalesce(max(seq), 0) FROM commit_log").fetchone()[0])

    def _log_commit(self, tx: Transaction) -> Committed | None:
        if not tx.subjects:
            return None
        seq = int(
            tx.connection.execute(
                "INSERT INTO commit_log(process, subjects) VALUES(?,?)",
                (self._process, "\n".join(sorted(tx.subjects))),
            ).lastrowid
        )
        if seq % _TRIM_EVERY == 0:
            tx.connection.execute("DELETE FROM commit_log WHERE seq<?", (seq - COMMIT_LOG_ROWS,))
        return Committed(seq, self._process, frozenset(tx.subjects))

    def _forget(self) -> None:
        self._forget_written()
        self.memberships.forget()

    def _forget_written(self) -> None:
        self._repository.forget()
        self.purges.forget()
        self._chains.clear()
        self._workspaces.clear()
        self._projector.forget()

    # workspaces

    def create_workspace(self) -> WorkspaceKeys:
        """Found a workspace: genesis and epoch 0, signed by this device, durable before anything is written into it."""
        with self.transaction(durable=True) as tx:
            founding = found_workspace(self.device, self._identity_genesis(tx), self._random)
            cursor = tx.connection.execute(
                "INSERT INTO workspace(id, grant_id) VALUES(?,?)", (founding.workspace_id, founding.grant_id)
            )
            row = int(cursor.lastrowid)
            self._store_operations(tx, founding.workspace_id, founding.operations)
            tx.connection.execute(
                "INSERT INTO epoch(id, workspace, key) VALUES(?,?,?)",
                (founding.epoch_id, row, founding.epoch_key),
            )
            tx.touch(f"workspace/{founding.workspace_id.hex()}")
        return self.workspace(row)

    def drop_workspace(self, tx: Transaction, row: int) -> None:
        """Take out a workspace with all that is stored of it; its rows in the projection are the caller's to remove."""
        (workspace,) = tx.connection.execute("SELECT id FROM workspace WHERE row=?", (row,)).fetchone()
        drop_workspace(tx.connection, row)
        self._forget()
        tx.touch(f"workspace/{bytes(workspace).hex()}")

    def _identity_genesis(self, tx: Transaction) -> Operation:
        row = tx.connection.execute("SELECT content FROM operation WHERE id=?", (self.identity,)).fetchone()
        return decode_operation(bytes(row[0]))

    def workspace(self, row: int) -> WorkspaceKeys:
        """Keys of a workspace by its row id."""
        keys = self._workspaces.get(row)
        if keys is None:
            workspace_id, grant = self.connection.execute(
                "SELECT id, grant_id FROM workspace WHERE row=?", (row,)
            ).fetchone()
            secret = operations.find_blob_secret(self.connection, row)
            mailbox = self._mailbox_secret(bytes(workspace_id))
            role = operations.find_standing(self.connection, row)
            keys = self._workspaces[row] = WorkspaceKeys(row, bytes(workspace_id), bytes(grant), secret, role, mailbox)
        return keys

    def _mailbox_secret(self, workspace: bytes) -> bytes:
        """What all members know for good, whichever epochs they can read: the nonce of the workspace's genesis."""
        row = self.connection.execute("SELECT content FROM operation WHERE id=?", (workspace,)).fetchone()
        body = decode_operation(bytes(row[0])).body if row else None
        return derive_key(body.nonce, "lovelace/mailbox-secret/1") if isinstance(body, WorkspaceGenesis) else b""

    # documents

    def append(
        self,
        tx: Transaction,
        workspace: int,
        session: str,
        items: Sequence[tuple[str, str]],
        opening: Callable[[], str],
    ) -> None:
        """Append (event id, JSON body) pairs to this device's segments of a session and project them.

        opening: gives the JSON of the session's fields for a segment that must be begun.
        """
        keys = self.workspace(workspace)
        at = 0
        while at < len(items):
            is_open = self._repository.segment(keys, session, SEGMENT_EVENTS)
            segment, is_first = is_open.segment, False
            if segment.count == 0:
                is_open.header = SegmentHeader(session, is_open.row.k or 0, self._author(), opening())
                is_first = True
            elif is_open.header is None:
                is_open.header = segment.header()
            if is_open.header is None:
                raise DamagedError(f"A segment of session {session} has lost its header. Restore a backup.")
            room = SEGMENT_EVENTS - segment.count
            piece = segment.unseen(items[at : at + room])
            built = segment.append(piece, is_open.header if is_first else None)
            if built is not None:
                is_open.last = self._store_change(keys, is_open.row, built.hash, built.chunk)
            rows = SegmentRows(
                workspace,
                self.identity,
                self.device.device_id,
                is_open.header,
                is_first,
                piece,
                self._clock.now_ms(),
            )
            if session != PURGES:
                self._projector.apply_segment(tx.connection, rows)
            at += room
        tx.touch(f"session/{session}")

    def edit_note(
        self,
        tx: Transaction,
        workspace: int,
        name: str,
        text: str | None,
        fields: Mapping[str, str] | None = None,
        *,
        base: str | None = None,
    ) -> None:
        """Make a note read so.

        base: what it read when somebody began to write `text`; what others have changed since then stays. Without it
        the text replaces what is there now.
        """
        keys = self.workspace(workspace)
        require_not_purged(tx.connection, workspace, name)
        if not text and not fields and entries.find_document(self.connection, note_id(keys.id, name)) is None:
            return  # a note that says nothing does not begin to exist
        is_open, built = edit_note(self._repository, keys, name, text, fields, base=base)
        if built is None:
            return
        self._keep_note(tx, keys, is_open, built)

    def begin_note_anew(
        self,
        tx: Transaction,
        workspace: int,
        name: str,
        text: str | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """Go on with a note in a new document, because not everybody can build on what is in the old one.

        text, fields: what it is to read; as now without them.
        """
        keys = self.workspace(workspace)
        old = self._repository.load(keys, self._repository.note(keys, name).row)
        is_open = self._repository.begin_anew(keys, old.row)
        good = old.note.text() if text is None else text
        built = is_open.note.edit(is_open.own_name, good, old.note.fields() if fields is None else fields)
        if built is not None:
            self._keep_note(tx, keys, is_open, built)

    def _keep_note(self, tx: Transaction, keys: WorkspaceKeys, is_open: OpenDocument, built: BuiltChange) -> None:
        is_open.last = self._store_change(keys, is_open.row, built.hash, built.chunk)
        name = is_open.row.name
        self._projector.apply_note(tx.connection, keys.row, name, is_open.note.text(), is_open.note.fields())
        tx.touch(f"note/{name}")

    def purge(self, tx: Transaction, workspace: int, names: Sequence[str], blobs: Iterable[bytes]) -> None:
        """Take all documents with these names, and blobs (ids), out for good; `erase` must follow.

        Their rows in the projection are the caller's to remove, in the same transaction. Others hear of it, where this
        person may write.
        """
        records = [(name, encode_record(seen_of(tx.connection, workspace, name))) for name in names]
        for name in names:
            self.purges.remember(workspace, name)
            found = named_documents(tx.connection, workspace, name)
            purge_documents(tx.connection, [document.row for document in found])
        if records and may_write(self.workspace(workspace)):
            self.append(tx, workspace, PURGES, records, lambda: "{}")
        delete_blob_rows(tx.connection, blobs)
        self._repository.forget()
        self._projector.forget()

    def erase(self, unused: Callable[[Connection], Iterable[bytes]]) -> bool:
        """Overwrite in all files what a purge took out; gives whether the write-ahead log was emptied too.

        unused: which sealed blob files nothing refers to, asked while nobody else can write. The copy of the database
        that was made before an update goes as well.
        """
        with self.transaction() as tx:
            for blob in unused(tx.connection):
                self.blobs.delete_file(blob)
        with opening(self._database.path):
            self.update_copy.remove()
            emptied = erase_remains(self.connection)
        with self.transaction() as tx:
            tx.connection.execute("DELETE FROM meta WHERE name='unerased'")
        return emptied

    def put_blob(self, tx: Transaction, workspace: int, content: bytes) -> StoredBlob:
        """Keep a payload in the database or, if it is large, in a sealed file."""
        keys = self.workspace(workspace)
        require_writing(keys)
        stored = self.blobs.put(tx.connection, content, keys.blob_secret)
        note_made(tx.connection, workspace, stored.id)
        return stored

    def _store_change(self, keys: WorkspaceKeys, document: DocumentRow, digest: bytes, chunk: bytes) -> int:
        n, prev = self._chains.get(keys.row) or entries.chain_head(self.connection, keys.row, self.device_row)
        require_writing(keys)
        entry = Entry(keys.id, document.id, keys.grant, self.device.device_id, n + 1, prev, (digest,))
        signed = sign_entry(entry, self.device.signing_key)
        self._chains[keys.row] = (n + 1, signed.hash)
        return entries.add_entry(self.connection, document, self.device_row, signed, [chunk])

    # what comes from outside

    def forks(self, workspace: int) -> list[Fork]:
        """The chains of a workspace (row id) in which a device wrote two entries under one number."""
        return find_forks(self.connection, self.workspace(workspace), self._judging(workspace))

    def know_device(self, tx: Transaction, device: bytes, identity: bytes) -> None:
        """Let entries of another device in; `identity` is whose it is."""
        operations.add_identity(tx.connection, identity)
        operations.add_device(tx.connection, device, identity)

    def receive(
        self, tx: Transaction, workspace: int, entry: Entry, signature: bytes, chunks: Sequence[bytes], judge: Judge
    ) -> Received:
        """Take in an entry of another device with its changes, and say what became of it; see `Receiver`.

        Raises ProtocolError for what its device did not sign, or of a device or workspace that is not known.
        """
        receiver = self._judging_receiver(tx, judge)
        return receiver.receive(self.workspace(workspace), entry, signature, chunks)

    def _receiver(self, tx: Transaction, workspace: int) -> Receiver:
        """Takes in entries of a workspace (row id), judged by the state of its log."""
        return self._judging_receiver(tx, self._judging(workspace).verdict)

    def _judging(self, workspace: int) -> Judging:
        state = self.memberships.state(self.workspace(workspace).id)
        return Judging(self.connection, workspace, state, self.memberships.roster)

    def _judging_receiver(self, tx: Transaction, judge: Judge) -> Receiver:
        own = self.device.device_id
        return Receiver(tx.connection, self._repository, self._shower(tx), own, judge, self.purges.place_gone)

    def _shower(self, tx: Transaction) -> Shower:
        return Shower(tx.connection, self._projector, self._clock, tx.subjects, purges=self.purges)

    # what was opened from a link

    def begin_copy(self, tx: Transaction, head: Head) -> int:
        """The row of the workspace that a published copy is of; see `begin_copy` there."""
        row = begin_copy(tx.connection, head)
        tx.touch(f"workspace/{head.workspace.hex()}")
        return row

    def take_copied(self, tx: Transaction, head: Head, names: Collection[str], records: Sequence[Record]) -> None:
        """Take in a unit of a published copy. names: of the documents it may have. Raises ProtocolError."""
        taker = CopyTaker(tx.connection, self._repository, BlobParts(self.blobs), self._shower(tx), names)
        taker.take(self.workspace(self.begin_copy(tx, head)), head, records)

    def forget_copies(self, tx: Transaction, workspace: int, names: Collection[str], *, seen: bool = True) -> None:
        """Take copies out again, so that they may be opened anew; see `forget_copies` there.

        seen: somebody may be looking at their workspace.
        """
        tx.touch(f"workspace/{self.workspace(workspace).id.hex()}")
        forget_copies(tx.connection, workspace, names)
        if not seen:
            drop_empty(tx.connection, workspace)
        self._repository.forget()
        self._projector.forget()
        self._workspaces.clear()

    # bundles

    def bundle_step(self) -> bool:
        """Do a small piece of bundling closed segments; gives whether there may be more to do. Repeat it when idle."""
        self._bundling = self._bundling or bundle_closed(self.connection, self.transaction)
        try:
            next(self._bundling)
        except StopIteration:
            self._bundling = None
        except DatabaseFault as error:
            self._bundling = None
            raise translated(error, self._database.path) from error
        except StoreError:
            self._bundling = None
            raise
        return self._bundling is not None

    # projection

    def _stored_projection(self) -> int | None:
        row = self.connection.execute("SELECT value FROM meta WHERE name='projection'").fetchone()
        return int(row[0]) if row else None

    def rebuild(self, progress: Callable[[int, int], None] = lambda _done, _total: None) -> int:
        """Drop the projection and derive it again from the documents; gives the number of events projected.

        progress: gets the documents done and those in all; what it raises leaves everything as it was.
        """
        with (
            self.scratch() as scratch,
            contextlib.closing(BulkIndex(scratch)) as bulk,
            self.transaction() as tx,
            self._projector.indexing(bulk),
        ):
            self._projector.drop(tx.connection)
            search_index.drop(tx.connection)
            search_index.create(tx.connection)
            self._projector.create(tx.connection)
            shown = Shower(tx.connection, self._projector, self._clock, tx.subjects)
            rows, count = list(entries.documents(tx.connection)), 0
            for done, row in enumerate(rows):
                progress(done, len(rows))
                count += self._project(shown, row)
            bulk.move_into(tx.connection)
            tx.connection.execute(
                "INSERT INTO meta VALUES('projection', ?) ON CONFLICT(name) DO UPDATE SET value=excluded.value",
                (self._projector.version,),
            )
            tx.touch("projection")
        return count

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Connection]:
        """An empty encrypted database of its own, which is gone afterwards."""
        path = self._database.path.with_suffix(f".scratch-{self._process}.new")
        try:
            with opening(path):
                connection = self._database.scratch(path)
            with contextlib.closing(connection):
                yield connection
        finally:
            if path.exists():  # on a read-only disk taking away what was never there fails too
                path.unlink()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Reading from the store as it is at one moment; others may write meanwhile, this engine may not."""
        self.connection.execute("BEGIN")
        try:
            yield self.connection
        finally:
            self.connection.execute("ROLLBACK")

    def replay(self, projector: Projector, target: Connection) -> int:
        """Project all documents into tables elsewhere, as `rebuild` does here; gives the number of events."""
        shown = Shower(self.connection, projector, self._clock, set(), target)
        return sum(self._project(shown, row) for row in entries.documents(self.connection))

    def _project(self, shown: Shower, row: DocumentRow) -> int:
        keys = self.workspace(row.workspace)
        return shown.show_all(keys, self._repository.load(keys, row))
