"""Finding devices in the local network by multicast DNS (zeroconf). What is found here is not authenticated.

A device announces itself under a name that changes every day (UTC) and that only those can compute who know its id:
strangers see that Lovelace runs here, not whose, and cannot follow a device from one day to the next. Pairing uses a
kind of its own, under a name that two people derive from their secret; that announcement says the device id.

zeroconf is under the LGPL and is imported late.
"""

from __future__ import annotations

import asyncio
import re
import socket
from base64 import b32encode
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

from sync.clock import Clock
from sync.crypto import KEY_BYTES, domain_hash
from sync.errors import TransportError
from sync.transports.connection import Address
from sync.transports.sockets import MAX_SOCKETS, is_socket, split_socket

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

_DEVICES, _MEETINGS = "_lovelace._udp.local.", "_lovelace-pair._udp.local."
_NAME_DOMAIN = "lovelace/lan-name/1"
_DAY_MS = 24 * 60 * 60 * 1000
_MAX_SEEN = 1_000
_REFRESH_SECONDS = 60.0
_ASK_SECONDS = 3.0
_MEETING = re.compile(r"[a-z0-9-]{1,60}")


def device_name(device: bytes, day: int) -> str:
    """The name of a device on a day (days since 1970, UTC): 26 letters."""
    name = domain_hash(_NAME_DOMAIN, device, day.to_bytes(8, "big"))[:16]
    return b32encode(name).decode().rstrip("=").lower()


class Lan:
    """Announces this device and finds others, between `start` and `stop`; used from one loop.

    address: where this device is now, asked again every minute. interfaces: the IP addresses of those to use, () for
    all. appeared: called in the loop when any device has announced itself: time to ask for `addresses`.
    """

    def __init__(
        self,
        clock: Clock,
        address: Callable[[], Address],
        interfaces: tuple[str, ...] = (),
        appeared: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock, self._address, self._interfaces, self._appeared = clock, address, interfaces, appeared
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._own: ServiceInfo | None = None
        self._meetings: dict[str, ServiceInfo] = {}
        self._seen: set[str] = set()
        self._announcing: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        """Announce this device and listen for others. TransportError: multicast is not to be had."""
        try:
            from zeroconf import Error, InterfaceChoice
            from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf
        except ImportError as error:
            raise TransportError("Devices nearby are not found: the package “zeroconf” is missing.") from error
        try:
            _check_interfaces(self._interfaces)
            self._zeroconf = AsyncZeroconf(interfaces=list(self._interfaces) or InterfaceChoice.All)
            self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, _DEVICES, handlers=[self._on_change])
            await self.refresh()
        except (OSError, Error) as error:
            await self.stop()
            raise TransportError(f"Devices nearby are not found: {error}") from error
        self._refreshing = asyncio.get_running_loop().create_task(self._keep_fresh())

    async def stop(self) -> None:
        """Take back what was announced."""
        zeroconf, self._zeroconf = self._zeroconf, None
        tasks = self._announcing | ({self._refreshing} if self._refreshing is not None else set())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._browser is not None:
            await self._browser.async_cancel()
        if zeroconf is not None:
            await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()
        self._browser = self._refreshing = self._own = None
        self._meetings.clear()
        self._seen.clear()

    async def refresh(self) -> None:
        """Announce this device anew where its address or the day has changed."""
        address = self._address()
        info = _describe(_DEVICES, device_name(address.device, self._day()), address)
        if info is not None and info != self._own:
            await self._withdraw(self._own)
            self._own = info
            await self._register(info)

    async def addresses(self, devices: Collection[bytes], seconds: float = _ASK_SECONDS) -> dict[bytes, Address]:
        """Where those of the devices are that announce themselves in this network."""
        day = self._day()
        names = {device_name(device, day + shift): device for device in devices for shift in (-1, 0, 1)}
        seen = [name for name in names if name in self._seen]
        found = await asyncio.gather(*(self._ask(_DEVICES, name, seconds) for name in seen))
        sockets = {names[name]: _sockets(info) for name, info in zip(seen, found, strict=True) if info is not None}
        return {device: Address(device, each) for device, each in sockets.items() if each}

    async def announce(self, name: str, address: Address) -> None:
        """Be found under a name (a-z, 0-9 and "-", at most 60) until `withdraw`."""
        info = _describe(_MEETINGS, _checked(name), address)
        if info is None:
            raise TransportError("This device has no address in the local network.")
        await self.withdraw(name)
        self._meetings[name] = info
        await self._register(info)

    async def withdraw(self, name: str) -> None:
        """Be found under this name no more; again is free."""
        await self._withdraw(self._meetings.pop(name, None))

    async def find(self, name: str, seconds: float) -> Address | None:
        """Who announces this name, waiting for so long; the device id is what they say, not more."""
        info = await self._ask(_MEETINGS, _checked(name), seconds)
        if info is None or not (sockets := _sockets(info)):
            return None
        try:
            device = bytes.fromhex((info.properties.get(b"id") or b"").decode("ascii"))
        except ValueError:
            return None
        return Address(device, sockets) if len(device) == KEY_BYTES else None

    def _day(self) -> int:
        return self._clock.now_ms() // _DAY_MS

    def _running(self) -> AsyncZeroconf:
        if self._zeroconf is None:
            raise TransportError("This device does not look at the local network.")
        return self._zeroconf

    async def _register(self, info: ServiceInfo) -> None:
        """Our names are random: nobody needs to be asked whether one is free. Said three times within a second."""
        self._let_go_on(await self._running().async_register_service(info, cooperating_responders=True))

    async def _withdraw(self, info: ServiceInfo | None) -> None:
        if info is not None and self._zeroconf is not None:
            self._let_go_on(await self._zeroconf.async_unregister_service(info))

    def _let_go_on(self, said: Awaitable[None]) -> None:
        task = asyncio.ensure_future(said)
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)

    async def _ask(self, kind: str, name: str, seconds: float) -> AsyncServiceInfo | None:
        from zeroconf.asyncio import AsyncServiceInfo

        info = AsyncServiceInfo(kind, f"{name}.{kind}")
        return info if await info.async_request(self._running().zeroconf, seconds * 1000) else None

    def _on_change(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        label = name.removesuffix(f".{service_type}").lower()
        if state_change.name == "Removed":
            self._seen.discard(label)
        elif len(self._seen) < _MAX_SEEN:
            self._seen.add(label)
            self._appeared()

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH_SECONDS)
            try:
                await self.refresh()
            except (OSError, TransportError):  # the network is away; the next minute may be better
                pass


def _check_interfaces(interfaces: tuple[str, ...]) -> None:
    """OSError where one is not there; zeroconf would say so as well, but leave sockets open."""
    for address in interfaces:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind((address, 0))


def _checked(name: str) -> str:
    if not _MEETING.fullmatch(name):
        raise TransportError(f"“{name}” is no name for a meeting in the local network.")
    return name


def _describe(kind: str, name: str, address: Address) -> ServiceInfo | None:
    """What is announced; None for an address without sockets."""
    from zeroconf import ServiceInfo

    sockets = [text for text in address.sockets if is_socket(text)][:MAX_SOCKETS]
    if not sockets:
        return None
    properties = {f"s{n}": text for n, text in enumerate(sockets)}
    if kind == _MEETINGS:
        properties["id"] = address.device.hex()
    return ServiceInfo(
        kind,
        f"{name}.{kind}",
        port=split_socket(sockets[0])[1],
        properties=properties,
        server=f"{name}.local.",
        parsed_addresses=sorted({split_socket(text)[0] for text in sockets}),
    )


def _sockets(info: ServiceInfo) -> tuple[str, ...]:
    """The socket addresses that an announcement names and that are well formed."""
    values = (info.properties.get(f"s{n}".encode()) for n in range(MAX_SOCKETS))
    texts = [value.decode("ascii", "replace") for value in values if value]
    return tuple(text for text in texts if is_socket(text))
