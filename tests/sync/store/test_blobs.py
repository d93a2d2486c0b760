"""Blobs: what comes back is what was kept, or an error that says why not."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.crypto import domain_hash
from sync.errors import DamagedError, StoreError
from sync.store.blobs import CHUNK_BYTES, ROW_BYTES, BlobStore, StoredBlob
from sync.store.database import Connection, Database
from sync.store.migrations import migrate
from sync.store.schema import SYNC

SECRET, OTHER = b"s" * 32, b"o" * 32
STEP = CHUNK_BYTES + 16
LARGE = os.urandom(1000) * 400


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = Database(tmp_path / "lovelace.db", b"k" * 32, b"i" * 16)
    database.create()
    with contextlib.closing(database.writer()) as connection:
        migrate(connection, [SYNC], lambda: None)
        yield connection


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def _file(tmp_path: Path) -> Path:
    (path,) = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=300))
def test_rows(connection: Connection, blobs: BlobStore, content: bytes) -> None:
    for data in (content, content * 50):
        stored = blobs.put(connection, data, SECRET)
        assert (stored.size, stored.key) == (len(data), None)
        assert blobs.put(connection, data, OTHER) == stored
        assert blobs.get(connection, stored.id, None) == data


@pytest.mark.parametrize("size", [ROW_BYTES + 1, 5 * CHUNK_BYTES - 1, 5 * CHUNK_BYTES, 5 * CHUNK_BYTES + 1])
def test_files(connection: Connection, blobs: BlobStore, tmp_path: Path, size: int) -> None:
    content = (b"plain sentinel " * (size // 15 + 1))[:size]
    stored = blobs.put(connection, content, SECRET)
    assert stored.key is not None and stored.size == size
    assert blobs.get(connection, stored.id, stored.key) == content
    path = _file(tmp_path)
    assert path.name == stored.id.hex() and path.stat().st_mode & 0o777 == 0o600
    assert b"sentinel" not in path.read_bytes()
    assert connection.execute("SELECT count(*) FROM blob").fetchone() == (0,)


def test_equal_content_under_one_secret_is_one_blob_and_under_another_is_not(
    connection: Connection, blobs: BlobStore
) -> None:
    one = blobs.put(connection, LARGE, SECRET)
    assert blobs.put(connection, LARGE, SECRET) == one
    other = blobs.put(connection, LARGE, OTHER)
    assert other.id != one.id and other.key != one.key
    assert blobs.put(connection, LARGE + b"x", SECRET).key != one.key


def test_missing(connection: Connection, blobs: BlobStore, tmp_path: Path) -> None:
    for key in (None, b"k" * 32):
        with pytest.raises(StoreError, match="not on this device") as caught:
            blobs.get(connection, b"x" * 32, key)
        assert not isinstance(caught.value, DamagedError)
        assert blobs.find(connection, b"x" * 32, key) is None


def _damage(path: Path, data: bytes) -> None:
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:STEP],
        lambda data: data[: 2 * STEP],
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data[STEP : 2 * STEP] + data[:STEP] + data[2 * STEP :],
        lambda data: data[:100] + bytes((data[100] ^ 1,)) + data[101:],
        lambda data: data + data[-STEP:],
    ],
)
def test_damaged_files(connection: Connection, blobs: BlobStore, tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    stored = blobs.put(connection, LARGE, SECRET)
    path = _file(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedError, match=r"damaged\. Restore it from a backup"):
        blobs.get(connection, stored.id, stored.key)
    assert blobs.find(connection, stored.id, stored.key) is None
    # The same under an id that fits, as a peer might send it: the chunks themselves tell.
    data = path.read_bytes()
    forged = domain_hash("lovelace/blob-file/1", data)
    target = tmp_path / "blobs" / forged.hex()[:2] / forged.hex()
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(data)
    if data:
        with pytest.raises(DamagedError, match="does not open with the key"):
            blobs.get(connection, forged, stored.key)


def test_a_file_that_was_cut_off_is_written_again(connection: Connection, blobs: BlobStore, tmp_path: Path) -> None:
    stored = blobs.put(connection, LARGE, SECRET)
    os.truncate(_file(tmp_path), 100)
    blobs.put(connection, LARGE, SECRET)
    assert blobs.get(connection, stored.id, stored.key) == LARGE


@pytest.mark.parametrize("key", [b"k" * 32, b"", b"k" * 31, b"k" * 33])
def test_wrong_keys(connection: Connection, blobs: BlobStore, key: bytes) -> None:
    stored = blobs.put(connection, LARGE, SECRET)
    with pytest.raises(DamagedError, match="does not open with the key"):
        blobs.get(connection, stored.id, key)


def test_an_empty_sealed_file_is_sealed(connection: Connection, blobs: BlobStore) -> None:
    stored = blobs.put_sealed(b"", b"k" * 32)
    assert blobs.get(connection, stored.id, b"k" * 32) == b""
    with pytest.raises(DamagedError):
        blobs.get(connection, stored.id, b"x" * 32)


@pytest.mark.parametrize("data", [b"", b"\0other", b"\1garbage", b"\1" + b"\x78\x01\x03\x00\x00\x00\x00\x01", b"\2abc"])
def test_damaged_rows(connection: Connection, blobs: BlobStore, data: bytes) -> None:
    stored = blobs.put(connection, b"content " * 100, SECRET)
    connection.execute("UPDATE blob SET data=?", (data,))
    with pytest.raises(DamagedError, match="is damaged"):
        blobs.get(connection, stored.id, None)


def test_a_row_that_inflates_without_end_is_bounded(connection: Connection, blobs: BlobStore) -> None:
    import zlib

    stored = blobs.put(connection, b"content " * 100, SECRET)
    connection.execute("UPDATE blob SET data=?", (b"\1" + zlib.compress(bytes(1 << 26)),))
    with pytest.raises(DamagedError):
        blobs.get(connection, stored.id, None)


def test_many_threads_may_keep_the_same_file(blobs: BlobStore, tmp_path: Path) -> None:
    def put(_: int) -> StoredBlob:
        return blobs.put_sealed(LARGE, b"k" * 32)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(put, range(24)))) == 1
    assert _file(tmp_path).stat().st_size > len(LARGE)


def test_a_folder_that_cannot_be_made_is_our_error(connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot be written"):
        BlobStore(tmp_path / "blobs").put(connection, LARGE, SECRET)
