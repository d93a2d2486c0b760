"""Issuing links and opening those of others: what of it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from app.errors import UserError
from app.sessions import purging
from app.sessions.fields import CURRENT_WORKSPACE
from app.sessions.ids import counter_of
from app.sessions.link_copies import CopyContents
from app.sessions.link_shelf import LinkShelf
from app.sessions.links import SHARED_PAGE, SharedLink, parse_link
from app.sessions.writing import Writing
from sync.errors import ProtocolError
from sync.network.link_folder import HEAD, LinkFolder, head_path
from sync.protocol.address import Address
from sync.protocol.link_address import LinkAddress
from sync.protocol.published import SECRET_BYTES, BlobRecord, Head, Record, Unit, keys_of, seal_head
from sync.repository.transaction import Transaction
from sync.store import links, network_rows
from sync.store.links import IssuedLink, LinkPlace, OpenedLink


@dataclass(frozen=True, slots=True)
class LinkWish:
    """What a new link is to be. expires: milliseconds. places: where else to publish, as whoever does it names them.

    urls: where others read those places. sockets, relay: where this device can be reached. page: before the `#`.
    """

    expires: int | None = None
    once: bool = False
    places: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()
    relay: str = ""
    page: str = SHARED_PAGE


class LinkOperations(Writing):
    """The part of `SessionOperations` that writes links and opened copies."""

    # issuing

    def create_link(self, session: str, wish: LinkWish) -> IssuedLink:
        """A new link to a session (its full id); nothing is published yet."""
        secret, now = self._random(SECRET_BYTES), self._clock.now_ms()
        keys = keys_of(secret)
        address = LinkAddress(secret, self._engine.device.device_id, wish.sockets, wish.relay, wish.urls)
        text = _text(SharedLink(address, wish.page))
        with self._engine.transaction(durable=True) as tx:
            row = self._session(tx, session)
            if row.trashed:
                raise UserError(f"Session {session} is in the trash. `lovelace sessions undelete` brings it back.")
            workspace = self._engine.workspace(row.workspace).id
            if links.is_copied(tx.connection, row.workspace):
                raise UserError("This session was opened from a link. Pass that link on instead.")
            title = row.title or ""
            link = IssuedLink(
                keys.id, secret, keys.proof, workspace, session, title, text, now, wish.expires, wish.once
            )
            links.add_link(tx.connection, link)
            for place in wish.places:
                links.add_place(tx.connection, link.id, place)
            tx.touch("links")
        return link

    def sign_copy(self, link: bytes, contents: CopyContents, by: str, shelf: LinkFolder) -> bool:
        """Put the head of a copy before its objects on the shelf. by: the name of who shares.

        False: the link was revoked, or another process published meanwhile.
        """
        now = self._clock.now_ms()
        with self._engine.transaction(durable=True) as tx:
            issued = links.find_link(tx.connection, link)
            names = {name.hex() for unit in contents.units for name in unit.objects}
            if issued is None or issued.secret is None or not names <= shelf.names_now(link):
                return False
            head = Head(
                link=link,
                issuer=self._engine.device.device_id,
                by=by[:512],
                workspace=issued.workspace,
                name=issued.name,
                title=contents.title[:4096],
                issued=issued.created,
                refreshed=now,
                number=issued.number + 1,
                expires=issued.expires,
                events=contents.events,
                authors=contents.authors,
                units=contents.units,
                anew=contents.anew,
            )
            sealed = seal_head(head, keys_of(issued.secret).key, self._engine.device.sign, self._random)
            links.note_published(
                tx.connection,
                link,
                title=contents.title,
                number=head.number,
                objects=head.objects(),
                state=contents.state,
                now=now,
            )
            shelf.write_now(head_path(link), sealed)
            for name in shelf.names_now(link) - names - {HEAD}:
                shelf.delete_now(f"{link.hex()}/{name}")
            tx.touch("links")
        return True

    def keep_own_address(self, address: Address) -> None:
        """Remember where this device is reached, for links that are made while nothing of the network runs here."""
        with self._engine.transaction() as tx:
            network_rows.keep_address(tx.connection, address, self._clock.now_ms())

    def link_shelf(self, folder: LinkFolder) -> LinkShelf:
        """What this device gives to those who open its links live; for use within this call."""
        return LinkShelf(self._engine, folder, self._clock)

    def revoke_link(self, link: bytes) -> None:
        """Give nothing more for a link; taking its copies back is the caller's."""
        with self._engine.transaction(durable=True) as tx:
            links.revoke_link(tx.connection, link, self._clock.now_ms())
            tx.touch("links")

    def note_withdrawn(self, link: bytes) -> None:
        """This device gives nothing for a link now."""
        with self._engine.transaction() as tx:
            links.note_withdrawn(tx.connection, link)
            tx.touch("links")

    def note_place(self, link: bytes, place: LinkPlace) -> None:
        """What lies in a place now."""
        with self._engine.transaction() as tx:
            links.note_place(tx.connection, link, place)
            tx.touch("links")

    def forget_place(self, link: bytes, place: str) -> None:
        """Nothing lies in a place any more."""
        with self._engine.transaction() as tx:
            links.forget_place(tx.connection, link, place)
            tx.touch("links")

    # opening

    def find_opening(self, head: Head, text: str) -> OpenedLink | None:
        """What is here of a copy, number 0 if nothing is; None where the session is here as a member's.

        UserError: it cannot be opened here. Nothing is written yet.
        """
        if counter_of(head.name) is None:
            raise ProtocolError("This link names no session.")
        with self._engine.transaction() as tx:
            if self._is_own(tx, head):
                return None
            known = links.find_opened(tx.connection, head.link)
            if any(_issuer(one.text) != head.issuer for one in links.opened_of(tx.connection, head.name)):
                raise UserError(
                    "This session is here from a link of another device, which alone says what belongs to it. "
                    f"Remove it first: lovelace sessions delete {head.name}"
                )
        now = self._clock.now_ms()
        if known is not None and head.anew and head.number > known.number:
            known = replace(known, units=frozenset())
        return known or OpenedLink(head.link, text, head.workspace, head.name, 0, head.refreshed, now, frozenset())

    def begin_opening(self, head: Head, opening: OpenedLink) -> None:
        """Make room for a copy all of which has arrived."""
        with self._engine.transaction(durable=True) as tx:
            if head.anew:
                self._take_out(tx, head)
            self._engine.begin_copy(tx, head)
            links.put_opened(tx.connection, opening)

    def _take_out(self, tx: Transaction, head: Head) -> None:
        """Remove an earlier version of a copy; its payloads are looked through once the new one is here."""
        found = tx.connection.execute(
            "SELECT s.workspace FROM session s JOIN workspace w ON w.row=s.workspace WHERE s.id=? AND w.id=?",
            (head.name, head.workspace),
        ).fetchone()
        if found is not None:
            unused = purging.delete_rows(tx.connection, found[0], [head.name])
            self._engine.forget_copies(tx, found[0], purging.document_names([head.name]))
            links.note_arrived(tx.connection, head.link, unused)

    def _is_own(self, tx: Transaction, head: Head) -> bool:
        """Whether the session is here already, and not from a link."""
        row = tx.connection.execute("SELECT row FROM workspace WHERE id=?", (head.workspace,)).fetchone()
        own = row is not None and not links.is_copied(tx.connection, row[0])
        found = tx.connection.execute("SELECT workspace FROM session WHERE id=?", (head.name,)).fetchone()
        if found is None:
            if own:
                raise UserError(
                    "This session belongs to a workspace of yours and has not arrived here yet. `lovelace sync now` "
                    "brings it."
                )
            return False
        if row is None or found[0] != row[0]:
            raise UserError("This link names a session that is here already, in another workspace.")
        return own

    def take_unit(self, head: Head, unit: Unit, records: Sequence[Record]) -> None:
        """Take in a unit of a copy. ProtocolError: nothing of it was taken."""
        with self._engine.transaction() as tx:
            known = links.find_opened(tx.connection, head.link)
            if known is None:
                raise UserError("This copy was removed while it was being opened. Open the link again.")
            self._engine.take_copied(tx, head, purging.document_names([head.name]), records)
            links.put_opened(tx.connection, replace(known, units=known.units | {unit.digest}))
            blobs = [record.blob for record in records if isinstance(record, BlobRecord)]
            links.note_arrived(tx.connection, head.link, blobs)

    def finish_opening(self, head: Head) -> None:
        """All of a copy is here. ProtocolError: there is no session in it."""
        with self._engine.transaction(durable=True) as tx:
            known = links.find_opened(tx.connection, head.link)
            found = tx.connection.execute("SELECT 1 FROM session WHERE id=?", (head.name,)).fetchone()
            if known is None or found is None:
                raise ProtocolError("What this link opens holds no session.")
            units = frozenset(unit.digest for unit in head.units)
            links.put_opened(tx.connection, replace(known, number=head.number, refreshed=head.refreshed, units=units))
            unused = self._arrived(tx, head.link)
            self._engine.purge(tx, 0, [], unused)
            tx.touch(f"session/{head.name}")
        self._delete_files(unused)

    def _arrived(self, tx: Transaction, link: bytes) -> list[bytes]:
        """The payloads that came with a copy and that nothing refers to; which came is then forgotten."""
        return purging.unused_blobs(tx.connection, links.take_arrived(tx.connection, link))

    def abandon_opening(self, link: bytes) -> None:
        """Take back what came of a copy that was never whole."""
        with self._engine.transaction() as tx:
            known = links.find_opened(tx.connection, link)
            if known is None or known.number:
                return
            (row,) = tx.connection.execute("SELECT row FROM workspace WHERE id=?", (known.workspace,)).fetchone()
            found = tx.connection.execute("SELECT 1 FROM session WHERE id=?", (known.name,)).fetchone()
            blobs = purging.delete_rows(tx.connection, row, [known.name]) if found else []
            self._engine.forget_copies(tx, row, purging.document_names([known.name]), seen=False)
            blobs = list({*blobs, *self._arrived(tx, link)})
            self._engine.purge(tx, row, [], blobs)
            tx.touch(f"session/{known.name}")
        self._delete_files(blobs)

    # removing

    def copied(self, sessions: Sequence[str]) -> list[str]:
        """Those of the sessions that were opened from links."""
        with self._engine.transaction() as tx:
            return [one for one in sessions if links.is_copied(tx.connection, self._session(tx, one).workspace)]

    def remove_copies(self, sessions: Sequence[str]) -> list[bytes]:
        """Remove sessions that were opened from links; gives the payloads whose files nothing refers to any more."""
        blobs: list[bytes] = []
        with self._engine.transaction(durable=True) as tx:
            for session in sessions:
                row = self._session(tx, session).workspace
                blobs += purging.delete_rows(tx.connection, row, [session])
                self._engine.forget_copies(tx, row, purging.document_names([session]))
                tx.touch(f"session/{session}")
            self._engine.purge(tx, 0, [], blobs)
            self._leave_copied(tx)
        return blobs

    def _leave_copied(self, tx: Transaction) -> None:
        """If the current workspace held nothing but copies and is empty now, the first one of this home is current."""
        current = tx.connection.execute("SELECT value FROM setting WHERE name=?", (CURRENT_WORKSPACE,)).fetchone()
        workspace = bytes.fromhex(msgspec.json.decode(current[0], type=str)) if current else b""
        (first,) = tx.connection.execute("SELECT id FROM workspace ORDER BY row LIMIT 1").fetchone()
        emptied = tx.connection.execute(
            "SELECT 1 FROM workspace w JOIN copied_workspace c ON c.workspace=w.row WHERE w.id=? AND c.name=''",
            (workspace,),
        ).fetchone()
        if emptied:
            self._keep_current(tx, bytes(first).hex())

    def _keep_current(self, tx: Transaction, workspace: str) -> None:
        sql = "UPDATE setting SET value=? WHERE name=?"
        tx.connection.execute(sql, (msgspec.json.encode(workspace).decode(), CURRENT_WORKSPACE))
        tx.touch(f"setting/{CURRENT_WORKSPACE}")

    def _delete_files(self, blobs: Sequence[bytes]) -> None:
        for blob in blobs:
            self._engine.blobs.delete_file(blob)


def _issuer(text: str) -> bytes:
    """The device that issued a shared link."""
    link = parse_link(text)
    return link.address.issuer if isinstance(link, SharedLink) else b""


def _text(link: SharedLink) -> str:
    try:
        return str(link)
    except ProtocolError as error:
        raise UserError(f"A link cannot say that: {error}") from error
