"""What `git status --porcelain=v2 --branch -z` says, as values. Pure.

Paths are text as the file system gives them: bytes that are no UTF-8 are lone surrogates (`os.fsdecode`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Group = Literal["conflict", "staged", "changed", "untracked"]
GROUPS: tuple[Group, ...] = ("conflict", "staged", "changed", "untracked")

MOST_FILES = 10_000
"""So many files are told of; of more only their number."""


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One side of a file's state. letter: git's: M changed, A added, D deleted, R renamed, C copied, T another type,
    U in conflict, ? untracked. path: below the top of the repository, with a slash at its end for a folder.

    A file that is staged and changed again since is there twice, in two groups.
    """

    group: Group
    path: str
    letter: str
    old_path: str | None = None
    is_submodule: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """head: a commit, None before the first. branch: None where none is checked out. upstream: None without one.

    ahead, behind: commits that only this or only the upstream has. files: by group, then path. more: files that are
    not listed because there are so many.
    """

    head: str | None = None
    branch: str | None = None
    upstream: str | None = None
    ahead: int = 0
    behind: int = 0
    files: tuple[ChangedFile, ...] = ()
    more: int = 0

    def of(self, group: Group) -> list[ChangedFile]:
        """The files of one group."""
        return [file for file in self.files if file.group == group]


def parse_status(printed: bytes) -> Status:
    """The status; lines that a newer git may add are passed over."""
    records = iter(printed.split(b"\0"))
    heads: dict[bytes, bytes] = {}
    files: list[ChangedFile] = []
    for record in records:
        if record.startswith(b"# "):
            key, _, value = record[2:].partition(b" ")
            heads[key] = value
        else:
            files += _files(record, records)
    files.sort(key=lambda file: (GROUPS.index(file.group), file.path))
    ahead, behind = _counts(heads.get(b"branch.ab", b""))
    head, branch = heads.get(b"branch.oid"), heads.get(b"branch.head")
    return Status(
        None if head in (None, b"(initial)") else os.fsdecode(head or b""),
        None if branch in (None, b"(detached)") else os.fsdecode(branch or b""),
        os.fsdecode(heads[b"branch.upstream"]) if b"branch.upstream" in heads else None,
        ahead,
        behind,
        tuple(files[:MOST_FILES]),
        max(0, len(files) - MOST_FILES),
    )


def _files(record: bytes, rest: Iterator[bytes]) -> Iterator[ChangedFile]:
    kind, _, fields = record.partition(b" ")
    if kind == b"?":
        yield ChangedFile("untracked", os.fsdecode(fields), "?")
    elif kind == b"1" and fields.count(b" ") >= 7:
        state, submodule, *_modes, path = fields.split(b" ", 7)
        yield from _sides(state, os.fsdecode(path), None, submodule)
    elif kind == b"2" and fields.count(b" ") >= 8:
        state, submodule, *_modes, path = fields.split(b" ", 8)
        yield from _sides(state, os.fsdecode(path), os.fsdecode(next(rest, b"")), submodule)
    elif kind == b"u" and fields.count(b" ") >= 9:
        _state, submodule, *_modes, path = fields.split(b" ", 9)
        yield ChangedFile("conflict", os.fsdecode(path), "U", None, submodule.startswith(b"S"))


def _sides(state: bytes, path: str, old_path: str | None, submodule: bytes) -> Iterator[ChangedFile]:
    staged, changed = state[:1].decode("latin-1"), state[1:2].decode("latin-1")
    is_submodule = submodule.startswith(b"S")
    if staged not in (".", ""):
        yield ChangedFile("staged", path, staged, old_path if staged in "RC" else None, is_submodule)
    if changed not in (".", ""):
        yield ChangedFile("changed", path, changed, old_path if changed in "RC" else None, is_submodule)


def _counts(text: bytes) -> tuple[int, int]:
    ahead, _, behind = text.partition(b" ")
    return _number(ahead, b"+"), _number(behind, b"-")


def _number(word: bytes, sign: bytes) -> int:
    digits = word.removeprefix(sign)
    return int(digits) if digits.isdigit() else 0
