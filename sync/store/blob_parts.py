"""Blobs in pieces, as they travel between devices.

On the wire a blob is the content of its row, or its sealed file as it lies on the disk; its id tells which of the two
arrived, and whether it is whole. What has come so far waits in a file beside the blobs, so that a transfer goes on
where it was cut off.
"""

from __future__ import annotations

from pathlib import Path

from sync.crypto import domain_hash
from sync.errors import ProtocolError, StoreError
from sync.protocol.replica import BlobPart
from sync.store.blobs import BLOB_FILE_DOMAIN, BlobStore, row_blob_id
from sync.store.database import Connection
from sync.store.durable import make_folder

MAX_BLOB_BYTES = 1 << 30


class BlobParts:
    """Reads and keeps pieces of the blobs of a home."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, connection: Connection, blob: bytes, offset: int, limit: int) -> BlobPart | None:
        """A piece of a blob; None if it is not on this device, or has no such offset."""
        path = self._blobs.path(blob)
        try:
            with path.open("rb") as file:
                total = path.stat().st_size
                file.seek(offset)
                data = file.read(limit)
        except OSError:
            content = self._blobs.find(connection, blob, None)
            if content is None:
                return None
            total, data = len(content), content[offset : offset + limit]
        return BlobPart(offset, total, data) if offset <= total else None

    def keep(self, connection: Connection, blob: bytes, part: BlobPart) -> int:
        """Keep what is new of a piece; gives the offset that is wanted next, which is the total once the blob is whole.

        ProtocolError: the pieces do not make up the blob; they are forgotten.
        """
        if self._blobs.is_here(connection, blob):
            return part.total
        if part.total > MAX_BLOB_BYTES or part.offset + len(part.data) > part.total:
            raise ProtocolError("A piece of a blob does not fit into it.")
        path, have = self._blobs.arriving(blob), self._blobs.arrived_bytes(blob)
        new = part.data[have - part.offset :] if part.offset <= have else b""
        if not new and part.total:
            return have
        try:
            make_folder(path.parent)
            with path.open("ab") as file:
                file.write(new)
        except OSError as error:
            raise StoreError(f"The file {path} cannot be written: {error.strerror}. Nothing was lost.") from error
        have += len(new)
        if have == part.total:
            self._complete(connection, blob, path)
        return have

    def _complete(self, connection: Connection, blob: bytes, path: Path) -> None:
        data = path.read_bytes()
        path.unlink()
        if domain_hash(BLOB_FILE_DOMAIN, data) == blob:
            self._blobs.put_file(blob, data)
        elif row_blob_id(data) == blob:
            self._blobs.put(connection, data, bytes(32))
        else:
            raise ProtocolError("A blob came that is not what its id says.")
