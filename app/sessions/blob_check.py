"""Whether the blobs that events refer to are here and sound, and which are here that nothing refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.sessions.bodies import decode_common
from app.sessions.packing import unpack_body
from sync.errors import StoreError
from sync.store.backup import blob_files, is_sound_blob
from sync.store.blobs import BlobStore
from sync.store.database import Connection


@dataclass(frozen=True, slots=True)
class BlobState:
    """missing, damaged, unused: ids in hex. count: of all that are here. unused_bytes: of files without a reference."""

    count: int
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    unused: tuple[str, ...]
    unused_bytes: int


def check_blobs(
    home: Path,
    blobs: BlobStore,
    connection: Connection,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> BlobState:
    """Read every blob of a home. Files are listed before references are, so that one of a running append is not
    taken for unused; progress gets the number of blobs read, and of all."""
    files = {path.name: path for path in blob_files(home)}
    rows = [bytes(row[0]) for row in connection.execute("SELECT id FROM blob")]
    used = set(_references(connection))
    damaged = []
    for count, (name, is_sound) in enumerate(_read(files, rows, blobs, connection)):
        progress(count, len(files) + len(rows))
        if not is_sound:
            damaged.append(name)
    here = files.keys() | {row.hex() for row in rows}
    missing = [name for name in sorted(used - here) if not (home / "blobs" / name[:2] / name).exists()]
    unused = sorted(here - used)
    size = sum(files[name].stat().st_size for name in unused if name in files)
    return BlobState(len(here), tuple(missing), tuple(damaged), tuple(unused), size)


def _read(
    files: dict[str, Path], rows: list[bytes], blobs: BlobStore, connection: Connection
) -> Iterator[tuple[str, bool]]:
    for name, path in files.items():
        try:
            yield name, is_sound_blob(path)
        except FileNotFoundError:  # erased since it was listed
            continue
        except OSError:
            yield name, False
    for row in rows:
        try:
            blobs.get(connection, row, None)
            yield row.hex(), True
        except StoreError:
            yield row.hex(), False


def _references(connection: Connection) -> Iterator[str]:
    """Ids in hex of payloads, and of bodies that were too long for a document."""
    for (blob,) in connection.execute("SELECT DISTINCT blob FROM session_blob"):
        yield blob
    for (body,) in connection.execute("SELECT body FROM event"):
        data = unpack_body(body)
        while b"blob" in data and (common := decode_common(data)) is not None:
            if common.blob is not None:
                yield common.blob.id
            data = (common.body or "").encode()
