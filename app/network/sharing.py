"""Sharing sessions by links: issuing, publishing, refreshing, serving and taking back.

Copies are made on this device's *shelf* (`links/` in the home), from which they are given live, and brought from there
to the other places where they are published. `refresh_links` does all that is due: after a session changed, when a link
expires, when a place could not be reached before. Whoever runs the network calls it after commits and now and then, and
`serve_opener` for every connection of the purpose "link".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.errors import NotFound, UserError
from app.sessions.links import SHARED_PAGE, SharedLink
from app.workspace import NAME_SETTING, Workspace
from sync.errors import ProtocolError, StoreError, TransportError
from sync.network.link_folder import LinkFolder, LinkStorage
from sync.store import network_rows
from sync.store.links import IssuedLink, LinkPlace
from sync.store.network_rows import MailboxRow

if TYPE_CHECKING:
    from app.sessions.link_operations import LinkWish
    from app.sessions.queries import Queries
    from sync.protocol.links import Shelf
    from sync.protocol.published import Unit
    from sync.transports.connection import Connection

Storages = Callable[[str], LinkStorage]
"""Gives the storage at a place; TransportError: there is none."""
_READ_AS = {
    "webdav": "http",
    "http+webdav": "http",
    "webdavs": "https",
    "https+webdav": "https",
    "file": "file",
}
"""How what lies in a storage without credentials is read from the web, by the schemes of both."""
USED_STAYS_MS = 24 * 3600 * 1000
"""So long a one-time link stays open for the device that used it, to finish."""


def shelf_of(home: Path) -> LinkFolder:
    """Where a home keeps the copies that it gives."""
    return LinkFolder(home / "links" / "given", private=True)


def storage_at(place: str) -> LinkStorage:
    """The storage at a place, a path or a URI (see `sync.transports.storage_uri`); TransportError: there is none."""
    from sync.transports.storage_uri import read_uri

    found = read_uri(place)
    if found.service == "fs":
        return LinkFolder(Path(found.options["root"]))  # which never shows half a file
    from sync.transports.opendal_storage import open_storage

    return open_storage(found)


def open_place(home: Workspace, session: str) -> tuple[str, str] | None:
    """A mailbox of the session's workspace that anybody can read: (where its links are published, where read)."""

    def look(queries: Queries) -> list[MailboxRow]:
        number = queries.workspace_number(queries.workspace_holding(session))
        return [row for row in network_rows.mailboxes(queries.connection) if row.workspace == number]

    for row in home.read(look):
        scheme, _, rest = row.uri.partition("://")
        if scheme.lower() in _READ_AS and not row.credentials and not {"@", "?", "#"} & set(rest):
            place = f"{rest.rstrip('/')}/links"
            return f"{scheme}://{place}", f"{_READ_AS[scheme.lower()]}://{place}"
    return None


def make_wish(
    home: Workspace,
    expires: int | None,
    where: tuple[str, str] | None = None,
    page: str = SHARED_PAGE,
    *,
    once: bool = False,
) -> LinkWish:
    """What a new link is to be. expires: milliseconds; where: the place to publish in, and where others read it."""
    from app.sessions.link_operations import LinkWish
    from sync.protocol.link_address import fitting_sockets

    device = home.read(lambda queries: queries.own_address())
    places, urls = ((), ()) if where is None else (where[:1], where[1:])
    return LinkWish(expires, once, places, urls, fitting_sockets(device), device.relay, page)


def named_place(to: str, url: str = "") -> tuple[str, str]:
    """A place as it is remembered, the whole path of a folder or a URI as it is, and where others read it.

    url: where that is; "": a folder is read where it is mounted too. UserError: other places need one.
    """
    place = to if "://" in to else str(Path(to).expanduser().absolute())
    read = url or (Path(place).as_uri() if "://" not in place else place if urlsplit(place).scheme == "file" else "")
    if not read:
        raise UserError("Say where others read that place without credentials, beginning with https://")
    return place, read


async def share(
    home: Workspace, session: str, wish: LinkWish, storages: Storages = storage_at, *, at_once: bool = True
) -> IssuedLink:
    """Issue a link to a session (its full id) and publish its copy.

    TransportError: a place cannot be written; unless `at_once` it is tried again later. ProtocolError: the session is
    too large.
    """
    link = await home.write_async(lambda operations: operations.create_link(session, wish))
    try:
        troubles = await publish(home, link, storages)
    except (ProtocolError, StoreError):
        await revoke(home, link, storages)
        raise
    if troubles and at_once:
        await revoke(home, link, storages)
        raise TransportError(f"Nothing was shared. {troubles[0]}")
    return link


async def publish(home: Workspace, link: IssuedLink, storages: Storages = storage_at) -> list[str]:
    """Bring the copies of a link up to date; gives what went wrong at places, in sentences."""
    shelf = shelf_of(home.home)
    ready = shelf.names_now(link.id)

    def keep(unit: Unit, objects: Sequence[bytes]) -> None:
        from sync.network.link_folder import object_path

        for name, data in zip(unit.objects, objects, strict=True):
            if name.hex() not in ready:
                shelf.write_now(object_path(link.id, name), data)

    contents = await home.read_async(lambda queries: queries.make_copy(link, keep))
    if contents is None:
        return await withdraw(home, link, storages, final=False)
    by = home.settings.get(NAME_SETTING, "")
    if not await home.write_async(lambda operations: operations.sign_copy(link.id, contents, by, shelf)):
        return []
    return await _mirror(home, link.id, storages)


async def _mirror(home: Workspace, link: bytes, storages: Storages) -> list[str]:
    """Bring the copy of a link from the shelf to the other places."""
    from sync.network.links import mirror

    troubles = []
    for issued, places in await home.read_async(lambda queries: queries.issued_links()):
        for place in places if issued.id == link else ():
            names, old = issued.objects, set(place.objects)
            broken_off = LinkPlace(place.place, 0, tuple(old.union(names)))
            there = LinkPlace(place.place, issued.number, names)
            await _note(home, link, broken_off)
            sure = old if place.number else set()
            try:
                await mirror(shelf_of(home.home), storages(place.place), link, names, sure=sure, old=old)
            except TransportError as error:
                troubles.append(str(error))
                there = replace(broken_off, trouble=str(error))
            await _note(home, link, there)
    return troubles


async def _note(home: Workspace, link: bytes, place: LinkPlace) -> None:
    await home.write_async(lambda operations: operations.note_place(link, place))


async def revoke(home: Workspace, link: IssuedLink, storages: Storages = storage_at) -> list[str]:
    """Stop giving a link and take its copies back; gives what went wrong at places, in sentences."""
    await home.write_async(lambda operations: operations.revoke_link(link.id))
    return await withdraw(home, link, storages, final=True)


async def withdraw(home: Workspace, link: IssuedLink, storages: Storages, *, final: bool) -> list[str]:
    """Take the copies of a link away. final: they will not be needed again."""
    from sync.network.links import withdraw as take_away

    shelf_of(home.home).remove_now(link.id)
    await home.write_async(lambda operations: operations.note_withdrawn(link.id))
    troubles = []
    for place in await _places(home, link.id):
        try:
            await take_away(storages(place.place), link.id, place.objects)
        except TransportError as error:
            troubles.append(str(error))
            await _note(home, link.id, replace(place, trouble=str(error)))
            continue
        if final:
            await home.write_async(lambda operations, at=place.place: operations.forget_place(link.id, at))  # type: ignore[misc]
        else:
            await _note(home, link.id, LinkPlace(place.place))
    return troubles


async def _places(home: Workspace, link: bytes) -> list[LinkPlace]:
    found = await home.read_async(lambda queries: queries.issued_links())
    return [place for issued, places in found if issued.id == link for place in places]


async def refresh_links(
    home: Workspace, storages: Storages = storage_at, sessions: Collection[str] | None = None
) -> int:
    """Do all that is due for the links of a home, or of some of its sessions; gives how many were looked after.

    What cannot be done now, because a place is not there, is noted with the link and tried again by the next call.
    """
    done = 0
    for link, places in await home.read_async(lambda queries: queries.issued_links()):
        if sessions is not None and link.name not in sessions:
            continue
        if _is_over(link, home.clock.now_ms()):
            if link.objects or places:
                await withdraw(home, link, storages, final=True)
                done += 1
            continue
        state = await home.read_async(lambda queries, link=link: queries.copy_state(link))  # type: ignore[misc]
        if state is None and (link.objects or any(place.objects for place in places)):
            await withdraw(home, link, storages, final=False)
        elif state is not None and state != link.state:
            await publish(home, link, storages)
        elif state is not None and any(place.number != link.number for place in places):
            await _mirror(home, link.id, storages)
        else:
            continue
        done += 1
    return done


def _is_over(link: IssuedLink, now: int) -> bool:
    """Whether a link will never give anything again."""
    used = link.once and link.used is not None and link.used + USED_STAYS_MS <= now
    return link.revoked is not None or used or (link.expires is not None and link.expires <= now)


async def serve_opener(home: Workspace, connection: Connection) -> None:
    """Give a copy to whoever proves that they have its link, until they leave."""
    from sync.clock import system_random
    from sync.network.links import serve_link

    me = bytes.fromhex((await home.read_async(lambda queries: queries.own_device()))[1])
    folder = shelf_of(home.home)

    async def run(work: Callable[[Shelf], list[bytes]]) -> list[bytes]:
        return await home.write_async(lambda operations: work(operations.link_shelf(folder)))

    await serve_link(connection, me, system_random, run)


def withdraw_deleted(home: Workspace, sessions: Collection[str]) -> None:
    """Take back the copies of sessions that were just deleted, where there are any."""
    if any(link.name in sessions for link, _ in home.read(lambda queries: queries.issued_links())):
        asyncio.run(refresh_links(home, sessions=sessions))


def find_issued(home: Workspace, name: str) -> IssuedLink:
    """A link of this device by its text, or by its id or a prefix of that; NotFound, UserError."""
    from app.sessions.links import parse_link

    if "#" in name or ":" in name:
        from sync.protocol.published import keys_of

        link = parse_link(name)
        if not isinstance(link, SharedLink):
            raise NotFound("This is not a link that shares a session. `lovelace links list` shows those.")
        name = keys_of(link.address.secret).id.hex()
    return home.read(lambda queries: queries.find_link(name))
