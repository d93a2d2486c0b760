"""Storages over opendal: folders, S3, WebDAV, and untested what else it reaches.

- Every call has a time limit and is repeated after errors that may pass.
- The first write into each folder is alone: concurrent writes would make the parents twice, which WebDAV answers with
  423. Folders are never made by themselves: the marker of one confuses rclone's S3.
- `start_after` is sent only where the service knows it; folders and WebDAV ignore it silently.
- opendal would make the folder of a mailbox anew where a disk was taken out: that it is there is checked first.
"""

from __future__ import annotations

import asyncio
import errno
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import opendal
from opendal import exceptions
from opendal.layers import RetryLayer, TimeoutLayer

from sync.errors import TransportError
from sync.transports.storage import MAX_LISTED, Listed, StorageError, Trouble
from sync.transports.storage_uri import Place

CALL_SECONDS = 60.0
ANSWER_SECONDS = 20.0
RETRIES = 3

_ERRORS = tuple(
    value for value in vars(exceptions).values() if isinstance(value, type) and issubclass(value, Exception)
)
_OS_TROUBLES: dict[int, Trouble] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "full",
    errno.EROFS: "read-only",
    errno.EACCES: "read-only",
    errno.EPERM: "read-only",
    errno.ENOENT: "gone",
    errno.ENOTDIR: "gone",
    errno.ENODEV: "gone",
    errno.EIO: "gone",
    errno.ETIMEDOUT: "slow",
    errno.ECONNREFUSED: "gone",
}
_HTTP_TROUBLES: dict[str, Trouble] = {
    "401": "refused",
    "403": "refused",
    "404": "gone",
    "405": "read-only",
    "413": "full",
    "429": "slow",
    "503": "slow",
    "504": "slow",
    "507": "full",
}
_CREDENTIALS = re.compile("SignatureDoesNotMatch|InvalidAccessKeyId|ExpiredToken|InvalidToken")
_SENTENCES: dict[Trouble, str] = {
    "gone": "{where} cannot be reached. Work goes on here and is brought there as soon as it is back.",
    "refused": "{where} refuses the credentials. Check them in the settings of the mailbox.",
    "full": "{where} is full. Make room there, or choose another mailbox.",
    "read-only": "{where} may not be written to. Others' work still arrives; check the permissions.",
    "slow": "{where} does not answer in time. It is tried again by itself.",
    "failed": "{where} answers with an error: {detail}.",
}


def open_storage(place: Place, seconds: float = CALL_SECONDS) -> OpendalStorage:
    """The storage at a place; nothing is read or written yet. TransportError if it cannot be one."""
    if place.service == "fs" and not Path(place.options["root"]).is_dir():
        raise StorageError("gone", f"There is no folder {place.shown}. Make it, or connect the disk that holds it.")
    try:
        operator = opendal.AsyncOperator(place.service, **place.options)
    except exceptions.Unsupported as error:
        raise TransportError(f"Lovelace knows no storage of the kind {place.service}://.") from error
    except _ERRORS as error:
        raise TransportError(f"{place.shown} cannot be used: {_detail(error)}.") from error
    return OpendalStorage(operator, place, seconds)


class OpendalStorage:
    """A `Storage`; make it with `open_storage`. seconds: the longest that one call may take."""

    def __init__(self, operator: opendal.AsyncOperator, place: Place, seconds: float) -> None:
        answer = min(ANSWER_SECONDS, seconds)
        patient = operator.layer(TimeoutLayer(timeout=answer, io_timeout=answer))
        retry = RetryLayer(max_times=RETRIES, factor=2.0, jitter=True, min_delay=0.1, max_delay=2.0)
        self._operator = patient.layer(retry)
        self._place = place
        self._seconds = seconds
        self._skips = operator.capability().list_with_start_after
        self._made: set[str] = set()
        self._first = asyncio.Lock()
        self.folder = Path(place.options["root"]) if place.service == "fs" else None
        self._above = opendal.AsyncOperator("fs", root=str(self.folder.parent)) if self.folder else None

    async def list(self, folder: str, after: str = "") -> Sequence[Listed]:
        options: dict[str, Any] = {"start_after": folder + after} if after and self._skips else {}
        found: list[Listed] = []
        async with self._guarded():
            try:
                async for entry in await self._operator.list(folder, **options):
                    name = entry.path.removeprefix(folder)
                    if len(found) < MAX_LISTED and name > after and "/" not in name:
                        found.append(Listed(name, entry.metadata.content_length if self._place.tested else None))
            except exceptions.NotFound:
                return []  # nobody wrote into it yet
        return sorted(found, key=lambda listed: listed.name)

    async def read(self, path: str, size: int) -> bytes | None:
        async with self._guarded():
            try:
                return bytes(await self._operator.read(path, size=size))
            except (exceptions.NotFound, exceptions.IsADirectory, exceptions.RangeNotSatisfied):
                return None
            except exceptions.Unexpected as error:
                if "too little data" in str(error):  # how S3 and WebDAV tell that the range is not satisfied
                    return None
                raise

    async def write(self, path: str, data: bytes) -> None:
        folder = path.rpartition("/")[0]
        if folder in self._made:
            return await self._write(path, data)
        async with self._first:
            await self._write(path, data)
            self._made.add(folder)

    async def delete(self, path: str) -> None:
        async with self._guarded(writing=True):
            await self._operator.delete(path)

    async def _write(self, path: str, data: bytes) -> None:
        async with self._guarded(writing=True):
            await self._operator.write(path, data)

    @asynccontextmanager
    async def _guarded(self, writing: bool = False) -> AsyncIterator[None]:
        """A time limit, and errors as sentences."""
        try:
            async with asyncio.timeout(self._seconds):
                if self._above is not None and self.folder is not None:
                    await self._above.stat(f"{self.folder.name}/")
                yield
        except TimeoutError as error:
            raise self._error("slow", "") from error
        except _ERRORS as error:
            if "NoSuchBucket" in str(error):
                raise StorageError("gone", f"There is no bucket for {self._place.shown}. Check its name.") from error
            raise self._error(_trouble(error, writing), _detail(error)) from error

    def _error(self, trouble: Trouble, detail: str) -> StorageError:
        where = "The folder" if self.folder else "The storage"
        return StorageError(trouble, _SENTENCES[trouble].format(where=f"{where} {self._place.shown}", detail=detail))


def _trouble(error: Exception, writing: bool) -> Trouble:
    """What an error of opendal means: by the system's error number, by the status of HTTP, then by its kind."""
    text = str(error)
    if (found := re.search(r"\(os error (\d+)\)", text)) and (trouble := _OS_TROUBLES.get(int(found[1]))):
        return trouble
    status = re.search(r"status: (\d{3})", text)
    if status and (trouble := _HTTP_TROUBLES.get(status[1])):
        return "read-only" if writing and status[1] == "403" and not _CREDENTIALS.search(text) else trouble
    if isinstance(error, exceptions.RateLimited) or "timeout" in text.lower():
        return "slow"
    if isinstance(error, exceptions.NotFound) or "send http request" in text:
        return "gone"
    return "refused" if isinstance(error, exceptions.PermissionDenied) else "failed"


def _detail(error: Exception) -> str:
    """What opendal says in one line: its message and its source, without context and backtrace."""
    lines = [line.strip() for line in str(error).split("Backtrace:")[0].splitlines()]
    source = lines[lines.index("Source:") + 1 : lines.index("Source:") + 2] if "Source:" in lines else []
    return ": ".join([lines[0].partition("=>")[2].strip() or lines[0], *source])[:300].rstrip(".")
