"""The names in a mailbox, and which of its objects to read next.

    v1/<workspace>/heads/<device>-<count>-<entries>-<operations>-<addresses>
    v1/<workspace>/<device>/<stream>/<last>-<first>-<day>-<size>-<hash>      stream: entries, operations, addresses
    v1/<workspace>/<device>/blobs/<blob>/<offset>-<total>-<day>-<size>-<hash>

Workspace, device and blob stand there as keyed hashes: without the workspace's secret a name tells nothing. Below a
device's folder only that device writes, and only new objects. What a stream carries is numbered from 1 without gaps
(entries by their n); an object holds the numbers first … last, and `last` comes first in its name so that everything
after a number follows it in the order of names. Ranges may overlap: a larger object replaces smaller ones.

A head is empty. A device writes its next one when its objects are there, then deletes the one before. `count` grows
with each; the others are the last numbers of its streams. `day` counts from 1970-01-01 UTC by the writer's clock; only
the writer goes by it.

Names are claims of whoever may write to the storage: what is inside an object decides. An object whose content does not
have the size and the hash of its name is not there yet; names of any other form belong to somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from sync.crypto import derive_key, domain_hash

Stream = Literal["entries", "operations", "addresses"]

MAX_NUMBER = 2**53
MAX_DEVICES = 4096
"""Folders of devices that are looked at; further ones are ignored."""
MAX_OBJECT_BYTES = 10 << 20
DAY_MS = 86_400_000

_NAME = "lovelace/mailbox-name/1"
_HASH = "lovelace/mailbox-object-hash/1"
_NAME_BYTES = 16
_OBJECT = re.compile(r"(\d{16})-(\d{16})-(\d{1,8})-(\d{1,8})-([0-9a-f]{32})", re.ASCII)
_HEAD = re.compile(r"([0-9a-f]{32})-(\d{1,16})-(\d{1,16})-(\d{1,16})-(\d{1,16})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ObjectName:
    """An object by its name. Of a blob's part, first and last are its offset and the blob's whole size."""

    first: int
    last: int
    day: int
    size: int
    digest: str

    @classmethod
    def of(cls, first: int, last: int, day: int, data: bytes) -> ObjectName:
        """The name for an object with this content."""
        return cls(first, last, day, len(data), _digest(data))

    def __str__(self) -> str:
        return f"{self.last:016d}-{self.first:016d}-{self.day}-{self.size}-{self.digest}"

    def fits(self, data: bytes) -> bool:
        """Whether this is the whole content."""
        return len(data) == self.size and _digest(data) == self.digest


@dataclass(frozen=True, slots=True)
class Head:
    """A device's marker. folder: the name of its folder."""

    folder: str
    count: int
    entries: int
    operations: int
    addresses: int

    def __str__(self) -> str:
        return f"{self.folder}-{self.count}-{self.entries}-{self.operations}-{self.addresses}"


class Layout:
    """The names of one workspace's mailbox. secret: 32 bytes that all its members know and nobody else, for good."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.root = f"v1/{self._name(b'workspace')}/"
        self.heads = f"{self.root}heads/"

    def folder(self, device: bytes) -> str:
        """The name of a device's folder."""
        return self._name(b"device", device)

    def stream(self, folder: str, stream: Stream) -> str:
        """Where the objects of a stream are."""
        return f"{self.root}{folder}/{stream}/"

    def blob(self, folder: str, blob: bytes) -> str:
        """Where the parts of a blob are that this device brought."""
        return f"{self.root}{folder}/blobs/{self._name(b'blob', blob)}/"

    def _name(self, *what: bytes) -> str:
        return derive_key(self._secret, _NAME, *what)[:_NAME_BYTES].hex()


def read_name(text: str) -> ObjectName | None:
    """An object by its name; None for a file that is not ours."""
    found = _OBJECT.fullmatch(text)
    if found is None:
        return None
    last, first, day, size = (int(number) for number in found.groups()[:4])
    if max(first, last) > MAX_NUMBER or size > MAX_OBJECT_BYTES:
        return None
    name = ObjectName(first, last, day, size, found[5])
    return name if str(name) == text else None


def read_names(texts: Iterable[str]) -> list[ObjectName]:
    """The objects of a stream among the files of its folder."""
    names = (read_name(text) for text in texts)
    return [name for name in names if name is not None and 1 <= name.first <= name.last]


def read_heads(texts: Iterable[str]) -> dict[str, list[Head]]:
    """The markers by folder, of at most `MAX_DEVICES` folders; usually one each."""
    heads: dict[str, list[Head]] = {}
    for text in sorted(texts):
        found = _HEAD.fullmatch(text)
        if found is None or (found[1] not in heads and len(heads) >= MAX_DEVICES):
            continue
        head = Head(found[1], *(int(number) for number in found.groups()[1:]))
        if str(head) == text:
            heads.setdefault(head.folder, []).append(head)
    return heads


def covered(names: Iterable[ObjectName], n: int) -> int:
    """The number up to which objects hold everything, given everything up to n."""
    for name in sorted(names, key=lambda name: name.first):
        if name.first > n + 1:
            break
        n = max(n, name.last)
    return n


def to_read(
    names: Iterable[ObjectName], n: int, have: Collection[ObjectName], without: Collection[ObjectName]
) -> list[ObjectName]:
    """The objects to read for everything after n, in this order: as few as possible, beyond gaps too.

    have: read already; without: of no use at present, because their content is not there or does not open.
    """
    left = sorted(
        (name for name in names if name.last > n and name not in without),
        key=lambda name: (name.first, -name.last, name not in have, name.digest),
    )
    wanted: list[ObjectName] = []
    at = 0
    while at < len(left):
        n = max(n, left[at].first - 1)
        best = left[at]
        while at < len(left) and left[at].first <= n + 1:
            best = max(best, left[at], key=lambda name: name.last)
            at += 1
        if best.last > n and best not in have:
            wanted.append(best)
        n = max(n, best.last)
        while at < len(left) and left[at].last <= n:
            at += 1
    return wanted


def object_start(n: int) -> str:
    """A name after which all objects with numbers above n come, and none whose numbers end before."""
    return f"{n:016d}~"


def _digest(data: bytes) -> str:
    return domain_hash(_HASH, data)[:_NAME_BYTES].hex()
