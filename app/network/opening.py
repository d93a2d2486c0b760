"""Opening links of every kind: own sessions, and the published copies that others share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from app.errors import UserError
from app.sessions.links import AnyLink, InviteLink, SessionLink, SharedLink
from sync.errors import LinkGone, ProtocolError, StoreError, TransportError
from sync.network.link_folder import LinkFolder

if TYPE_CHECKING:
    from app.workspace import Workspace
    from sync.network.links import CopySource
    from sync.protocol.link_address import LinkAddress
    from sync.protocol.published import Head, Keys, Unit
    from sync.store.links import OpenedLink
    from sync.transports.connection import Connection

Connect = Callable[["LinkAddress"], Awaitable["Connection"]]
"""Reaches the device that issued a link; TransportError."""
Progress = Callable[[int, int], None]
"""Told the bytes that came, of how many."""
ARRIVING_STAYS_MS = 7 * 24 * 3600 * 1000
"""So long what came of a copy waits for the rest of it."""
_EXPIRED = "This link has expired."


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening a link came to. kind: the session is one's own, or a copy that can only be read."""

    session: str
    title: str
    workspace: str
    kind: Literal["own", "copy"]
    events: int
    event: str | None = None
    """Of it, where the link names one."""

    def to_json(self) -> dict[str, Any]:
        """As `open --json` prints it."""
        shown = {name: getattr(self, name) for name in ("session", "title", "workspace", "kind", "events")}
        return shown if self.event is None else {**shown, "event": self.event}


async def open_link(
    home: Workspace, link: AnyLink, connect: Connect | None = None, progress: Progress = lambda _done, _total: None
) -> Opened:
    """Open a link of any kind. UserError, LinkGone, TransportError, ProtocolError with sentences."""
    match link:
        case SessionLink():
            return await _open_own(home, link.session, link.event)
        case InviteLink():
            raise UserError("This is an invite into a workspace, not a session. Accept it to become a member.")
        case SharedLink():
            return await _open_shared(home, link, connect, progress)


async def _open_own(home: Workspace, session: str, event: str | None = None) -> Opened:
    row = await home.read_async(lambda queries: queries.session(session))
    copied = await home.read_async(lambda queries: queries.is_copied(row.id))
    return Opened(row.id, row.title, row.workspace, "copy" if copied else "own", row.events, event)


async def _open_shared(home: Workspace, link: SharedLink, connect: Connect | None, progress: Progress) -> Opened:
    from sync.protocol.published import keys_of

    keys = keys_of(link.address.secret)
    source, head = await _find_source(home, link.address, keys, connect)
    try:
        if head.expires is not None and head.expires <= home.clock.now_ms():
            raise LinkGone(_EXPIRED)
        known = await home.write_async(lambda operations: operations.find_opening(head, str(link)))
        if known is not None and head.number > known.number:
            await _take(home, source, keys, head, known, progress)
    finally:
        await source.close()
    return await _open_own(home, head.name)


async def _find_source(
    home: Workspace, address: LinkAddress, keys: Keys, connect: Connect | None
) -> tuple[CopySource, Head]:
    """The first place that gives a good head, with it; else the most telling error of those that do not.

    Places are asked before the device: that may be off, and waiting for it takes longer than asking them.
    """
    from sync.network.links import fetch_head

    errors: list[LinkGone | TransportError | ProtocolError] = []
    for make in _sources(home, address, keys, connect):
        try:
            source = await make()
        except TransportError as error:
            errors.append(error)
            continue
        try:
            return source, await fetch_head(source, keys, address.issuer)
        except (LinkGone, TransportError, ProtocolError) as error:
            errors.append(error)
            await source.close()
    raise _most_telling(errors)


def _sources(
    home: Workspace, address: LinkAddress, keys: Keys, connect: Connect | None
) -> list[Callable[[], Awaitable[CopySource]]]:
    from sync.network.link_web import reader_of
    from sync.network.links import LiveSource, StoredSource

    async def live() -> CopySource:
        assert connect is not None
        me = bytes.fromhex((await home.read_async(lambda queries: queries.own_device()))[1])
        return LiveSource(await connect(address), keys, me)

    async def stored(url: str) -> CopySource:
        return StoredSource(reader_of(url), keys.id)

    found: list[Callable[[], Awaitable[CopySource]]] = [lambda url=url: stored(url) for url in address.urls]  # type: ignore[misc]
    return found if connect is None else [*found, live]


def _most_telling(errors: Sequence[LinkGone | TransportError | ProtocolError]) -> Exception:
    for kind in (LinkGone, ProtocolError, TransportError):
        for error in errors:
            if isinstance(error, kind):
                return error
    return TransportError("This link is given by its device alone, which cannot be reached from here now.")


async def _take(
    home: Workspace, source: CopySource, keys: Keys, head: Head, known: OpenedLink, progress: Progress
) -> None:
    """Bring what is new of a copy, and take it in once all of it is here."""
    from sync.network.links import fetch_units

    arriving = LinkFolder(home.home / "links" / "arriving", private=True)
    arriving.remove_older_now(home.clock.now_ms() - ARRIVING_STAYS_MS)
    units = [unit for unit in head.units if unit.digest not in known.units]
    total = sum(unit.size for unit in units)
    try:
        await fetch_units(source, head.link, units, arriving, lambda done: progress(done, total))
    except ProtocolError:
        arriving.remove_now(head.link)
        raise
    try:
        await home.write_async(lambda operations: operations.begin_opening(head, known))
        for unit in units:
            await _take_unit(home, keys, head, unit, arriving)
        await home.write_async(lambda operations: operations.finish_opening(head))
    except (ProtocolError, StoreError):
        await home.write_async(lambda operations: operations.abandon_opening(head.link))
        raise
    finally:
        arriving.remove_now(head.link)


async def _take_unit(home: Workspace, keys: Keys, head: Head, unit: Unit, arriving: LinkFolder) -> None:
    from sync.network.links import fetched
    from sync.protocol.published import open_unit

    records = await asyncio.to_thread(lambda: open_unit(unit, fetched(head.link, unit, arriving), keys))
    await home.write_async(lambda operations: operations.take_unit(head, unit, records))
