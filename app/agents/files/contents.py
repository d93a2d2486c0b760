"""What files held before they changed, without keeping the whole workspace in memory.

In this order: what the session itself knows of the file; a bounded copy of small files, read at the start of the turn
(the newest first, and none that git has); git, for files that were as committed. Of all others nobody saw what they
held; their changes are recorded without it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from app.agents.files.changes import UNSEEN, Side
from app.agents.files.git import GitView, view_git
from app.agents.files.tree import Signature
from app.sessions.diff import decode_text

FILE_BYTES = 256 * 1024
TOTAL_BYTES = 16 * 1024 * 1024
COPY_SECONDS = 1.0


class Contents:
    """Contents by absolute path. `git`: the repository of the first folder that has one."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self._roots = tuple(roots)
        self._views: tuple[GitView, ...] = ()
        self._known: dict[str, Side] = {}
        self._copies: dict[str, bytes] = {}
        self._left = TOTAL_BYTES

    @property
    def git(self) -> GitView | None:
        return self._views[0] if self._views else None

    def read_git(self) -> None:
        """Ask git about the folders. Blocks."""
        self._views = tuple(view for root in self._roots if (view := view_git(root)) is not None)

    def copy(self, files: Iterable[tuple[str, Signature]]) -> None:
        """Read what neither git nor the session has, as far as memory and time go. Blocks."""
        missing = [(signature[1], path, signature[0]) for path, signature in files if not self._has(path)]
        deadline = time.monotonic() + COPY_SECONDS
        for _, path, size in sorted(missing, reverse=True):
            if size > FILE_BYTES or path in self._known:
                continue
            if self._left < size or time.monotonic() > deadline:
                return
            self._copy(path)

    def _has(self, path: str) -> bool:
        return path in self._known or any(path in view.clean for view in self._views)

    def _copy(self, path: str) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                data = file.read(FILE_BYTES + 1)
        except OSError:
            return
        if len(data) > FILE_BYTES:
            return
        if decode_text(data) is None:
            self._known.setdefault(path, Side(True, digest=hashlib.sha256(data).hexdigest()))
        else:
            self._copies[path] = data
            self._left -= len(data)

    def put(self, path: str, side: Side) -> None:
        """The session knows now what a file holds."""
        self._left += len(self._copies.pop(path, b""))
        self._known[path] = side

    def known(self, path: str) -> Side | None:
        """What the session itself knows of a file."""
        return self._known.get(path)

    def before(self, path: str) -> Side:
        """What a file held that was there; UNSEEN where nobody knows."""
        if path in self._known:
            return self._known[path]
        if path in self._copies:
            return Side(True, self._copies[path])
        for view in self._views:
            data = view.content(path)
            if data is not None:
                digest = None if decode_text(data) is not None else hashlib.sha256(data).hexdigest()
                return Side(True, data if digest is None else None, digest=digest)
        return UNSEEN
