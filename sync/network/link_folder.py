"""Where published copies lie: the same paths in a folder, below a URL, or in a storage.

    <link id>/head          the head, written last and replaced with every refresh
    <link id>/<hash>        an object

Nothing in a path or a name says what it is of. Whoever can list the place sees how many links there are, how large
their copies are and when they change.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from sync.errors import StoreError, TransportError
from sync.store.durable import make_folder

HEAD = "head"


class LinkReader(Protocol):
    """A place that copies can be read from."""

    async def read(self, path: str, limit: int) -> bytes | None:
        """What is there; None if nothing is, or more than `limit` bytes. TransportError: it cannot be reached."""
        ...


class LinkStorage(Protocol):
    """A place that copies can be published in; the storages of mailboxes are such."""

    async def write(self, path: str, data: bytes) -> None:
        """Put something there, in the place of what was there before. TransportError."""
        ...

    async def delete(self, path: str) -> None:
        """Remove something; free if it is not there. TransportError."""
        ...


def head_path(link: bytes) -> str:
    """Where the head of a link's copy lies."""
    return f"{link.hex()}/{HEAD}"


def object_path(link: bytes, name: bytes) -> str:
    """Where an object of a link's copy lies."""
    return f"{link.hex()}/{name.hex()}"


class LinkFolder:
    """A folder with copies; the methods with `_now` are the same without a loop.

    private: only this user may look into it.
    """

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self.folder = folder
        self._private = private

    async def read(self, path: str, limit: int) -> bytes | None:
        return await asyncio.to_thread(self.read_now, path, limit)

    async def write(self, path: str, data: bytes) -> None:
        try:
            await asyncio.to_thread(self.write_now, path, data)
        except StoreError as error:
            raise TransportError(str(error)) from error

    async def delete(self, path: str) -> None:
        try:
            await asyncio.to_thread(self.delete_now, path)
        except StoreError as error:
            raise TransportError(str(error)) from error

    def read_now(self, path: str, limit: int) -> bytes | None:
        """As `read`; TransportError where the folder itself is not there."""
        try:
            with (self.folder / path).open("rb") as file:
                data = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            if not self.folder.is_dir():
                raise TransportError(f"The folder {self.folder} is not there.") from None
            return None
        except OSError as error:
            raise TransportError(f"{self.folder / path} cannot be read: {error.strerror}.") from error
        return data if len(data) <= limit else None

    def write_now(self, path: str, data: bytes) -> None:
        """As `write`; StoreError. Whoever reads meanwhile finds the old content or the new one."""
        target = self.folder / path
        try:
            if self._private:
                make_folder(target.parent)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".", dir=target.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o600 if self._private else 0o644)
                os.replace(temporary, target)
            finally:
                Path(temporary).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{target} cannot be written: {error.strerror}.") from error

    def delete_now(self, path: str) -> None:
        """As `delete`; StoreError. A folder that is empty then goes too."""
        target = self.folder / path
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{target} cannot be removed: {error.strerror}.") from error
        with contextlib.suppress(OSError):
            target.parent.rmdir()

    def names_now(self, link: bytes) -> set[str]:
        """Names of the objects of a link that are here."""
        try:
            return set(os.listdir(self.folder / link.hex()))
        except OSError:
            return set()

    def remove_older_now(self, than_ms: int) -> None:
        """Remove everything of links of which nothing was written since a time (milliseconds)."""
        with contextlib.suppress(OSError):
            for entry in list(os.scandir(self.folder)):
                if entry.stat().st_mtime * 1000 < than_ms:
                    shutil.rmtree(entry.path, ignore_errors=True)

    def remove_now(self, link: bytes) -> None:
        """Remove everything of a link."""
        shutil.rmtree(self.folder / link.hex(), ignore_errors=True)
