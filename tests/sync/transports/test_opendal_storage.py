"""What every storage must do, and how each says what is wrong."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sync.errors import TransportError
from sync.transports.opendal_storage import OpendalStorage, open_storage
from sync.transports.storage import Listed, StorageError
from sync.transports.storage_uri import read_uri
from tests.helpers.storage_servers import SECRET
from tests.sync.transports.storages import connect

Use = Callable[[OpendalStorage], Awaitable[object]]
CALLS: list[Use] = [
    lambda storage: storage.list("v1/a/"),
    lambda storage: storage.read("v1/a/x", 1),
    lambda storage: storage.write("v1/a/new", b"1"),
    lambda storage: storage.delete("v1/a/x"),
]


def troubles(storage: OpendalStorage, calls: list[Use] = CALLS) -> list[str]:
    """What each call says is wrong; "" where nothing is."""

    async def tell(call: Use) -> str:
        try:
            await call(storage)
        except StorageError as error:
            assert "Backtrace" not in str(error) and SECRET not in str(error)
            assert str(error)[0].isupper() and str(error)[-1] == "."
            return error.trouble
        return ""

    async def tell_all() -> list[str]:
        return [await tell(call) for call in calls]

    return asyncio.run(tell_all())


def test_files_are_written_listed_read_and_deleted(any_storage: str) -> None:
    async def use() -> None:
        storage = connect(any_storage)
        assert await storage.list("v1/use/") == []
        await asyncio.gather(*(storage.write(f"v1/use/{n:03}", bytes([n]) * n) for n in range(40)))
        listed = await storage.list("v1/use/")
        assert listed == [Listed(f"{n:03}", n) for n in range(40)]
        assert await storage.read("v1/use/007", 7) == b"\x07" * 7
        assert await storage.read("v1/use/007", 3) == b"\x07" * 3
        assert await storage.read("v1/use/007", 8) is None
        assert await storage.read("v1/use/nothing", 1) is None
        await storage.delete("v1/use/007")
        await storage.delete("v1/use/007")
        assert await storage.read("v1/use/007", 7) is None
        assert len(await storage.list("v1/use/")) == 39

    asyncio.run(use())


def test_a_listing_begins_after_a_name_and_leaves_folders_out(any_storage: str) -> None:
    async def use() -> None:
        storage = connect(any_storage)
        for name in ("a", "b", "c/below"):
            await storage.write(f"v1/after/{name}", b"1")
        assert [file.name for file in await storage.list("v1/after/")] == ["a", "b"]
        assert [file.name for file in await storage.list("v1/after/", "a")] == ["b"]
        assert [file.name for file in await storage.list("v1/after/", "a~")] == ["b"]
        assert await storage.list("v1/after/", "b~") == []

    asyncio.run(use())


def test_the_first_writes_into_new_folders_at_the_same_time(any_storage: str) -> None:
    async def use() -> None:
        storage, other = connect(any_storage), connect(any_storage)
        await asyncio.gather(*(storage.write(f"v1/new/{n}/x", b"1") for n in range(8)))
        await asyncio.gather(*(other.write(f"v1/new/{n}/y", b"1") for n in range(8)))
        for n in range(8):
            assert [file.name for file in await storage.list(f"v1/new/{n}/")] == ["x", "y"]

    asyncio.run(use())


@pytest.mark.external
def test_wrong_credentials_are_refused(any_storage: str) -> None:
    if any_storage.startswith("file:"):
        return
    assert troubles(connect(any_storage.replace(SECRET, "wrong"))) == ["refused"] * 4


@pytest.mark.external
def test_a_bucket_that_is_not_there_is_named(any_storage: str) -> None:
    if not any_storage.startswith("s3:"):
        return
    storage = connect(any_storage.replace("@mailbox/", "@nothing/"))
    with pytest.raises(StorageError, match=r"There is no bucket for s3://nothing/some/folder"):
        asyncio.run(storage.list("v1/a/"))


@pytest.mark.parametrize("form", ["s3://k:s@bucket/x?endpoint=http://127.0.0.1:{}", "webdav://k:s@127.0.0.1:{}/x"])
def test_a_server_that_is_not_there_is_gone(form: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert troubles(connect(form.format(taken.getsockname()[1])), CALLS[:3]) == ["gone"] * 3


@pytest.mark.parametrize("form", ["s3://k:s@bucket/x?endpoint=http://127.0.0.1:{}", "webdav://k:s@127.0.0.1:{}/x"])
def test_a_server_that_does_not_answer_is_slow(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        storage = connect(form.format(silent.getsockname()[1]), seconds=0.3)
        assert troubles(storage, CALLS[:3]) == ["slow"] * 3


def test_a_folder_that_went_away_is_gone_and_is_not_made_anew(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    storage = connect(str(tmp_path / "stick"))
    shutil.rmtree(tmp_path / "stick")
    assert troubles(storage) == ["gone"] * 4
    assert not (tmp_path / "stick").exists()
    with pytest.raises(StorageError, match=r"There is no folder .*stick") as error:
        connect(str(tmp_path / "stick"))
    assert error.value.trouble == "gone"


def test_a_file_where_the_folder_was_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    storage = connect(str(tmp_path / "stick"))
    (tmp_path / "stick").rmdir()
    (tmp_path / "stick").write_text("")
    assert troubles(storage, CALLS[2:3]) == ["gone"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may mount")
@pytest.mark.parametrize(("options", "expected"), [("size=64k", "full"), ("ro", "read-only")])
def test_a_full_or_read_only_disk_is_called_so(tmp_path: Path, options: str, expected: str) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert troubles(connect(str(tmp_path)), [lambda s: s.write("v1/a/x", bytes(1 << 20))]) == [expected]
        assert troubles(connect(str(tmp_path)), [lambda s: s.list("v1/a/")]) == [""]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_an_unknown_kind_of_storage_is_refused_in_a_sentence() -> None:
    with pytest.raises(TransportError, match="Lovelace knows no storage of the kind gopher://"):
        open_storage(read_uri("gopher://host/path"))


def test_another_storage_of_opendal_can_be_tried() -> None:
    place = read_uri("memory:///any")
    assert not place.tested

    async def use() -> None:
        storage = open_storage(place)
        await storage.write("v1/a/x", b"1")
        assert await storage.list("v1/a/") == [Listed("x", None)]
        assert await storage.read("v1/a/x", 1) == b"1"

    asyncio.run(use())
