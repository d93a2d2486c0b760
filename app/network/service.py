"""Runs the network of a home, in one of its processes at a time.

Every program that stays open (the window, `lovelace sync serve`) has a service. Whoever takes the lease runs a node;
when that process ends, the next one takes over. A home that nobody shares needs no live transport, and binds to
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from app.network.blob_fetching import BlobFetcher
from app.network.fetching import PayloadFetcher
from app.network.introducing import Introducer
from app.network.inviting import Reception, awaits_visitors
from app.network.link_keeping import LinkKeeper
from app.network.purging import PurgeFinisher
from app.network.settings import NetworkSettings, keep_port, make_transport, read_settings
from app.network.sharing import serve_opener
from app.network.sheets import SheetKeeper
from app.network.streaming import Streaming
from app.workspace import Workspace
from sync.clock import system_random
from sync.errors import StoreError
from sync.network.lease import Lease
from sync.network.node import Hooks, Node, NodeStatus, Serve
from sync.protocol.happenings import Happening

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sync.engine import Engine
    from sync.protocol.address import Address
    from sync.transports.connection import Purpose, Transport
    from sync.transports.lan import Lan

T = TypeVar("T")
PROGRAM = "Lovelace 1"
SYNC_NOW = "network/now"
"""The commit subject by which one process asks the one that runs the network to try everything at once."""
_RENEWING = ("workspace/", "identity/", "device", "setting/network", "links")
TAKE_OVER_SECONDS = 2.0
"""How often a process looks whether the one that ran the network is gone."""


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a node must be made anew for."""

    device: bytes
    live: bool
    links: bool
    settings: NetworkSettings


class NetworkService:
    """The network of a workspace's home. hooks: as of `Node`.

    make: gives the live transport, for tests.
    """

    def __init__(
        self,
        workspace: Workspace,
        hooks: Hooks | None = None,
        make: Callable[[Engine, NetworkSettings], Transport] = make_transport,
    ) -> None:
        self._workspace = workspace
        self._hooks = hooks or Hooks()
        self._make = make
        self._lease = Lease(workspace.home)
        self._serves: dict[Purpose, Serve] = {}
        self._renew = asyncio.Event()
        self._ready = asyncio.Event()
        self._arrived: asyncio.Queue[tuple[bytes, Happening]] = asyncio.Queue()
        self.node: Node | None = None
        """While this process runs the network."""

    @property
    def runs_here(self) -> bool:
        """Whether this process runs the network."""
        return self._lease.is_held

    def status(self) -> NodeStatus:
        """What the node of this process does; nothing while another process has it."""
        return NodeStatus() if self.node is None else self.node.status()

    def serve(self, purpose: Purpose, serve: Serve | None) -> None:
        """Let strangers begin conversations of a purpose from now on; None: not any more."""
        if serve is None:
            self._serves.pop(purpose, None)
        else:
            self._serves[purpose] = serve
        if self.node is not None:
            self.node.serve(purpose, serve)
        self._renew.set()

    async def ready(self) -> Node:
        """The node, once this process runs one; waits for another process to end if it must."""
        await self._ready.wait()
        assert self.node is not None
        return self.node

    async def run(self) -> None:
        """Take part until cancelled."""
        try:
            while True:
                while not self._lease.take():  # noqa: ASYNC110  another process holds a lock that tells nobody
                    await asyncio.sleep(TAKE_OVER_SECONDS)
                await self._run_node()
        finally:
            self._lease.give_back()

    async def _run_node(self) -> None:
        """Run one node until another one is needed."""
        needs = await self._call(self._needs)
        transport = await self._call(lambda engine: self._make(engine, needs.settings)) if needs.live else None
        introducer = Introducer(self._workspace)
        node = Node(
            self._call,
            transport,
            self._workspace.clock,
            system_random,
            program=PROGRAM,
            nearby=None if transport is None else self.nearby,
            hooks=Hooks(self._happened, self._hooks.changed, introducer.refused),
        )
        self._streaming = Streaming(self._workspace, node)
        self._blobs, self._payloads = BlobFetcher(self._workspace), PayloadFetcher(self._workspace)
        self._purges = PurgeFinisher(self._workspace)
        if needs.links:
            node.serve("link", partial(serve_opener, self._workspace))
        node.serve("join", Reception(self._workspace).serve)
        for purpose, serve in self._serves.items():
            node.serve(purpose, serve)
        keeper = LinkKeeper(self._workspace, node.address)
        async with (
            self._subscribed(node, keeper),
            node.running(),
            introducer.running(node),
            keeper.running(),
            self._blobs.running(node),
            self._payloads.running(node),
            self._purges.running(),
            SheetKeeper(self._workspace).running(),
            self._looking_around(node, needs.settings),
        ):
            await self._keep_port(node, needs.settings)
            self.node = node
            self._ready.set()
            self._hooks.changed()
            try:
                await self._until_another(needs)
            finally:
                self.node = None
                self._ready.clear()

    async def _keep_port(self, node: Node, settings: NetworkSettings) -> None:
        """Have the same port the next time, so that what others remember of this device stays true."""
        address = node.address()
        if address is not None and not settings.bind:
            with contextlib.suppress(StoreError):
                await self._call(lambda engine: keep_port(engine, address.sockets))

    async def _until_another(self, needs: _Needs) -> None:
        while await self._call(self._needs) == needs:
            self._renew.clear()
            await self._renew.wait()

    def _needs(self, engine: Engine) -> _Needs:
        settings = self._workspace.read(read_settings)
        links = self._workspace.read(lambda queries: queries.gives_links(self._workspace.clock.now_ms()))
        awaited = links or awaits_visitors(engine)
        company = awaited or bool(self._serves) or bool(engine.replica.known_devices())
        return _Needs(engine.device.device_id, company and settings.live, links, settings)

    async def _call(self, work: Callable[[Engine], T]) -> T:
        return await self._workspace.write_async(lambda operations: work(operations.engine))

    def _happened(self, peer: bytes, happening: Happening) -> None:
        self._arrived.put_nowait((peer, happening))
        self._blobs.happened(happening)
        self._payloads.happened(peer, happening)
        self._hooks.happened(peer, happening)

    async def _take_in(self) -> None:
        """What arrives live, one after the other."""
        while True:
            peer, happening = await self._arrived.get()
            await self._streaming.happened(peer, happening)

    # commits

    @contextlib.asynccontextmanager
    async def _subscribed(self, node: Node, keeper: LinkKeeper) -> AsyncIterator[None]:
        """Tell the node of the commits of every process: of this one at once, of others when they are seen."""
        loop = asyncio.get_running_loop()

        def heard(subjects: frozenset[str]) -> None:
            node.committed(subjects)
            self._streaming.committed(subjects)
            keeper.heard(subjects)
            self._blobs.heard(subjects)
            self._payloads.heard(subjects)
            self._purges.heard(subjects)
            if any(subject.startswith(_RENEWING) for subject in subjects):
                self._renew.set()
            if SYNC_NOW in subjects:
                node.hurry()

        def committed(subjects: frozenset[str]) -> None:
            loop.call_soon_threadsafe(heard, subjects)

        stop = await self._workspace.on_commit(committed)
        tasks = [
            asyncio.ensure_future(each) for each in (self._follow_others(heard), self._streaming.run(), self._take_in())
        ]
        try:
            yield
        finally:
            stop()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _follow_others(self, heard: Callable[[frozenset[str]], None]) -> None:
        async with contextlib.aclosing(self._workspace.commits()) as commits:
            async for commit in commits:
                if commit.processes != {self._workspace.process}:
                    heard(frozenset(commit.subjects))

    # the local network

    @contextlib.asynccontextmanager
    async def _looking_around(self, node: Node, settings: NetworkSettings) -> AsyncIterator[None]:
        """Announce this device in the local network while the node runs, where that is wanted and possible."""
        self._lan: Lan | None = None
        address = node.address()
        if address is None or not settings.lan or settings.is_local:
            yield
            return
        from sync.errors import TransportError
        from sync.transports.lan import Lan

        lan = Lan(self._workspace.clock, lambda: node.address() or address)
        try:
            await lan.start()
        except TransportError:
            yield  # there is no multicast here; mailboxes and remembered addresses do without
            return
        self._lan = lan
        try:
            yield
        finally:
            self._lan = None
            await lan.stop()

    async def nearby(self, devices: frozenset[bytes]) -> Mapping[bytes, Address]:
        """Where devices are in the local network, as far as they can be found there; after `ready`."""
        return {} if self._lan is None else await self._lan.addresses(devices)


@contextlib.asynccontextmanager
async def taking_part(workspace: Workspace, hooks: Hooks | None = None) -> AsyncIterator[NetworkService]:
    """Run a service for as long as the block takes."""
    service = NetworkService(workspace, hooks)
    task = asyncio.ensure_future(service.run())
    try:
        yield service
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
