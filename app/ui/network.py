"""The network beside the window: it begins once the window stands, and what it does shows on the main thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from app.ui.bridge import Bridge

if TYPE_CHECKING:
    from app.network.opening import Opened
    from app.network.service import NetworkService
    from app.network.syncing import WorkspaceSync
    from app.sessions.links import AnyLink
    from app.workspace import Workspace
    from sync.network.node import NodeStatus

NETWORK = "network"
BEGIN_MS = 3_000
"""So long after the window stands the network begins: nothing that it brings is missed by then."""
LOOK_MS = 500
"""How often at most the state is looked at, however often it changes."""


class NetworkView(msgspec.Struct, frozen=True):
    """What the window shows. node: None while another process runs the network, or none does yet. state: how far the
    workspace is; None before it was looked at. requests: how many wait to be let in by this person."""

    node: NodeStatus | None = None
    state: WorkspaceSync | None = None
    requests: int = 0


class WindowNetwork(QObject):
    """Takes part in the network for the window. changed: `view` is another one."""

    changed = Signal()

    def __init__(self, workspace: Workspace, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._workspace = workspace
        self._bridge = bridge
        self.service: NetworkService | None = None
        """Once it has begun; use it on the bridge's loop."""
        self.view = NetworkView()
        self._pause = QTimer(self, singleShot=True, interval=LOOK_MS)
        self._pause.timeout.connect(self.look)
        bridge.receive(NETWORK, lambda _value: self._look_soon())

    def is_there(self, device: str) -> bool:
        """Whether a device (hex) is connected now; from any thread."""
        node = self.view.node
        return node is not None and any(peer.device.hex() == device for peer in node.peers)

    def begin_later(self) -> None:
        """Begin after a moment."""
        QTimer.singleShot(BEGIN_MS, self, self.begin)

    def begin(self) -> None:
        """Take part from now on, until the bridge stops."""
        self._bridge.call(self._run())

    async def _run(self) -> None:
        from app.network.service import NetworkService
        from sync.network.node import Hooks

        def heard(subjects: frozenset[str]) -> None:
            if any(subject.startswith("workspace/") for subject in subjects):
                self._bridge.publish(NETWORK, None)

        stop = await self._workspace.on_commit(heard)
        self.service = NetworkService(self._workspace, Hooks(changed=lambda: self._bridge.publish(NETWORK, None)))
        try:
            await self.service.run()
        finally:
            stop()

    async def open_link(self, link: AnyLink) -> Opened:
        """Open a link of any kind, from wherever it can be reached."""
        from app.network.opening import open_link
        from app.network.reaching import reaching

        async with reaching(self._workspace, self.service) as connect:
            return await open_link(self._workspace, link, connect)

    def look_again(self) -> None:
        """Another workspace is in force."""
        if self.service is not None:
            self._look_soon()

    def _look_soon(self) -> None:
        if not self._pause.isActive():
            self._pause.start()

    def look(self) -> None:
        """Look at the state again, off the main thread."""
        self._bridge.call(self._view(), self._take)

    async def _view(self) -> NetworkView:
        import asyncio

        from app.network.members import count_requests
        from app.network.syncing import sync_state

        state, requests = await asyncio.gather(
            asyncio.to_thread(sync_state, self._workspace), asyncio.to_thread(count_requests, self._workspace)
        )
        service = self.service
        node = service.status() if service is not None and service.runs_here else None
        return NetworkView(node, state, requests)

    def _take(self, view: NetworkView) -> None:
        if view != self.view:
            self.view = view
            self.changed.emit()


def sync_words(view: NetworkView) -> tuple[str, str]:
    """The state of sync in a few words, and the sentence behind them."""
    state, node = view.state, view.node
    if view.requests:
        asks = "1 asks" if view.requests == 1 else f"{view.requests} ask"
        return f"{asks} to join", "Somebody waits to be let into this workspace: see its members in the settings."
    if state is None or not (state.shared or (node is not None and node.peers)):
        return "On this device only", "Nothing leaves this device: pair another one, invite somebody, or add a mailbox."
    peers = 0 if node is None else len(node.peers)
    there = "No other device is there now." if not peers else f"{peers} other {_devices(peers)} there now."
    troubles = () if node is None else tuple(box.trouble for box in node.mailboxes if box.trouble)
    if state.waiting:
        waits = f"{state.waiting:,} {'entry is' if state.waiting == 1 else 'entries are'} not yet elsewhere."
        return f"{state.waiting:,} to sync", " ".join([waits, there, *troubles])
    return "Synced" if not peers else f"Synced · {peers} here", " ".join(
        ["Everything of this device is also elsewhere.", there, *troubles]
    )


def _devices(count: int) -> str:
    return "device is" if count == 1 else "devices are"
