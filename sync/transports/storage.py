"""What a mailbox needs of a storage: four operations, none of which compares, renames or overwrites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from sync.errors import TransportError

Trouble = Literal["gone", "refused", "full", "read-only", "slow", "failed"]
"""Not there or not reachable · credentials not accepted · no space · may not be written · no answer in time · else."""

MAX_LISTED = 200_000
"""Names of one folder that are looked at."""


class StorageError(TransportError):
    """A storage did not do what it should; the text is for people, `trouble` for a state that is shown."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a folder. size: None where the listing does not tell."""

    name: str
    size: int | None


class Storage(Protocol):
    """A tree of files. Paths are relative, parts divided by "/"; a folder's path ends with "/"."""

    @property
    def folder(self) -> Path | None:
        """Where it lies on this computer, if changes there can be watched."""
        ...

    async def list(self, folder: str, after: str = "") -> Sequence[Listed]:
        """The files in a folder, with names above `after`, ascending; empty if there is no such folder."""
        ...

    async def read(self, path: str, size: int) -> bytes | None:
        """The first `size` bytes of a file, at least 1; None if there is none or it is shorter."""
        ...

    async def write(self, path: str, data: bytes) -> None:
        """Make a file that was not there before. After an error it may be there in part."""
        ...

    async def delete(self, path: str) -> None:
        """Remove a file; no error if there is none."""
        ...
