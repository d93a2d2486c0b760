"""Bringing into a mailbox what this device has.

Nothing leaves before the store has recorded durably that it may have left. Objects first, then the head that announces
them, then the head before is deleted. After a crash or an error everything that is not known to be there is brought
again, at other boundaries perhaps: readers do not mind.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sync.crypto import domain_hash
from sync.membership.bodies import Epoch
from sync.membership.epoch import key_id
from sync.membership.operation import Operation, decode_operation
from sync.protocol.address import Address
from sync.protocol.addresses import encode_address
from sync.protocol.mailbox import Head, ObjectName, Stream, read_name
from sync.protocol.mailbox_objects import Spot
from sync.protocol.mailbox_upkeep import LARGE_BYTES
from sync.transports.mailbox_progress import Box, together
from sync.transports.storage import StorageError

BATCH_BYTES = 512 << 10
"""What entries and operations of one object are about at most, so that large single ones still fit."""
PIECE_BYTES = 96 << 10
"""What is asked of the store, and later given to another's, at a time: its thread has other things to do."""
_ENVELOPES = 1024
PART_BYTES = LARGE_BYTES
_TOGETHER = 4
_BLOBS = 64
_ADDRESS = "lovelace/mailbox-address/1"


@dataclass(slots=True)
class Published:
    """What was brought. unsafe: nothing can be, as long as no epoch is safe to write under."""

    entries: int = 0
    operations: int = 0
    blobs: int = 0
    bytes: int = 0
    unsafe: bool = False


@dataclass(frozen=True, slots=True)
class _Object:
    stream: Stream
    name: ObjectName
    data: bytes


@dataclass(frozen=True, slots=True)
class _Unknown:
    """An operation that is not in the mailbox."""

    log: bytes
    operation: Operation


class Writer:
    """Writes this device's folder of one mailbox."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.address: Address | None = None
        """Where this device may be reached; None leaves what stands there."""

    async def publish(self, key: bytes, done: Published) -> None:
        """Bring everything that is not there; key: the log key to seal under. StorageError if it cannot be."""
        await self._operations(key, done)
        await self._entries(done)
        await self._address(key)
        await self._blobs(key, done)

    async def _operations(self, key: bytes, done: Published) -> None:
        """Bring the operations that nobody brought yet."""
        box = self._box
        for chunk in _chunks(await self._unknown()):
            box.progress.reserved += 1  # never twice the same last number: a reader might have read that
            first, last = box.progress.operations + 1, box.progress.reserved
            await box.save()
            logs: dict[bytes, list[bytes]] = {}
            for each in chunk:
                logs.setdefault(each.log, []).append(each.operation.encoded)
            keys = [key, *await self._keys_before(chunk[-1].operation)]
            data = box.sealer.seal_operations(Spot(box.own, "operations", first, last), logs, keys)
            await self.write([self.object("operations", first, last, data)], done)
            box.progress.operations = last
            box.note_known([each.operation.id for each in chunk])
            await box.save(known=True)
            done.operations += len(chunk)

    async def _keys_before(self, operation: Operation) -> list[bytes]:
        """Log keys of the epochs that this one follows: whoever has one of them has a right to the next."""
        if not isinstance(operation.body, Epoch):
            return []
        keys = await self._box.ask(self._box.replica.log_keys)
        return [keys[parent] for parent in operation.body.parents if parent in keys]

    async def _unknown(self) -> list[_Unknown]:
        """Operations that are not in the mailbox, parents first."""
        box = self._box

        def find() -> list[tuple[bytes, bytes]]:
            found: list[tuple[bytes, bytes]] = []
            for log in box.replica.logs():
                idents = frozenset(ident for ident in box.replica.operation_ids(log) if not box.is_known(ident))
                found += [(log, encoded) for encoded in box.replica.operations(log, idents)] if idents else []
            return found

        return [_Unknown(log, decode_operation(encoded)) for log, encoded in await box.ask(find)]

    async def _entries(self, done: Published) -> None:
        """Bring own entries that are not there yet."""
        box = self._box
        while await self.bring(box.progress.entries, None, done):
            await box.save()

    async def bring(self, n: int, last: int | None, done: Published) -> list[ObjectName]:
        """Bring some own entries after n, or all of them up to `last`; gives what was written."""
        progress = self._box.progress
        written: list[ObjectName] = []
        while last is None or n < last:
            objects: list[_Object] = []
            while len(objects) < _TOGETHER and (last is None or n < last):
                found = await self._collect(n)
                if found is None:
                    break
                objects.append(found)
                n = found.name.last
            await self.write(objects, done)
            written += [each.name for each in objects]
            if last is None:
                progress.entries = max(n, progress.entries)
            if last is None or len(objects) < _TOGETHER:
                break
        done.entries += sum(name.last - name.first + 1 for name in written)
        return written

    async def _collect(self, n: int) -> _Object | None:
        """An object with own entries after n; None if there are none, or none that may leave."""
        box = self._box
        envelopes: list[bytes] = []
        first, more = n + 1, True
        while more and sum(map(len, envelopes)) < BATCH_BYTES and len(envelopes) < _ENVELOPES:
            out = await box.ask(lambda n=n: box.replica.entries_after(n, PIECE_BYTES))  # type: ignore[misc]
            if not out.envelopes or out.after <= n:
                break
            envelopes += out.envelopes
            n, more = out.after, not out.done
        if not envelopes:
            return None
        await box.ask(lambda: box.replica.publishing(n))
        return self.object(
            "entries", first, n, box.sealer.seal_envelopes(Spot(box.own, "entries", first, n), envelopes)
        )

    def object(self, stream: Stream, first: int, last: int, data: bytes) -> _Object:
        """An object with its name."""
        return _Object(stream, ObjectName.of(first, last, self._box.today(), data), data)

    async def write(self, objects: Sequence[_Object], done: Published) -> None:
        """Write objects side by side; what failed is removed again if that is possible."""
        await together([self._write(f"{self._place(each.stream)}{each.name}", each.data, done) for each in objects])

    async def _write(self, path: str, data: bytes, done: Published) -> None:
        try:
            await self._box.storage.write(path, data)
        except StorageError:
            with suppress(StorageError):
                await self._box.storage.delete(path)
            raise
        done.bytes += len(data)

    def _place(self, stream: Stream) -> str:
        return self._box.layout.stream(self._box.own, stream)

    async def _address(self, key: bytes) -> None:
        """Say where this device may be reached, if that changed or the key did; then remove what stood there."""
        box, address = self._box, self.address
        if address is None:
            return
        stands = domain_hash(_ADDRESS, encode_address(address), key_id(key))
        if stands == box.progress.address:
            return
        box.progress.addresses += 1
        await box.save()
        number = box.progress.addresses
        data = box.sealer.seal_address(Spot(box.own, "addresses", number, number), address, key)
        await self.write([self.object("addresses", number, number, data)], Published())
        box.progress.address = stands
        await box.save()
        names, _ = await box.objects(box.own, "addresses")
        old = [name for name in names if name.last < number]
        await together([box.storage.delete(f"{self._place('addresses')}{name}") for name in old])

    async def _blobs(self, key: bytes, done: Published) -> None:
        box = self._box
        more = True
        while more:
            cursor = box.progress.blobs
            listed = await box.ask(lambda at=cursor: box.replica.blobs_after(at, _BLOBS))  # type: ignore[misc]
            for blob in listed.blobs:
                await self._blob(blob, key, done)
            box.progress.blobs = max(cursor, listed.after)
            more = not listed.done and listed.after > cursor
            if listed.blobs:
                await box.save()

    async def _blob(self, blob: bytes, key: bytes, done: Published) -> None:
        """Bring a blob in parts, those that are not there."""
        box = self._box
        place = box.layout.blob(box.own, blob)
        names = [read_name(file.name) for file in await box.storage.list(place)]
        there = {name.first for name in names if name is not None}
        kind, offset = "blobs/" + place.split("/")[-2], 0
        while True:
            part = await box.ask(lambda at=offset: box.replica.blob(blob, at, PART_BYTES))  # type: ignore[misc]
            if part is None:
                return
            if offset not in there:
                data = box.sealer.seal_part(Spot(box.own, kind, offset, part.total), part.data, key)
                name = ObjectName.of(offset, part.total, box.today(), data)
                await self._write(f"{place}{name}", data, done)
            offset += len(part.data)
            if offset >= part.total or not part.data:
                done.blobs += 1
                return

    async def announce(self, heads: frozenset[Head]) -> frozenset[Head]:
        """Write the next marker if those that are there tell something else, then remove them; gives what is there."""
        box, progress = self._box, self._box.progress
        lasts = progress.entries, progress.operations, progress.addresses
        current = [head for head in heads if (head.entries, head.operations, head.addresses) == lasts]
        if lasts == (0, 0, 0) or (current and len(heads) == 1):
            return heads
        if current:
            keep = max(current, key=lambda head: head.count)
        else:
            progress.count += 1
            await box.save()
            keep = Head(box.own, progress.count, *lasts)
            await box.storage.write(f"{box.layout.heads}{keep}", b"")
        await together([box.storage.delete(f"{box.layout.heads}{head}") for head in heads - {keep}])
        return frozenset({keep})


def _chunks(operations: Sequence[_Unknown]) -> list[list[_Unknown]]:
    """Pieces of about `BATCH_BYTES`; what begins an epoch is the last of its piece."""
    chunks: list[list[_Unknown]] = []
    size = BATCH_BYTES
    for each in operations:
        if size >= BATCH_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(each)
        size += BATCH_BYTES if isinstance(each.operation.body, Epoch) else len(each.operation.encoded)
    return chunks
