"""Power cuts: what a disk may hold that was told to write and never got to it.

`recording` runs a Python program with `power_recorder.c` preloaded, which notes every write, truncation, sync and
change of a name below a folder. `Disk` plays the record up to any moment and gives what is there after a cut: all that
was synced, and of the rest nothing, or whatever an unlucky disk managed. A file's name is only there once its folder
was synced. Memory maps are not played: the one file that is mapped is made anew by whoever opens the database first.
"""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITE, TRUNCATE, SYNC, CREATE, RENAME, LINK, UNLINK, MKDIR, RMDIR, MARK = range(1, 11)
_HEAD = struct.Struct("=IIIIQQ")


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call; offset: of a write, or the size of a truncation."""

    kind: int
    path: str
    second: str
    data: bytes
    inode: int
    offset: int


def recording(folder: Path, module: str, *arguments: str) -> list[Call]:
    """The calls of `python -m module arguments` on files below `folder`, which is there before."""
    library, log = folder.parent / "recorder.so", folder.parent / "calls"
    source = Path(__file__).with_name("power_recorder.c")
    build = ["gcc", "-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl", "-lpthread"]
    try:
        subprocess.run(build, check=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("gcc is not on this computer")
    settings = [f"LD_PRELOAD={library}", f"POWER_FOLDER={folder}", f"POWER_LOG={log}"]
    run = subprocess.run(
        ["env", *settings, sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    return list(_parse(log.read_bytes()))


def _parse(data: bytes) -> Iterator[Call]:
    at = 0
    while at < len(data):
        kind, path, second, size, inode, offset = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        parts = []
        for length in (path, second, size):
            parts.append(data[at : at + length])
            at += length
        yield Call(kind, parts[0].decode(), parts[1].decode(), parts[2], inode, offset)


@dataclass(slots=True, eq=False)
class _File:
    """synced: what is on the disk for sure. waiting: (offset, data) of writes since, data None for a truncation."""

    is_folder: bool = False
    synced: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes | None]] = field(default_factory=list)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


class Disk:
    """A folder that begins empty and is on the disk itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._inodes: dict[int, _File] = {}
        self._names: dict[str, _File] = {}
        self._synced: dict[str, _File] = {}
        self._waiting: list[tuple[str, _File | None]] = []

    def play(self, call: Call) -> None:
        """The next call of the record."""
        match call.kind:
            case _ if call.kind in (CREATE, MKDIR):
                made = _File(is_folder=call.kind == MKDIR)
                self._inodes[call.inode] = made
                self._name(call.path, made)
            case _ if call.kind in (WRITE, TRUNCATE):
                if call.inode in self._inodes:
                    change = (call.offset, call.data if call.kind == WRITE else None)
                    self._inodes[call.inode].waiting.append(change)
            case _ if call.kind in (RENAME, LINK):
                self._name(call.second, self._names[call.path])
                if call.kind == RENAME:
                    self._name(call.path, None)
            case _ if call.kind in (UNLINK, RMDIR):
                self._name(call.path, None)
            case _ if call.kind == SYNC:
                self._sync(call)

    def _name(self, path: str, file: _File | None) -> None:
        if file is None:
            self._names.pop(path, None)
        else:
            self._names[path] = file
        self._waiting.append((path, file))

    def _sync(self, call: Call) -> None:
        file = self._names.get(call.path)
        if call.path == self._folder or (file is not None and file.is_folder):
            inside = [change for change in self._waiting if change[0].rpartition("/")[0] == call.path]
            self._waiting = [change for change in self._waiting if change not in inside]
            _rename(self._synced, inside)
        elif call.inode in self._inodes:
            synced = self._inodes[call.inode]
            for offset, data in synced.waiting:
                _apply(synced.synced, offset, data)
            synced.waiting.clear()

    def after_cut(self, target: Path, luck: random.Random | None = None) -> None:
        """Make the folder as it is after the power went, at `target`. luck: None for a disk that keeps nothing more."""
        names = dict(self._synced)
        if luck is not None:
            _rename(names, self._waiting[: luck.randint(0, len(self._waiting))])
        for path, file in sorted(names.items()):
            place = target / path[len(self._folder) + 1 :]
            if not place.parent.exists():
                continue  # the folder itself has got lost
            if file.is_folder:
                place.mkdir()
            else:
                place.write_bytes(_content(file, luck))


def _rename(names: dict[str, _File], changes: Sequence[tuple[str, _File | None]]) -> None:
    for path, file in changes:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


def _content(file: _File, luck: random.Random | None) -> bytes:
    content = bytearray(file.synced)
    for offset, data in file.waiting:
        if luck is not None and luck.random() < 0.5:
            _apply(content, offset, data)
    return bytes(content)
