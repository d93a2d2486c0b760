"""Care for one's own folder of a mailbox: what was lost is brought again, small objects become larger ones, what was
purged goes.

Now and then the folder is listed and compared with what should be there: storages lose files, and people delete them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync.errors import ProtocolError
from sync.membership.bodies import Epoch
from sync.membership.operation import decode_operation
from sync.protocol.mailbox import ObjectName, Stream
from sync.protocol.mailbox_objects import Spot
from sync.protocol.mailbox_replica import Erasure
from sync.protocol.mailbox_upkeep import MERGED_TOGETHER, gaps, merges, overlapping, replaced
from sync.transports.mailbox_progress import Box, spot, together
from sync.transports.mailbox_writing import Published, Writer

VERIFIED_AT_ONCE = 8


class Caretaker:
    """Keeps this device's folder in order."""

    def __init__(self, box: Box, writer: Writer) -> None:
        self._box = box
        self._writer = writer
        self._verified: set[ObjectName] = set()

    async def audit(self, key: bytes, done: Published) -> None:
        """Compare the folder with what should be there; StorageError if it cannot be read or written."""
        await self._audit_operations(key, done)
        await self._audit_entries(done)

    async def erase(self, done: Published) -> None:
        """Bring entries that were purged again, without what they said, and delete the objects that say it."""
        box = self._box
        for erasure in await box.ask(box.replica.erasures):
            if await self._erase(erasure, done):
                await box.ask(lambda each=erasure: box.replica.erased(each))  # type: ignore[misc]

    async def _audit_operations(self, key: bytes, done: Published) -> None:
        box = self._box
        names = await self._whole("operations")
        if gaps(names, box.progress.operations):  # which ones those were is not known: all of them again
            box.progress.operations = 0
            box.known.clear()
            return
        for row in merges(names):
            await self._merge_operations(row, key, done)
        await self._delete("operations", replaced(names, box.today()))

    async def _audit_entries(self, done: Published) -> None:
        box = self._box
        names = await self._whole("entries")
        for first, last in gaps(names, box.progress.entries):
            await self._writer.bring(first - 1, last, done)
        for name in names:
            if name.last > box.progress.entries:
                await self._look_into(name)
        if box.progress.device != box.replica.device:
            return
        for row in merges([name for name in names if name.last <= box.progress.entries]):
            await self._writer.bring(row[0].first - 1, row[-1].last, done)
        await self._delete("entries", replaced(names, box.today()))

    async def _look_into(self, name: ObjectName) -> None:
        """What this device did not write, as far as it knows: of a copy of its home, or from before a restored backup.

        The store sees which; a stranger's object does not open.
        """
        box = self._box
        data = await box.read(box.own, "entries", name)
        if data is None:
            return
        try:
            envelopes = box.sealer.open_envelopes(spot(box.own, "entries", name), data)
        except ProtocolError:
            return
        await box.ask(lambda: box.replica.receive(envelopes))

    async def _merge_operations(self, row: Sequence[ObjectName], key: bytes, done: Published) -> None:
        """Put operations that begin no epoch into one object; those that do stay as they are, for their keys' sake."""
        box = self._box
        keys = await box.log_keys()
        merged: list[ObjectName] = []
        logs: dict[bytes, dict[bytes, None]] = {}
        for name in [*row, None]:
            found = await self._plain_operations(name, keys) if name else None
            if name and found is not None:
                merged.append(name)
                for log, operations in found.items():
                    logs.setdefault(log, {}).update(dict.fromkeys(operations))
                continue
            if len(merged) >= MERGED_TOGETHER:
                first, last = merged[0].first, merged[-1].last
                listed = {log: list(operations) for log, operations in logs.items()}
                data = box.sealer.seal_operations(Spot(box.own, "operations", first, last), listed, [key])
                await self._writer.write([self._writer.object("operations", first, last, data)], done)
            merged, logs = [], {}

    async def _plain_operations(
        self, name: ObjectName, keys: Mapping[bytes, bytes]
    ) -> Mapping[bytes, Sequence[bytes]] | None:
        """The operations of an object; None if it does not open or one of them begins an epoch."""
        box = self._box
        data = await box.read(box.own, "operations", name)
        try:
            logs = box.sealer.open_operations(spot(box.own, "operations", name), data or b"", keys)
            decoded = [decode_operation(each) for operations in logs.values() for each in operations]
        except ProtocolError:
            return None
        return None if any(isinstance(operation.body, Epoch) for operation in decoded) else logs

    async def _erase(self, erasure: Erasure, done: Published) -> bool:
        box = self._box
        names, _ = await box.objects(box.own, "entries")
        hit = overlapping(names, erasure.numbers)
        for first, last in gaps([name for name in names if name not in hit], max((n.last for n in hit), default=0)):
            written = await self._writer.bring(first - 1, last, done)
            if gaps(written, last)[1:] or not written or written[-1].last < last:
                return False
        await self._delete("entries", hit)
        for blob in erasure.blobs:
            place = box.layout.blob(box.own, blob)
            await together([box.storage.delete(place + file.name) for file in await box.storage.list(place)])
        return True

    async def _whole(self, stream: Stream) -> list[ObjectName]:
        """The objects of a stream that are whole; the others are deleted. Each audit reads a few, newest first."""
        box = self._box
        names, damaged = await box.objects(box.own, stream)
        unread = sorted((name for name in names if name not in self._verified), key=lambda name: name.last)
        for name in unread[-VERIFIED_AT_ONCE:]:
            if await box.read(box.own, stream, name) is None:
                damaged.append(name)
            else:
                self._verified.add(name)
        await self._delete(stream, damaged)
        return [name for name in names if name not in damaged]

    async def _delete(self, stream: Stream, names: list[ObjectName]) -> None:
        place = self._box.layout.stream(self._box.own, stream)
        await together([self._box.storage.delete(f"{place}{name}") for name in names])
