"""Care for one's own folder of a mailbox: what was lost is brought again, small objects become larger ones, what was
purged goes.

Now and then the folder is listed and compared with what should be there: storages lose files, and people delete them.
"""

from __future__ import annotations

from sync.errors import MembershipError, ProtocolError
from sync.protocol.mailbox import ObjectName, Stream
from sync.protocol.mailbox_objects import Spot
from sync.protocol.mailbox_replica import Erasure
from sync.protocol.mailbox_upkeep import gaps, merges, overlapping, replaced
from sync.transports.mailbox_progress import Box, spot, together
from sync.transports.mailbox_writing import Published, Writer


class Caretaker:
    """Keeps this device's folder in order."""

    def __init__(self, box: Box, writer: Writer) -> None:
        self._box = box
        self._writer = writer

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

    async def _merge_operations(self, row: tuple[ObjectName, ...], key: bytes, done: Published) -> None:
        box = self._box
        keys = await box.ask(box.replica.log_keys)
        logs: dict[bytes, dict[bytes, None]] = {}
        for name in row:
            data = await box.read(box.own, "operations", name)
            if data is None:
                return
            try:
                for log, operations in box.sealer.open_operations(
                    spot(box.own, "operations", name), data, keys
                ).items():
                    logs.setdefault(log, {}).update(dict.fromkeys(operations))
            except (ProtocolError, MembershipError):
                return
        first, last = row[0].first, row[-1].last
        merged = {log: list(operations) for log, operations in logs.items()}
        data = box.sealer.seal_operations(Spot(box.own, "operations", first, last), merged, key)
        await self._writer.write([self._writer.object("operations", first, last, data)], done)

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
        """The objects of a stream; those that are there in part only are deleted."""
        names, partial = await self._box.objects(self._box.own, stream)
        await self._delete(stream, partial)
        return names

    async def _delete(self, stream: Stream, names: list[ObjectName]) -> None:
        place = self._box.layout.stream(self._box.own, stream)
        await together([self._box.storage.delete(f"{place}{name}") for name in names])
