"""Blobs: large payloads that events refer to, kept outside the event log so that they can be erased.

Up to 256 KiB: a row of the database (deflated where that helps), id = H(content). Larger: a file in the home, sealed in
chunks of 64 KiB under a key of its own that stands in the referencing event, id = H(ciphertext): the same bytes on
disk, on the wire and in a mailbox. The key is derived from a secret of the workspace and the content, so that two
devices that import one transcript make equal blobs, and nobody outside the workspace can tell what a blob holds.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from nacl import bindings
from nacl.exceptions import CryptoError

from sync.crypto import derive_key, domain_hash
from sync.errors import DamagedError, StoreError
from sync.store.database import Connection
from sync.store.durable import make_folder, sync_folder

ROW_BYTES = 256 * 1024
CHUNK_BYTES = 64 * 1024
BLOB_FILE_DOMAIN = "lovelace/blob-file/1"
_TAG_BYTES = 16
_RAW, _DEFLATED = b"\0", b"\1"


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """id: 32 bytes. size: of the content. key: 32 bytes for a sealed file, None for a row."""

    id: bytes
    size: int
    key: bytes | None


class BlobStore:
    """Blobs of one home; `folder` holds the sealed files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, connection: Connection, content: bytes, secret: bytes) -> StoredBlob:
        """Keep content (again is free). secret: of the workspace, for the key of a sealed file."""
        if len(content) <= ROW_BYTES:
            return self._put_row(connection, content)
        digest = hashlib.blake2b(content, digest_size=32).digest()
        return self.put_sealed(content, derive_key(secret, "lovelace/blob-key/1", digest))

    def put_sealed(self, content: bytes, key: bytes) -> StoredBlob:
        """Keep content as a file under a given key; equal content and key make an equal file."""
        sealed = b"".join(_seal_chunks(content, key))
        blob_id = domain_hash(BLOB_FILE_DOMAIN, sealed)
        path = self.path(blob_id)
        if not _has_size(path, len(sealed)):
            _write_file(path, sealed)
        return StoredBlob(blob_id, len(content), key)

    def get(self, connection: Connection, blob_id: bytes, key: bytes | None) -> bytes:
        """The content; raises StoreError when it is not here, DamagedError when it is not what the id says."""
        return self._get_row(connection, blob_id) if key is None else self._get_file(blob_id, key)

    def find(self, connection: Connection, blob_id: bytes, key: bytes | None) -> bytes | None:
        """The content, or None when the blob is not on this device or not what it should be."""
        try:
            return self.get(connection, blob_id, key)
        except StoreError:
            return None

    def delete_file(self, blob_id: bytes) -> None:
        """Remove the sealed file of a blob, and what has come of it, if there is one."""
        for path in (self.path(blob_id), self.arriving(blob_id)):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(f"The file {path} cannot be removed: {error.strerror}.") from error

    def _put_row(self, connection: Connection, content: bytes) -> StoredBlob:
        blob_id = row_blob_id(content)
        deflated = zlib.compress(content, 1)
        data = _DEFLATED + deflated if len(deflated) < len(content) else _RAW + content
        connection.execute("INSERT OR IGNORE INTO blob VALUES(?,?,?)", (blob_id, len(content), data))
        return StoredBlob(blob_id, len(content), None)

    def _get_row(self, connection: Connection, blob_id: bytes) -> bytes:
        row = connection.execute("SELECT size, data FROM blob WHERE id=?", (blob_id,)).fetchone()
        if row is None:
            raise StoreError(f"Blob {blob_id.hex()[:12]} is not on this device.")
        content = _unpack(*row)
        if row_blob_id(content) != blob_id:
            raise DamagedError(f"Blob {blob_id.hex()[:12]} is damaged. Restore the database from a backup.")
        return content

    def _get_file(self, blob_id: bytes, key: bytes) -> bytes:
        path = self.path(blob_id)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError as error:
            raise StoreError(f"Blob {blob_id.hex()[:12]} is not on this device.") from error
        except OSError as error:
            raise StoreError(f"The file {path} cannot be read: {error.strerror}.") from error
        if domain_hash(BLOB_FILE_DOMAIN, sealed) != blob_id:
            raise DamagedError(f"The file {path} is damaged. Restore it from a backup.")
        return _open_chunks(sealed, key)

    def put_file(self, blob_id: bytes, sealed: bytes) -> None:
        """Keep a sealed file that came from elsewhere; its id must have been checked."""
        if not _has_size(self.path(blob_id), len(sealed)):
            _write_file(self.path(blob_id), sealed)

    def is_here(self, connection: Connection, blob_id: bytes) -> bool:
        """Whether a blob is on this device, as a row or as a file."""
        row = connection.execute("SELECT 1 FROM blob WHERE id=?", (blob_id,)).fetchone()
        return row is not None or self.path(blob_id).exists()

    def arriving(self, blob_id: bytes) -> Path:
        """Where the beginning of a blob waits whose rest has not come yet."""
        return self.folder / "arriving" / blob_id.hex()

    def arrived_bytes(self, blob_id: bytes) -> int:
        """How much of a blob that is not here has come."""
        return _size(self.arriving(blob_id))

    def path(self, blob_id: bytes) -> Path:
        """Where the sealed file of a blob is, if there is one."""
        name = blob_id.hex()
        return self.folder / name[:2] / name


def row_blob_id(content: bytes) -> bytes:
    """The id of a content as a row of the database."""
    return domain_hash("lovelace/blob/1", content)


def _unpack(size: int, data: bytes) -> bytes:
    """The content of a row; something of another size if the row is damaged."""
    if data[:1] == _RAW:
        return bytes(data[1:])
    try:
        return zlib.decompressobj().decompress(data[1:], size + 1)
    except zlib.error:
        return b""


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _nonce(index: int, last: bool) -> bytes:
    """Each key seals one content only, so counting is enough; the last chunk is marked against truncation."""
    return bytes(15) + bytes((last,)) + index.to_bytes(8, "big")


def _seal_chunks(content: bytes, key: bytes) -> list[bytes]:
    starts = range(0, len(content) or 1, CHUNK_BYTES)
    return [
        bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
            content[at : at + CHUNK_BYTES], None, _nonce(index, at + CHUNK_BYTES >= len(content)), key
        )
        for index, at in enumerate(starts)
    ]


def _open_chunks(sealed: bytes, key: bytes) -> bytes:
    step = CHUNK_BYTES + _TAG_BYTES
    try:
        return b"".join(
            bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed[at : at + step], None, _nonce(index, at + step >= len(sealed)), key
            )
            for index, at in enumerate(range(0, len(sealed), step))
        )
    except CryptoError as error:
        raise DamagedError("A blob does not open with the key that its event names.") from error


def _write_file(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    try:
        make_folder(path.parent)
        import tempfile  # takes milliseconds, and most programs only read

        descriptor, temporary = tempfile.mkstemp(prefix="blob-", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            sync_folder(path.parent)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"The file {path} cannot be written: {error.strerror}. Nothing was lost.") from error
