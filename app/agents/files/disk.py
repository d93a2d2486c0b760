"""Single files by their workspace-relative names: looking, writing, deleting, never outside the folders.

The last part of a name must be a plain file: what has become a link or a folder is told, never followed or replaced.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import PurePosixPath

from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Folders, Target, delete_file, explained, open_file, write_file
from app.sessions.file_changes import MISSING, OnDisk

READ_BYTES = 4 * 1024 * 1024
"""Files up to this size are read whole; larger ones are known by their hash."""
HASH_BYTES = 1 << 30
"""Larger ones are not even hashed."""
_CHUNK = 1 << 20


def look(folders: Folders, name: str, limit: int = READ_BYTES) -> OnDisk:
    """What is at a name now, with its content up to `limit` bytes. Raises nothing."""
    try:
        target = plain_target(folders, name)
        if target is None:
            return MISSING
        with open_file(target) as descriptor:
            return _read(descriptor, limit)
    except ToolFailure as failure:
        return OnDisk("other", why=_reason(str(failure), name))


def plain_target(folders: Folders, name: str) -> Target | None:
    """The place of a file that may be read or replaced; None where nothing is.

    Raises ToolFailure for what is outside the folders, a link, or no plain file.
    """
    target = place(folders, name)
    try:
        with explained(name):
            mode = os.lstat(target.path).st_mode
    except ToolFailure as failure:
        if getattr(failure.__cause__, "errno", None) in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise
    if stat.S_ISLNK(mode):
        raise ToolFailure(f"'{name}' is a link.")
    if not stat.S_ISREG(mode):
        raise ToolFailure(f"'{name}' is a folder." if stat.S_ISDIR(mode) else f"'{name}' is no plain file.")
    return target


def place(folders: Folders, name: str) -> Target:
    """Where a name is, with links in its folders resolved but not one at its end. Raises ToolFailure when outside."""
    pure = PurePosixPath(name)
    if not pure.name or pure.name == "..":
        raise ToolFailure(f"'{name}' names no file.")
    folders.resolve(name)
    parent = folders.resolve(str(pure.parent))
    path = parent.path / pure.name
    return Target(parent.folder, (*parent.parts, pure.name), folders.display(path))


def _read(descriptor: int, limit: int) -> OnDisk:
    status = os.fstat(descriptor)
    if status.st_size > HASH_BYTES:
        return OnDisk("other", why="it is too large to be looked at")
    keep = status.st_size <= limit
    digest = hashlib.sha256()
    pieces: list[bytes] = []
    while piece := os.read(descriptor, _CHUNK):
        digest.update(piece)
        if keep:
            pieces.append(piece)
    return OnDisk("file", b"".join(pieces) if keep else None, digest.hexdigest())


def write(folders: Folders, name: str, data: bytes) -> None:
    """Replace or create a plain file. Raises ToolFailure where it is not to be written."""
    target = _changeable(folders, name)
    write_file(target, data)


def delete(folders: Folders, name: str) -> None:
    """Remove a plain file. Raises ToolFailure."""
    delete_file(_changeable(folders, name))


def _changeable(folders: Folders, name: str) -> Target:
    target = plain_target(folders, name) or place(folders, name)
    if os.path.lexists(target.path) and not os.lstat(target.path).st_mode & 0o222:
        raise ToolFailure(f"'{name}' is read-only.")
    return target


def _reason(sentence: str, name: str) -> str:
    """The end of a sentence that begins with the name of the file."""
    for head in (f"'{name}' is ", f"'{name}': "):
        if sentence.startswith(head):
            rest = sentence.removeprefix(head).removesuffix(".")
            return f"it is {rest}" if head.endswith("is ") else rest
    return sentence.removesuffix(".")
