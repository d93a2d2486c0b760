"""The state of sync for people, mailboxes of a workspace, and syncing once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import NotFound
from app.network.service import SYNC_NOW, NetworkService
from app.network.settings import read_settings
from app.sessions.operations import SessionOperations
from app.sessions.queries import Queries
from app.sessions.views import WorkspaceRow, iso_time
from app.workspace import Workspace
from sync.engine import Engine
from sync.network.lease import is_running
from sync.network.mailboxes import MailboxStatus
from sync.network.node import NodeStatus
from sync.protocol.mailbox import Layout
from sync.store import network_rows
from sync.store.database import Connection
from sync.store.links import copied_workspaces
from sync.store.network_rows import MailboxRow
from sync.store.schema import HELD, QUARANTINED
from sync.transports.opendal_storage import open_storage
from sync.transports.storage_uri import Place, read_uri

LIVE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class HolderRow:
    """Who has how many of this device's entries. kind: "device" or "mailbox"; seen: milliseconds."""

    id: str
    kind: str
    entries: int
    seen: int

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "kind": self.kind, "entries": self.entries, "seen": iso_time(self.seen)}


@dataclass(frozen=True, slots=True)
class WorkspaceSync:
    """How far a workspace is. entries: of this device; waiting: those nobody else has yet, as far as is known.

    held: entries of others that wait for something; rejected: that broke a rule. shared: whether anybody else could
    have any of it.
    """

    id: str
    entries: int
    waiting: int
    held: int
    rejected: int
    shared: bool
    holders: tuple[HolderRow, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "entries": self.entries,
            "waiting": self.waiting,
            "held": self.held,
            "rejected": self.rejected,
            "shared": self.shared,
            "holders": [holder.to_json() for holder in self.holders],
        }


def sync_state(workspace: Workspace) -> WorkspaceSync:
    """How far the workspace of the call is."""
    others = _others(workspace, [workspace.id])
    return workspace.read(lambda queries: _state(queries.connection, queries.workspace, workspace.id, others))


def sync_states(workspace: Workspace) -> list[tuple[WorkspaceRow, WorkspaceSync]]:
    """How far every workspace of the home is; not those that are here only through links."""

    def look(queries: Queries) -> list[tuple[WorkspaceRow, int]]:
        copied = {ident.hex() for ident in copied_workspaces(queries.connection)}
        numbers = [(row, queries.workspace_number(row.id)) for row in queries.workspaces() if row.id not in copied]
        return [(row, number) for row, number in numbers if number is not None]

    rows = workspace.read(look)
    others = _others(workspace, [row.id for row, _ in rows])
    return workspace.read(lambda q: [(row, _state(q.connection, number, row.id, others)) for row, number in rows])


def _others(workspace: Workspace, idents: Sequence[str]) -> frozenset[str]:
    """Those of these workspaces that are also for another device, of this person or of a teammate."""

    def look(engine: Engine) -> frozenset[str]:
        known = engine.replica.known_devices()
        return frozenset(one for one in idents if known & engine.replica.devices_of(bytes.fromhex(one)))

    return workspace.with_engine(look)


def _state(connection: Connection, row: int, ident: str, others: Collection[str]) -> WorkspaceSync:
    (entries,) = connection.execute(
        "SELECT coalesce(max(e.n), 0) FROM entry e JOIN device d ON d.row=e.device WHERE d.is_own AND e.workspace=?",
        (row,),
    ).fetchone()
    held, rejected = (_aside(connection, row, state) for state in (HELD, QUARANTINED))
    rows = network_rows.holders(connection, row)
    holders = tuple(HolderRow(_name(r.name), _kind(r.name), min(r.n, entries), r.seen) for r in rows)
    boxes = any(box.workspace == row for box in network_rows.mailboxes(connection))
    most = max((holder.entries for holder in holders), default=0)
    shared = boxes or bool(holders) or ident in others
    return WorkspaceSync(ident, entries, entries - most, held, rejected, shared, holders)


def _aside(connection: Connection, row: int, state: int) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM entry e INDEXED BY entry_aside JOIN document d ON d.row=e.document "
        "WHERE e.state<>0 AND e.state=? AND d.workspace=?",
        (state, row),
    ).fetchone()
    return int(count)


def _kind(name: str) -> str:
    return "mailbox" if name.startswith("mailbox/") else "device"


def _name(name: str) -> str:
    return name.removeprefix("mailbox/")


# mailboxes


def mailboxes(workspace: Workspace) -> list[MailboxRow]:
    """The mailboxes of the workspace of the call."""

    def look(queries: Queries) -> list[MailboxRow]:
        return [row for row in network_rows.mailboxes(queries.connection) if row.workspace == queries.workspace]

    return workspace.read(look)


def shown(row: MailboxRow) -> str:
    """A mailbox for people, without its credentials."""
    return read_uri(row.uri, row.credentials).shown


async def probe(place: Place) -> None:
    """Try a storage: list, write, read and delete. TransportError with a sentence."""
    storage = await asyncio.to_thread(open_storage, place)
    name = f"v1/.test-{Layout(bytes(32)).root.strip('/').replace('/', '-')[-12:]}"
    await storage.list("v1/")
    await storage.write(name, b"Lovelace")
    await storage.read(name, 8)
    await storage.delete(name)


def add_mailbox(workspace: Workspace, uri: str, credentials: Mapping[str, str]) -> int:
    """Remember a mailbox for the workspace of the call; gives its number. TransportError: no such kind of place."""
    read_uri(uri, credentials)

    def add(operations: SessionOperations) -> int:
        with operations.engine.transaction(durable=True) as tx:
            tx.touch("network")
            now_ms = workspace.clock.now_ms()
            return network_rows.add_mailbox(tx.connection, operations.workspace, uri, credentials, now_ms)

    return workspace.write(add)


def find_mailbox(workspace: Workspace, wanted: str) -> MailboxRow:
    """A mailbox by number, URI or how it is shown. NotFound."""
    found = mailboxes(workspace)
    for row in found:
        if wanted in (str(row.row), row.uri, shown(row)):
            return row
    raise NotFound(f"There is no mailbox {wanted}.", candidates=[shown(row) for row in found])


def remove_mailbox(workspace: Workspace, row: MailboxRow) -> None:
    """Use a mailbox no more; what is in it stays there."""

    def remove(operations: SessionOperations) -> None:
        with operations.engine.transaction(durable=True) as tx:
            network_rows.remove_mailbox(tx.connection, row.row)
            tx.touch("network")

    workspace.write(remove)


# once


@dataclass(frozen=True, slots=True)
class SyncedOnce:
    """What came of one try. peers: ids of the devices that were reached; elsewhere: another process did it."""

    state: WorkspaceSync
    mailboxes: tuple[MailboxStatus, ...]
    peers: tuple[str, ...]
    elsewhere: bool = False


async def sync_once(workspace: Workspace, service: NetworkService) -> SyncedOnce:
    """Try every mailbox and every known device once, and say how far that led."""
    if is_running(workspace.home) and not service.runs_here:
        await workspace.write_async(_ask_the_other)
        await asyncio.sleep(1.0)
        return SyncedOnce(await asyncio.to_thread(sync_state, workspace), (), (), elsewhere=True)
    node = await service.ready()
    devices = await workspace.write_async(lambda operations: operations.engine.replica.known_devices())
    await node.sync_now()
    while node is not service.node:  # what came made this home another device
        node = await service.ready()
        await node.sync_now()
    if devices and (await asyncio.to_thread(workspace.read, read_settings)).live:
        await _until_met(node.status, len(devices))
    status = node.status()
    peers = tuple(peer.device.hex() for peer in status.peers if peer.in_sync)
    return SyncedOnce(await asyncio.to_thread(sync_state, workspace), status.mailboxes, peers)


def _ask_the_other(operations: SessionOperations) -> None:
    with operations.engine.transaction() as tx:
        tx.touch(SYNC_NOW)


async def _until_met(status: Callable[[], NodeStatus], count: int) -> None:
    """Until all devices are in sync, or the time is over."""

    def is_met(now: NodeStatus) -> bool:
        return sum(peer.in_sync for peer in now.peers) >= count

    deadline = asyncio.get_running_loop().time() + LIVE_SECONDS
    while not is_met(status()) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
