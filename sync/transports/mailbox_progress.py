"""What one device's mailbox remembers, and what its reading and its writing share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct

from sync.clock import Clock
from sync.crypto import decode, encode
from sync.errors import ProtocolError
from sync.membership.epoch import key_id
from sync.protocol.mailbox import DAY_MS, Layout, ObjectName, Stream, read_names
from sync.protocol.mailbox_objects import Sealer, Spot
from sync.protocol.mailbox_replica import MailboxReplica
from sync.transports.storage import Storage

T = TypeVar("T")

_PROGRESS, _KNOWN = "progress", "operations"
_KNOWN_BYTES = 16


class Ask(Protocol):
    """Runs a call of the replica on the writer's thread."""

    def __call__(self, call: Callable[[], T], /) -> Awaitable[T]: ...


class Progress(Struct):
    """Kept durably. device: whose folder the rest is about, except for `read`.

    count: of the last head. entries, operations: last numbers that are in the mailbox; reserved: of operations, that
    may be. addresses: the last number; address: what stands there, as a hash. blobs: the cursor of
    `MailboxReplica.blobs_after`. read: the number up to which operations were read, by folder.
    """

    device: bytes = b""
    count: int = 0
    entries: int = 0
    operations: int = 0
    reserved: int = 0
    addresses: int = 0
    address: bytes = b""
    blobs: int = 0
    read: dict[str, int] = {}


@dataclass(slots=True)
class Box:
    """One workspace's mailbox as one device uses it.

    known: the first bytes of the ids of operations that are in the mailbox, by whomever.
    """

    storage: Storage
    layout: Layout
    sealer: Sealer
    replica: MailboxReplica
    ask: Ask
    clock: Clock
    progress: Progress = field(default_factory=Progress)
    known: set[bytes] = field(default_factory=set)

    @property
    def own(self) -> str:
        """The name of this device's folder."""
        return self.layout.folder(self.replica.device)

    def today(self) -> int:
        """Days since 1970, for names."""
        return max(0, min(self.clock.now_ms() // DAY_MS, 10**8 - 1))

    async def load(self) -> None:
        """Read what was kept."""
        self.progress = _read(await self.ask(lambda: self.replica.value(_PROGRESS)))
        known = await self.ask(lambda: self.replica.value(_KNOWN)) or b""
        self.known = {known[at : at + _KNOWN_BYTES] for at in range(0, len(known), _KNOWN_BYTES)}

    def renew(self) -> None:
        """A home that was copied becomes another device: its new folder is empty."""
        if self.progress.device != self.replica.device:
            self.progress = Progress(device=self.replica.device, read=self.progress.read)

    async def save(self, *, known: bool = False) -> None:
        """Keep it durably; known: also which operations are in the mailbox."""
        progress = encode(msgspec.to_builtins(self.progress, builtin_types=(bytes,)))
        listed = b"".join(sorted(self.known)) if known else b""

        def keep() -> None:
            self.replica.set_value(_PROGRESS, progress)
            if known:
                self.replica.set_value(_KNOWN, listed)

        await self.ask(keep)

    async def log_keys(self) -> dict[bytes, bytes]:
        """All log keys that are here, by key id."""
        return {key_id(key): key for key in (await self.ask(self.replica.log_keys)).values()}

    def note_known(self, operation_ids: list[bytes]) -> None:
        """These operations are in the mailbox."""
        self.known.update(ident[:_KNOWN_BYTES] for ident in operation_ids)

    def is_known(self, operation_id: bytes) -> bool:
        """Whether an operation is in the mailbox."""
        return operation_id[:_KNOWN_BYTES] in self.known

    async def objects(self, folder: str, stream: Stream, after: str = "") -> tuple[list[ObjectName], list[ObjectName]]:
        """The objects of a stream that are there whole, as far as the listing tells, and those that are not."""
        listed = await self.storage.list(self.layout.stream(folder, stream), after)
        sizes = {file.name: file.size for file in listed}
        names = read_names(sizes)
        partial = [name for name in names if sizes[str(name)] not in (None, name.size)]
        return [name for name in names if name not in set(partial)], partial

    async def read(self, folder: str, stream: Stream, name: ObjectName) -> bytes | None:
        """The content of an object; None if it is not there (yet)."""
        data = await self.storage.read(f"{self.layout.stream(folder, stream)}{name}", name.size)
        return data if data is not None and name.fits(data) else None


def spot(folder: str, stream: Stream, name: ObjectName) -> Spot:
    """Where an object belongs."""
    return Spot(folder, stream, name.first, name.last)


def _read(data: bytes | None) -> Progress:
    """What was kept; nothing if it is of another form: then all is read and brought again."""
    if data is None:
        return Progress()
    try:
        return msgspec.convert(decode(data), Progress, builtin_types=(bytes,))
    except (ProtocolError, msgspec.ValidationError):
        return Progress()


async def together(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run calls side by side, wait for all, then raise the first error if there is one."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
